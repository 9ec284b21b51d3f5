#include <doctest/doctest.h>
#include <rapidcheck.h>
#include <core/devices/cfi_flash.hpp>
#include <vector>

#include <tests/core/fake_hal.hpp>

using namespace axvm;

namespace {

constexpr std::uint64_t kSize = 256 << 10;
constexpr std::uint64_t kBlock = CfiFlash::kBlockSize;

struct Bank {
  test::FakeHal hal;
  Box<CfiFlash> flash =
      std::move(*CfiFlash::try_make(Allocator::of(hal), "flash", {Bus::Mmio, 0x400'0000, kSize}));

  std::uint64_t read(std::uint64_t offset, AccessWidth width = AccessWidth::Word) {
    return *flash->read(offset, width);
  }
  void write(std::uint64_t offset, std::uint64_t value, AccessWidth width = AccessWidth::Word) {
    REQUIRE(flash->write(offset, width, value).has_value());
  }
  void program(std::uint64_t offset, std::uint64_t value, AccessWidth width = AccessWidth::Word) {
    write(offset, 0x40);
    write(offset, value, width);
    CHECK(read(0) == 0x80);  // ready, no error
    write(0, 0xff);
  }
  void erase(std::uint64_t offset) {
    write(offset, 0x20);
    write(offset, 0xd0);
    CHECK(read(0) == 0x80);
    write(0, 0xff);
  }
};

}  // namespace

TEST_CASE("a new flash is erased and reads as memory, at any width") {
  Bank bank;
  CHECK(bank.read(0, AccessWidth::Qword) == ~0ULL);
  CHECK(bank.read(kSize - 1, AccessWidth::Byte) == 0xff);
  bank.program(0x10, 0x1122'3344'5566'7788, AccessWidth::Qword);
  CHECK(bank.read(0x10, AccessWidth::Byte) == 0x88);
  CHECK(bank.read(0x12, AccessWidth::Dword) == 0x3344'5566);
}

TEST_CASE("a query says what the bank is (JESD68.01, JEP137)") {
  Bank bank;
  bank.write(0xaa, 0x98);
  const auto query = [&](std::uint64_t index) { return bank.read(2 * index); };
  CHECK(query(0x10) == 'Q');
  CHECK(query(0x11) == 'R');
  CHECK(query(0x12) == 'Y');
  CHECK(query(0x13) == 1);
  CHECK((1ULL << query(0x27)) == kSize);
  CHECK((1ULL << query(0x2a)) == CfiFlash::kBufferSize);
  CHECK(query(0x2c) == 1);
  CHECK(0x100 * query(0x2e) + query(0x2d) + 1 == kSize / kBlock);
  CHECK(0x1'0000 * query(0x30) + 0x100 * query(0x2f) == kBlock);
  CHECK(bank.read(0x20, AccessWidth::Dword) == ('R' << 16 | 'Q'));
  CHECK(query(0x1000) == 0);
  bank.write(0, 0xff);
  CHECK(bank.read(0x20) == 0xffff);
}

TEST_CASE("programming clears bits, only erasing a block sets them") {
  Bank bank;
  bank.program(0x100, 0xff0f);
  bank.program(0x100, 0x0fff);
  CHECK(bank.read(0x100) == 0x0f0f);
  bank.program(kBlock, 0);
  bank.erase(0x1234);
  CHECK(bank.read(0x100) == 0xffff);
  CHECK(bank.read(kBlock) == 0);
}

TEST_CASE("a buffered write programs up to 32 bytes at once") {
  Bank bank;
  bank.write(0, 0xe8);
  CHECK(bank.read(0) == 0x80);  // the buffer is free
  bank.write(0, 15);
  for (std::uint64_t i = 0; i < 16; ++i) bank.write(0x1020 + 2 * i, i);
  CHECK(bank.read(0x1020) == 0x80);  // nothing but status
  bank.write(0, 0xd0);
  bank.write(0, 0xff);
  for (std::uint64_t i = 0; i < 16; ++i) CHECK(bank.read(0x1020 + 2 * i) == i);
  CHECK(bank.read(0x1040) == 0xffff);
}

TEST_CASE("a sequence that is none changes nothing and is reported until the status is cleared") {
  const auto refused = [](std::initializer_list<std::pair<std::uint64_t, std::uint64_t>> writes) {
    Bank bank;
    for (const auto& [offset, value] : writes) bank.write(offset, value);
    CHECK(bank.read(0) == 0xb0);  // ready, erase and program errors
    bank.write(0, 0x50);
    CHECK(bank.read(0) == 0xffff);
    bank.write(0, 0x70);
    CHECK(bank.read(0) == 0x80);
  };
  refused({{0, 0x20}, {0, 0xff}});                      // an erasure that is not confirmed
  refused({{0, 0xe8}, {0, 0}, {0, 0}, {0, 0xff}});      // nor is a buffer
  refused({{0, 0xe8}, {0, 32}});                        // too long for the buffer
  refused({{0, 0xe8}, {0, 1}, {0x10, 0}, {0x100, 0}});  // outside of what was begun
  refused({{0, 0x60}, {0, 0xff}});                      // no such lock
}

TEST_CASE("the identifier, and blocks that are never locked") {
  Bank bank;
  bank.write(0, 0x60);
  bank.write(0, 0x01);
  bank.write(0, 0x90);
  CHECK(bank.read(0) == 0x89);
  CHECK(bank.read(2) == 0x18);
  CHECK(bank.read(kBlock + 4) == 0);
  bank.write(0, 0xf0);
  CHECK(bank.read(0) == 0xffff);
}

TEST_CASE("a reset ends every command and keeps the contents") {
  Bank bank;
  bank.program(0x100, 0x1234);
  bank.write(0, 0x20);
  bank.flash->reset();
  bank.write(0, 0xd0);  // confirms nothing
  CHECK(bank.read(0x100) == 0x1234);
}

TEST_CASE("a flash is a power of two of whole blocks") {
  CHECK(CfiFlash::is_possible_size(128 << 10));
  CHECK(CfiFlash::is_possible_size(64 << 20));
  CHECK_FALSE(CfiFlash::is_possible_size(0));
  CHECK_FALSE(CfiFlash::is_possible_size(64 << 10));
  CHECK_FALSE(CfiFlash::is_possible_size(384 << 10));
  CHECK_FALSE(CfiFlash::is_possible_size(128 << 20));
}

TEST_CASE("property: whatever is written, only set bits of what programs are cleared") {
  rc::check([] {
    Bank bank;
    const auto writes = *rc::gen::container<std::vector<std::pair<std::uint32_t, std::uint8_t>>>(
        rc::gen::pair(rc::gen::inRange<std::uint32_t>(0, kSize - 8),
                      rc::gen::element<std::uint8_t>(0x10, 0x20, 0x40, 0x50, 0x60, 0x70, 0x90, 0x98,
                                                     0xd0, 0xe8, 0xff, 0x00, 0x01, 0x0f)));
    for (const auto& [offset, value] : writes) {
      bank.write(offset, value, static_cast<AccessWidth>(1U << (offset % 4)));
      static_cast<void>(bank.read(offset, AccessWidth::Qword));
    }
    // It can always be brought back: enough confirmations end any sequence, then erase.
    for (int i = 0; i < 40; ++i) bank.write(0, 0xd0);
    bank.write(0, 0x50);
    bank.erase(0);
    RC_ASSERT(bank.read(0, AccessWidth::Qword) == ~0ULL);
  });
}
