// An interrupt file by its registers: RISC-V Advanced Interrupt Architecture 1.0, chapter 3.
#include <doctest/doctest.h>
#include <rapidcheck.h>
#include <core/arch/riscv64/aia/interrupt_file.hpp>
#include <cstdint>
#include <set>
#include <tuple>
#include <vector>

using namespace axvm::riscv64;

namespace {

constexpr std::uint64_t kEidelivery = 0x70, kEithreshold = 0x72, kEip0 = 0x80, kEie0 = 0xc0;

std::uint64_t top_of(std::uint64_t identity) { return identity << 16 | identity; }

void enable(InterruptFile& file, std::uint64_t identity) {
  const std::uint64_t select = kEie0 + identity / 64 * 2;
  CHECK(file.write(select, *file.read(select) | 1ULL << identity % 64));
}

}  // namespace

TEST_CASE("a message that is enabled interrupts until it is claimed, once delivery is on") {
  InterruptFile file;
  enable(file, 200);
  file.receive(200);
  CHECK(file.top() == top_of(200));
  CHECK_FALSE(file.is_signaling());
  file.write(kEidelivery, 1);
  CHECK(file.is_signaling());
  file.claim();
  CHECK(file.top() == 0);
  CHECK_FALSE(file.is_signaling());
  file.claim();  // of nothing: no effect
  CHECK(file.top() == 0);
}

TEST_CASE("the lowest identity comes first") {
  InterruptFile file;
  for (const std::uint32_t identity : {255U, 64U, 1U, 63U}) {
    enable(file, identity);
    file.receive(identity);
  }
  for (const std::uint64_t identity : {1U, 63U, 64U, 255U}) {
    CHECK(file.top() == top_of(identity));
    file.claim();
  }
  CHECK(file.top() == 0);
}

TEST_CASE("a threshold keeps back its own identity and those above; 0 none") {
  InterruptFile file;
  enable(file, 10);
  file.receive(10);
  file.write(kEithreshold, 10);
  CHECK(file.top() == 0);
  file.write(kEithreshold, 11);
  CHECK(file.top() == top_of(10));
  file.write(kEithreshold, 0);
  CHECK(file.top() == top_of(10));
}

TEST_CASE("identities that there are none of are ignored, in messages and in registers") {
  InterruptFile file;
  for (const std::uint32_t identity : {0U, 256U, 2047U, 0xffff'ffffU}) file.receive(identity);
  for (std::uint64_t select = kEip0; select < kEie0; select += 2) CHECK(file.read(select) == 0);
  for (std::uint64_t select = kEip0; select <= 0xff; select += 2) CHECK(file.write(select, ~0ULL));
  CHECK(file.read(kEip0) == ~1ULL);
  CHECK(file.read(kEip0 + 6) == ~0ULL);
  CHECK(file.read(kEip0 + 8) == 0);
  CHECK(file.read(kEie0) == ~1ULL);
  CHECK(file.read(0xfe) == 0);
}

TEST_CASE("registers by number: reserved ones are 0, and the odd ones are not there") {
  InterruptFile file;
  for (const std::uint64_t select : {0x71U, 0x73U, 0x7fU}) {
    CHECK(file.write(select, ~0ULL));
    CHECK(file.read(select) == 0);
  }
  for (const std::uint64_t select : {0x81U, 0xbfU, 0xc1U, 0xffU, 0x6fU, 0x100U, 0x30U}) {
    CHECK_FALSE(file.read(select));
    CHECK_FALSE(file.write(select, 1));
  }
  file.write(kEithreshold, ~0ULL);
  CHECK(file.read(kEithreshold) == 255);
  file.write(kEidelivery, 1);
  file.write(kEidelivery, 0x4000'0000);  // by an APLIC: not supported
  CHECK(file.read(kEidelivery) == 1);
  file.write(kEidelivery, 0);
  CHECK(file.read(kEidelivery) == 0);
}

TEST_CASE("an interrupt file does what its specification says") {
  rc::check([](const std::vector<std::tuple<std::uint8_t, std::uint8_t>>& steps) {
    InterruptFile file;
    std::set<std::uint32_t> pending, enabled;
    std::uint32_t threshold = 0;
    for (const auto& [what, value] : steps) {
      std::uint32_t best = 0;
      for (const std::uint32_t identity : pending) {
        if (best == 0 && enabled.contains(identity)) best = identity;
      }
      if (threshold != 0 && best >= threshold) best = 0;
      RC_ASSERT(file.top() == top_of(best));
      switch (what % 4) {
        case 0:
          file.receive(value);
          if (value != 0) pending.insert(value);
          break;
        case 1:
          enable(file, value);
          if (value != 0) enabled.insert(value);
          break;
        case 2:
          file.write(kEithreshold, value);
          threshold = value;
          break;
        default: file.claim(); pending.erase(best);
      }
    }
  });
}
