#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <map>
#include <sim/memory/physical_memory.hpp>
#include <vector>

namespace axvm::sim::test {

namespace {

using Bank = PhysicalMemory::Bank;

PhysicalMemory two_banks() {
  constexpr std::array<Bank, 2> kBanks{{{0x8000'0000, 0x4000}, {0x4000'0000, 0x2000}}};
  return std::move(PhysicalMemory::create(kBanks).value());
}

std::string refusal(std::vector<Bank> banks) {
  const auto memory = PhysicalMemory::create(banks);
  return memory ? "accepted" : memory.error();
}

}  // namespace

TEST_CASE("RAM answers at its host-physical addresses and nowhere else") {
  const PhysicalMemory memory = two_banks();
  CHECK(memory.at(0x3fff'ffff) == nullptr);
  CHECK(memory.at(0x4000'0000) != nullptr);
  CHECK(memory.at(0x4000'1fff) == memory.at(0x4000'0000) + 0x1fff);
  CHECK(memory.at(0x4000'2000) == nullptr);
  CHECK(memory.at(0x8000'3fff) != nullptr);
  CHECK(memory.at(0x8000'4000) == nullptr);
  CHECK(memory.at(0) == nullptr);
  CHECK(memory.at(~std::uint64_t{0}) == nullptr);
  CHECK(*memory.at(0x8000'1234) == 0);
}

TEST_CASE("zeroed frames read as zeros and take no room on the host") {
  constexpr std::uint64_t kTiB = std::uint64_t{1} << 40;
  constexpr std::array<Bank, 2> kBanks{{{0x1000, 0x2'0000}, {0x1'0000'0000, kTiB}}};
  auto memory = std::move(PhysicalMemory::create(kBanks).value());
  for (const auto& bank : memory.banks()) {
    const std::uint64_t end = bank.base + bank.size;
    for (const std::uint64_t at : {bank.base, bank.base + 0x1000, end - 0x2000, end - 0x1000}) {
      *memory.at(at) = 1;
      *memory.at(at + 0xfff) = 2;
    }
  }
  memory.zero(0x2000, 0x1000);  // small: written
  CHECK(*memory.at(0x2000) == 0);
  CHECK(*memory.at(0x2fff) == 0);
  CHECK(*memory.at(0x1fff) == 2);
  memory.zero(0x1'0000'1000, kTiB - 0x2000);  // large: dropped
  CHECK(*memory.at(0x1'0000'0fff) == 2);
  CHECK(*memory.at(0x1'0000'1000) == 0);
  CHECK(*memory.at(0x1'0000'0000 + kTiB - 0x1001) == 0);
  CHECK(*memory.at(0x1'0000'0000 + kTiB - 0x1000) == 1);
}

TEST_CASE("contains() does not look across the end of a bank") {
  const PhysicalMemory memory = two_banks();
  CHECK(memory.contains(0x4000'0000, 0x2000));
  CHECK_FALSE(memory.contains(0x4000'0000, 0x2001));
  CHECK(memory.contains(0x4000'1fff, 1));
  CHECK_FALSE(memory.contains(0x4000'1fff, 2));
  CHECK_FALSE(memory.contains(0x4000'1000, ~std::uint64_t{0}));
  CHECK_FALSE(memory.contains(0x7fff'ffff, 1));
}

TEST_CASE("frames are numbered densely in order of address") {
  const PhysicalMemory memory = two_banks();
  CHECK(memory.frame_count() == 6);
  CHECK(memory.frame_index(0x4000'0000) == 0);
  CHECK(memory.frame_index(0x4000'1fff) == 1);
  CHECK(memory.frame_index(0x8000'0000) == 2);
  CHECK(memory.frame_index(0x8000'3000) == 5);
  CHECK(memory.frame_index(0x8000'4000) == std::nullopt);
  REQUIRE(memory.banks().size() == 2);
  CHECK(memory.banks()[0].base == 0x4000'0000);
  CHECK(memory.banks()[1].size == 0x4000);
}

TEST_CASE("a host pointer leads back to its address") {
  const PhysicalMemory memory = two_banks();
  CHECK(memory.pa_of(memory.at(0x8000'2345)) == 0x8000'2345);
  CHECK(memory.pa_of(memory.at(0x4000'0000)) == 0x4000'0000);
  const int elsewhere = 0;
  CHECK(memory.pa_of(&elsewhere) == std::nullopt);
}

TEST_CASE("moving takes the memory along") {
  PhysicalMemory memory = two_banks();
  *memory.at(0x4000'0010) = 7;
  PhysicalMemory moved = std::move(memory);
  CHECK(*moved.at(0x4000'0010) == 7);
  PhysicalMemory assigned = two_banks();
  assigned = std::move(moved);
  CHECK(*assigned.at(0x4000'0010) == 7);
  CHECK(assigned.frame_count() == 6);
}

TEST_CASE("banks that cannot be are refused with the reason") {
  CHECK(refusal({}) == "no RAM bank");
  CHECK(refusal({{0x1000, 0}}) == "RAM bank at 0x1000, size 0x0: is empty");
  CHECK(refusal({{0x1800, 0x1000}}) ==
        "RAM bank at 0x1800, size 0x1000: base and size must be multiples of 4 KiB");
  CHECK(refusal({{0x1000, 0x1001}}) ==
        "RAM bank at 0x1000, size 0x1001: base and size must be multiples of 4 KiB");
  CHECK(refusal({{0x1000, 0x2000}, {0x2000, 0x1000}}) ==
        "RAM bank at 0x2000, size 0x1000: overlaps the bank at 0x1000");
  CHECK(refusal({{0x2000, 0x1000}, {0x2000, 0x1000}}) ==
        "RAM bank at 0x2000, size 0x1000: overlaps the bank at 0x2000");
  CHECK(refusal({{0xf'ffff'ffff'f000, 0x2000}}) ==
        "RAM bank at 0xffffffffff000, size 0x2000: ends beyond 52 bits of physical address");
  CHECK(refusal({{0, 0xf'ffff'ffff'f000}}) ==
        "RAM bank at 0x0, size 0xffffffffff000: the host has no room");
  CHECK(refusal({{0x2000, 0x1000}, {0x1000, 0x1000}}) == "accepted");
}

namespace {

/// Keeps the frames described, or gives them back.
class Frames final : public StateVisitor {
 public:
  bool restoring = false;
  std::map<std::uint64_t, std::vector<std::byte>> frames;

  void enter(std::string_view, std::uint64_t index) override {
    next_ = frames.begin();
    if (restoring) std::advance(next_, static_cast<std::ptrdiff_t>(index));
  }
  void leave() override {}
  void field(std::string_view name, std::uint64_t& value) override {
    if (name == "frames") {
      if (restoring) value = frames.size();
    } else if (restoring) {
      value = next_->first;
    } else {
      address_ = value;
    }
  }
  void bytes(std::string_view, std::span<std::byte> value) override {
    if (restoring) {
      std::memcpy(value.data(), next_->second.data(), value.size());
    } else {
      frames[address_].assign(value.begin(), value.end());
    }
  }

 private:
  std::map<std::uint64_t, std::vector<std::byte>>::iterator next_;
  std::uint64_t address_ = 0;
};

}  // namespace

TEST_CASE("only frames with content are part of the state") {
  constexpr std::array<Bank, 2> kBanks{{{0x4000'0000, 0x1'0000'0000}, {0x10'0000'0000, 0x1000}}};
  PhysicalMemory memory = std::move(PhysicalMemory::create(kBanks).value());
  *memory.at(0x4000'0fff) = 1;
  *memory.at(0x9000'0000) = 2;
  *memory.at(0x10'0000'0800) = 3;
  *memory.at(0x5000'0000) = 0;  // touched, but zero
  Frames saved;
  memory.describe(saved);
  REQUIRE(saved.frames.size() == 3);
  CHECK(saved.frames.contains(0x4000'0000));
  CHECK(saved.frames[0x9000'0000][0] == std::byte{2});
  CHECK(saved.frames[0x10'0000'0000][0x800] == std::byte{3});
}

TEST_CASE("restoring brings the saved frames and clears all others") {
  PhysicalMemory memory = two_banks();
  *memory.at(0x4000'1000) = 1;
  *memory.at(0x8000'0000) = 2;
  Frames saved;
  memory.describe(saved);

  PhysicalMemory other = two_banks();
  *other.at(0x4000'0000) = 9;
  *other.at(0x8000'0000) = 8;
  *other.at(0x8000'3000) = 7;
  saved.restoring = true;
  other.describe(saved);
  Frames again;
  other.describe(again);
  CHECK(again.frames == saved.frames);
}

}  // namespace axvm::sim::test
