#pragma once
// A VM as devices see it, made of plain containers.

#include <algorithm>
#include <core/devices/device_host.hpp>
#include <cstring>
#include <map>
#include <vector>

namespace axvm::test {

struct FakeDeviceHost final : DeviceHost {
  void set_line(std::uint32_t intid, bool level) override {
    if (lines[intid] != level) ++changes[intid];
    lines[intid] = level;
  }
  Result<> read_memory(GuestPhysAddr from, std::span<std::byte> to) override {
    if (!inside(from, to.size())) return DeviceHost::read_memory(from, to);
    std::copy_n(memory.begin() + static_cast<std::ptrdiff_t>(from.value - base), to.size(),
                to.begin());
    return {};
  }
  Result<> write_memory(GuestPhysAddr to, std::span<const std::byte> from) override {
    if (!inside(to, from.size())) return DeviceHost::write_memory(to, from);
    std::ranges::copy(from, memory.begin() + static_cast<std::ptrdiff_t>(to.value - base));
    return {};
  }
  std::uint64_t nanoseconds() override { return now; }

  [[nodiscard]] bool inside(GuestPhysAddr at, std::size_t size) const {
    return at.value >= base && size <= memory.size() && at.value - base <= memory.size() - size;
  }

  std::map<std::uint32_t, bool> lines;
  std::map<std::uint32_t, unsigned> changes;  ///< of each line's level
  std::uint64_t base = 0x4000'0000;
  std::vector<std::byte> memory;
  std::uint64_t now = 0;
};

}  // namespace axvm::test
