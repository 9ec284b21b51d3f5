// QEMU's firmware configuration device: docs/specs/fw_cfg.
#include <doctest/doctest.h>
#include <rapidcheck.h>
#include <core/devices/fw_cfg.hpp>
#include <cstdlib>
#include <string>
#include <tests/core/devices/fake_device_host.hpp>

using namespace axvm;

namespace {

struct Heap {
  void* allocate(std::size_t size, std::size_t) { return std::malloc(size); }
  void deallocate(void* p, std::size_t, std::size_t) { std::free(p); }
};

constexpr std::uint32_t kError = 1, kRead = 2, kSkip = 4, kSelect = 8, kWrite = 16;

std::span<const std::byte> as_span(const std::string& text) {
  return std::as_bytes(std::span(text));
}

struct Firmware {
  Firmware() { host.memory.resize(0x4000); }

  std::uint64_t read(std::uint64_t offset, AccessWidth width) {
    return *device->read(offset, width);
  }
  void write(std::uint64_t offset, AccessWidth width, std::uint64_t value) {
    REQUIRE(device->write(offset, width, value).has_value());
  }
  void select(std::uint16_t key) { write(8, AccessWidth::Word, __builtin_bswap16(key)); }
  std::string bytes(std::size_t count) {
    std::string text;
    while (text.size() < count) text.push_back(static_cast<char>(read(0, AccessWidth::Byte)));
    return text;
  }
  /// Carries out a DMA operation; the control word afterwards.
  std::uint32_t dma(std::uint32_t control, std::uint32_t length, std::uint64_t address) {
    const std::uint32_t head[] = {__builtin_bswap32(control), __builtin_bswap32(length)};
    const std::uint64_t tail = __builtin_bswap64(address);
    std::memcpy(host.memory.data(), head, 8);
    std::memcpy(host.memory.data() + 8, &tail, 8);
    write(16, AccessWidth::Qword, __builtin_bswap64(host.base));
    std::uint32_t answer = 0;
    std::memcpy(&answer, host.memory.data(), 4);
    return __builtin_bswap32(answer);
  }
  std::string memory(std::size_t at, std::size_t size) {
    return {reinterpret_cast<const char*>(host.memory.data()) + at, size};
  }

  Heap heap;
  axvm::test::FakeDeviceHost host;
  std::string first = "first file";
  std::string second = std::string(5000, 's');
  std::vector<FirmwareFile> files{{"opt/first", as_span(first)}, {"opt/second", as_span(second)}};
  Result<Box<FwCfg>> made =
      FwCfg::try_make(Allocator::of(heap), "fw_cfg", {Bus::Mmio, 0x902'0000, 0x18}, host,
                      {.cpus = 3, .ram_bytes = 0x1'2345'6000}, files);
  FwCfg* device = made->get();
};

}  // namespace

TEST_CASE("signature, revision and DMA are there") {
  Firmware f;
  f.select(0);
  CHECK(f.bytes(4) == "QEMU");
  f.select(1);
  CHECK(f.read(0, AccessWidth::Dword) == 3);  // both interfaces
  CHECK(f.read(16, AccessWidth::Qword) == __builtin_bswap64(0x51454d5520434647));
  CHECK(f.read(16, AccessWidth::Dword) == __builtin_bswap32(0x51454d55));
  CHECK(f.read(20, AccessWidth::Dword) == __builtin_bswap32(0x20434647));
}

TEST_CASE("the VM's facts are little-endian numbers") {
  Firmware f;
  f.select(5);
  CHECK(f.read(0, AccessWidth::Word) == 3);
  f.select(0xf);
  CHECK(f.read(0, AccessWidth::Word) == 3);
  f.select(3);
  CHECK(f.read(0, AccessWidth::Qword) == 0x1'2345'6000);
}

TEST_CASE("data comes byte by byte in memory's order, whatever the width, and zeroes behind it") {
  Firmware f;
  f.select(0x20);
  CHECK(f.read(0, AccessWidth::Byte) == 'f');
  CHECK(f.read(0, AccessWidth::Word) == ('i' | 'r' << 8));
  CHECK(f.read(0, AccessWidth::Dword) == ('s' | 't' << 8 | ' ' << 16 | 'f' << 24));
  CHECK(f.read(0, AccessWidth::Qword) == ('i' | 'l' << 8 | 'e' << 16));
  CHECK(f.read(0, AccessWidth::Byte) == 0);
  f.select(0x20);
  CHECK(f.read(0, AccessWidth::Byte) == 'f');  // from its beginning again
}

TEST_CASE("the directory names the files, their sizes and keys, big-endian") {
  Firmware f;
  f.select(0x19);
  CHECK(f.bytes(4) == std::string("\0\0\0\2", 4));
  std::string name = "opt/first";
  name.resize(56);
  CHECK(f.bytes(64) == std::string("\0\0\0\x0a\0\x20\0\0", 8) + name);
  name = "opt/second";
  name.resize(56);
  CHECK(f.bytes(64) == std::string("\0\0\x13\x88\0\x21\0\0", 8) + name);
  CHECK(f.bytes(1)[0] == 0);
}

TEST_CASE("what is not there reads zero") {
  Firmware f;
  for (const unsigned key : {0x22U, 0x2U, 0x4020U, 0x8020U, 0xffffU}) {
    f.select(static_cast<std::uint16_t>(key));
    CHECK(f.read(0, AccessWidth::Qword) == 0);
  }
  CHECK(f.read(8, AccessWidth::Word) == 0);
}

TEST_CASE("DMA reads, skips and selects") {
  Firmware f;
  CHECK(f.dma(kSelect | kRead | 0x20 << 16, 10, f.host.base + 0x100) == 0);
  CHECK(f.memory(0x100, 10) == "first file");
  CHECK(f.dma(kSelect | kSkip | 0x20 << 16, 6, 0) == 0);
  CHECK(f.dma(kRead, 4, f.host.base + 0x200) == 0);
  CHECK(f.memory(0x200, 4) == "file");
  CHECK(f.dma(kSelect | kRead | 0x21 << 16, 5000, f.host.base + 0x200) == 0);
  CHECK(f.memory(0x200, 5000) == f.second);
  CHECK(f.dma(0, 0, 0) == 0);
}

TEST_CASE("DMA fills what lies behind an item with zeroes") {
  Firmware f;
  std::fill(f.host.memory.begin(), f.host.memory.end(), std::byte{0xee});
  CHECK(f.dma(kSelect | kRead | 0x20 << 16, 5000, f.host.base + 0x100) == 0);
  CHECK(f.memory(0x100, 5000) == f.first + std::string(4990, '\0'));
  CHECK(f.memory(0x100 + 5000, 1) == "\xee");
  CHECK(f.dma(kSkip, 0xffff'ffff, 0) == 0);
  CHECK(f.dma(kSkip, 0xffff'ffff, 0) == 0);
  CHECK(f.dma(kRead, 1, f.host.base + 0x100) == 0);
  CHECK(f.memory(0x100, 1) == std::string(1, '\0'));
}

TEST_CASE("DMA says what it cannot do") {
  Firmware f;
  CHECK(f.dma(kSelect | kWrite | 0x20 << 16, 4, f.host.base + 0x100) == kError);
  CHECK(f.first == "first file");
  CHECK(f.dma(kSelect | kRead | 0x20 << 16, 10, 0x1000) == kError);
  CHECK(f.dma(kSelect | kRead | 0x20 << 16, 10, f.host.base + 0x4000 - 5) == kError);
  CHECK(f.dma(kSelect | kRead | 0x20 << 16, 10, ~0ULL - 4) == kError);
  // Zeroes without end are refused before any is written.
  std::fill(f.host.memory.begin(), f.host.memory.end(), std::byte{0xee});
  CHECK(f.dma(kSelect | kRead | 0x22 << 16, FwCfg::kMostPadding + 1, f.host.base + 0x100) ==
        kError);
  CHECK(f.memory(0x100, 1) == "\xee");
}

TEST_CASE("a DMA structure that is no memory is left alone") {
  Firmware f;
  f.select(0x20);
  for (const std::uint64_t at : {0ULL, 0x1000ULL, ~0ULL, 0x4000'3ff8ULL}) {
    f.write(16, AccessWidth::Qword, __builtin_bswap64(at));
  }
  CHECK(f.bytes(5) == "first");
}

TEST_CASE("a DMA address may come in halves, the high one first") {
  Firmware f;
  f.dma(0, 0, 0);
  const std::uint32_t head[] = {__builtin_bswap32(kSelect | kRead | 0x20 << 16),
                                __builtin_bswap32(5)};
  const std::uint64_t tail = __builtin_bswap64(f.host.base + 0x80);
  std::memcpy(f.host.memory.data(), head, 8);
  std::memcpy(f.host.memory.data() + 8, &tail, 8);
  f.write(16, AccessWidth::Dword, 0);
  f.write(20, AccessWidth::Dword, __builtin_bswap32(static_cast<std::uint32_t>(f.host.base)));
  CHECK(f.memory(0x80, 5) == "first");
}

TEST_CASE("files that no directory could name are refused") {
  Firmware f;
  const auto refused = [&](std::vector<FirmwareFile> files) {
    return !FwCfg::try_make(Allocator::of(f.heap), "fw_cfg", {Bus::Mmio, 0, 0x18}, f.host, {},
                            files);
  };
  const std::string long_name(56, 'n');
  const std::string longest(55, 'n');
  CHECK(refused({{"", {}}}));
  CHECK(refused({{long_name, {}}}));
  CHECK_FALSE(refused({{longest, {}}}));
  CHECK(refused(std::vector<FirmwareFile>(1025, {"a", {}})));
}

TEST_CASE("a damaged snapshot reads zeroes, not beyond an item") {
  struct Damage final : StateVisitor {
    void field(std::string_view name, std::uint64_t& value) override {
      if (name == "key") value = key;
      if (name == "offset") value = ~0ULL;
    }
    std::uint64_t key = 0;
  } damage;
  Firmware f;
  for (const std::uint64_t key : {0x20ULL, 0x22ULL, 0x19ULL, ~0ULL}) {
    damage.key = key;
    f.device->describe(damage);
    CHECK(f.read(0, AccessWidth::Qword) == 0);
    CHECK(f.dma(kRead, 16, f.host.base + 0x100) == 0);
  }
}
