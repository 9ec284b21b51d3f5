#pragma once
// A VM as devices see it: RAM, and nothing else unless a derived class adds it.

#include <core/devices/device_host.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace axvm::test {

/// `kBytes` of zeroes at kBase, and how often a device has asked for some of them.
template <std::size_t kBytes>
struct GuestRam : DeviceHost {
  static constexpr std::uint64_t kBase = 0x4000'0000;
  static constexpr std::size_t kSize = kBytes;

  Result<> read_memory(GuestPhysAddr from, std::span<std::byte> to) override {
    ++accesses;
    if (!inside(from, to.size())) return DeviceHost::read_memory(from, to);
    std::memcpy(to.data(), &ram[from.value - kBase], to.size());
    return {};
  }
  Result<> write_memory(GuestPhysAddr to, std::span<const std::byte> from) override {
    ++accesses;
    if (!inside(to, from.size())) return DeviceHost::write_memory(to, from);
    std::memcpy(&ram[to.value - kBase], from.data(), from.size());
    return {};
  }
  static bool inside(GuestPhysAddr at, std::size_t size) {
    return at.value >= kBase && size <= kSize && at.value - kBase <= kSize - size;
  }

  std::vector<std::byte> ram = std::vector<std::byte>(kSize);
  std::uint64_t accesses = 0;

 protected:
  ~GuestRam() = default;
};

}  // namespace axvm::test
