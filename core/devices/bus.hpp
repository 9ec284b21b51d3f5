#pragma once
// Which device answers an address. One type serves every bus; each bus is its own address space.

#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <core/devices/device.hpp>
#include <cstdint>

namespace axvm {

/// The devices of one bus, sorted by address and never overlapping.
class DeviceBus {
 public:
  /// Room for `capacity` devices. Errors: NoMemory.
  [[nodiscard]] static Result<DeviceBus> try_make(Allocator allocator, Bus bus,
                                                  std::size_t capacity);

  /// `device` outlives the bus. Errors: InvalidInput (another bus, empty or wrapping range),
  /// AlreadyExists (overlaps a device that is there), NoMemory (full).
  Result<> attach(Device& device);

  /// The device whose range holds `address`; null when none does.
  [[nodiscard]] Device* find(std::uint64_t address) const noexcept;

  /// An access to `device`, as find() gave it for `address`. A value read is zero-extended from
  /// `width`. Errors: InvalidInput (bad width, the access crosses the device's end), and what the
  /// device says.
  Result<std::uint64_t> read(Device& device, std::uint64_t address, AccessWidth width) const;
  Result<> write(Device& device, std::uint64_t address, AccessWidth width,
                 std::uint64_t value) const;

  /// An access to whatever is at `address`. Errors: NotFound (nothing is), and as above.
  Result<std::uint64_t> read(std::uint64_t address, AccessWidth width) const;
  Result<> write(std::uint64_t address, AccessWidth width, std::uint64_t value) const;

  [[nodiscard]] std::size_t size() const noexcept { return devices_.size(); }

 private:
  DeviceBus(Bus bus, Array<Device*> devices) noexcept : bus_(bus), devices_(std::move(devices)) {}
  [[nodiscard]] Result<> check(const Device& device, std::uint64_t address,
                               AccessWidth width) const noexcept;

  Bus bus_;
  Array<Device*> devices_;
};

}  // namespace axvm
