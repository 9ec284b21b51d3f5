#include <doctest/doctest.h>

#include <array>
#include <sim/arch/aarch64/code_copies.hpp>

namespace axvm::sim::aarch64 {
namespace {

TEST_CASE("a frame has a copy from when it is made until it is forgotten") {
  auto copies = CodeCopies::create();
  REQUIRE(copies);
  std::array<std::uint8_t, 4096> frame{};
  frame[4095] = 7;

  CHECK(!copies->find(0x4000'0000));
  const auto made = copies->make(0x4000'0000, frame.data());
  CHECK(made.bytes[4095] == 7);
  CHECK(made.address - CodeCopies::kBase ==
        static_cast<std::uint64_t>(made.bytes - copies->memory()));
  const auto found = copies->find(0x4000'0000);
  REQUIRE(found);
  CHECK(found->address == made.address);
  CHECK(!copies->find(0x4000'1000));

  copies->forget(0x4000'1000);
  copies->forget(0x4000'0000);
  CHECK(!copies->find(0x4000'0000));
}

TEST_CASE("copies are full at their number, and room comes back") {
  auto copies = CodeCopies::create();
  REQUIRE(copies);
  const std::array<std::uint8_t, 4096> frame{};
  for (std::uint64_t n = 0; n < CodeCopies::kMaxCopies; ++n) {
    REQUIRE(!copies->full());
    copies->make(n << 12, frame.data());
  }
  CHECK(copies->full());
  const std::uint64_t address = copies->find(5 << 12)->address;
  copies->forget(5 << 12);
  CHECK(!copies->full());
  CHECK(copies->make(1ULL << 40, frame.data()).address == address);
  CHECK(copies->full());
  copies->forget_all();
  CHECK(!copies->full());
  CHECK(!copies->find(1ULL << 40));
}

}  // namespace
}  // namespace axvm::sim::aarch64
