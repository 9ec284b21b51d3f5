#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <array>
#include <hal-sim/memory/frame_allocator.hpp>
#include <map>
#include <set>
#include <span>
#include <tuple>
#include <vector>

using namespace axvm::hal_sim;

namespace {

constexpr std::uint64_t kFrame = FrameAllocator::kFrameSize;
constexpr std::array<FrameRange, 2> kBanks = {
    {{0x4000'0000, 16 * kFrame}, {0x8000'0000, 64 * kFrame}}};

}  // namespace

TEST_CASE("law: a range set has the members that were put in and not taken out") {
  CHECK(rc::check([](const std::vector<std::tuple<bool, std::uint8_t, std::uint8_t>>& changes) {
    RangeSet set;
    std::set<std::uint64_t> model;
    for (const auto& [insert, begin, length] : changes) {
      const std::uint64_t end = begin + length % 32U;
      insert ? set.insert(begin, end) : set.erase(begin, end);
      for (std::uint64_t i = begin; i < end; ++i) {
        if (insert) {
          model.insert(i);
        } else {
          model.erase(i);
        }
      }
      RC_ASSERT(set.count(0, 300) == model.size());
      RC_ASSERT(set.lowest().has_value() != model.empty());
      if (set.lowest()) RC_ASSERT(*set.lowest() == *model.begin());
      std::set<std::uint64_t> members;
      std::uint64_t last_end = 0;
      set.find_run([&](std::uint64_t run_begin, std::uint64_t run_end) {
        RC_ASSERT(run_begin < run_end);
        RC_ASSERT((members.empty() || last_end < run_begin));  // the longest runs
        for (std::uint64_t i = run_begin; i < run_end; ++i) members.insert(i);
        last_end = run_end;
        return false;
      });
      RC_ASSERT(members == model);
    }
  }));
}

TEST_CASE("memory that nobody touches costs nothing") {
  // 4 Gi frames: a bit for each would be half a gigabyte.
  constexpr FrameRange kHuge{0x4000'0000, 16ULL << 40};
  FrameAllocator frames(std::span(&kHuge, 1));
  frames.set_aside({0x4000'0000, 8ULL << 40});
  CHECK(frames.allocate() == 0x4000'0000 + (8ULL << 40));
  CHECK(frames.allocate_range({0x4000'0000, 8ULL << 40}));
  CHECK(frames.taken() == (1ULL << 31) + 1);
  CHECK(frames.deallocate({0x4000'0000, 8ULL << 40}));
  CHECK(frames.taken() == 1);
}

TEST_CASE("frames come lowest address first, and a freed one comes again") {
  FrameAllocator frames(kBanks);
  CHECK(frames.total() == 80);
  CHECK(frames.allocate() == 0x4000'0000);
  CHECK(frames.allocate() == 0x4000'1000);
  CHECK(frames.deallocate({0x4000'0000, kFrame}));
  CHECK(frames.allocate() == 0x4000'0000);
}

TEST_CASE("contiguous requests are aligned and never span two banks") {
  FrameAllocator frames(kBanks);
  CHECK(frames.allocate() == 0x4000'0000);
  CHECK(frames.allocate(4, 4 * kFrame) == 0x4000'4000);
  CHECK(frames.allocate(10, kFrame) == 0x8000'0000);
  CHECK(frames.allocate(65, kFrame) == std::nullopt);
  CHECK(frames.allocate(1, 1ULL << 40) == std::nullopt);
  CHECK(frames.allocate(0, kFrame) == std::nullopt);
}

TEST_CASE("an exact range is given once") {
  FrameAllocator frames(kBanks);
  CHECK(frames.allocate_range({0x8000'2000, 2 * kFrame}));
  CHECK_FALSE(frames.allocate_range({0x8000'3000, 2 * kFrame}));
  CHECK(frames.taken() == 2);
  CHECK_FALSE(frames.allocate_range({0x4000'f000, 2 * kFrame}));
  CHECK_FALSE(frames.allocate_range({0x7000'0000, kFrame}));
  CHECK_FALSE(frames.allocate_range({0x8000'0800, kFrame}));
}

TEST_CASE("set-aside RAM goes to exact requests only") {
  FrameAllocator frames(kBanks);
  frames.set_aside({0x4000'0000, 16 * kFrame});
  CHECK(frames.allocate() == 0x8000'0000);
  CHECK(frames.allocate_range({0x4000'0000, 4 * kFrame}));
  CHECK(frames.deallocate({0x4000'0000, 4 * kFrame}));
  CHECK(frames.allocate() == 0x8000'1000);
  CHECK(frames.allocate_range({0x4000'0000, 16 * kFrame}));
}

TEST_CASE("giving back what was not taken is refused") {
  FrameAllocator frames(kBanks);
  CHECK_FALSE(frames.deallocate({0x4000'0000, kFrame}));
  CHECK_FALSE(frames.deallocate({0x1000, kFrame}));
  CHECK(frames.allocate() == 0x4000'0000);
  CHECK_FALSE(frames.deallocate({0x4000'0000, 2 * kFrame}));
  CHECK(frames.taken() == 1);
}

TEST_CASE("law: no frame has two owners, and giving everything back restores the balance") {
  CHECK(rc::check([](const std::vector<std::uint8_t>& requests) {
    FrameAllocator frames(kBanks);
    std::map<std::uint64_t, std::uint64_t> owned;  // base to size
    const auto claim = [&](std::uint64_t base, std::uint64_t size) {
      for (const auto& [b, s] : owned) RC_ASSERT(base + size <= b || b + s <= base);
      owned[base] = size;
    };
    for (const std::uint8_t request : requests) {
      const std::uint64_t count = request % 5;
      if (count == 0 && !owned.empty()) {
        RC_ASSERT(frames.deallocate({owned.begin()->first, owned.begin()->second}));
        owned.erase(owned.begin());
      } else if (count == 1) {
        if (const auto frame = frames.allocate()) claim(*frame, kFrame);
      } else {
        const std::uint64_t alignment = kFrame << (request / 5 % 4);
        const auto base = frames.allocate(count, alignment);
        if (base) {
          RC_ASSERT(*base % alignment == 0);
          claim(*base, count * kFrame);
        }
      }
    }
    for (const auto& [base, size] : owned) RC_ASSERT(frames.deallocate({base, size}));
    RC_ASSERT(frames.taken() == 0);
    RC_ASSERT(frames.allocate() == 0x4000'0000);
  }));
}
