#include <core/devices/bus.hpp>

namespace axvm {
namespace {

/// By itself, so that the result is made where the caller wants it: a copy would have to wait for
/// what the device has just written.
Result<std::uint64_t> read_truncated(Device& device, std::uint64_t offset, AccessWidth width) {
  auto value = device.read(offset, width);
  if (value) *value = truncate(*value, width);
  return value;
}

}  // namespace

Result<DeviceBus> DeviceBus::try_make(Allocator allocator, Bus bus, std::size_t capacity) {
  auto devices = Array<Device*>::try_make(allocator, capacity);
  if (!devices) return std::unexpected(devices.error());
  return DeviceBus(bus, std::move(*devices));
}

Result<> DeviceBus::attach(Device& device) {
  const BusRange& range = device.range();
  if (range.bus != bus_)
    return fail(ErrorKind::InvalidInput, "attach"sv, "device of another bus"sv);
  if (range.size == 0 || range.base + (range.size - 1) < range.base) {
    return fail(ErrorKind::InvalidInput, "attach"sv, "address range is empty or wraps"sv);
  }
  std::size_t index = 0;
  for (; index < devices_.size(); ++index) {
    const BusRange& other = devices_[index]->range();
    // Ranges may end at the last address there is, so compare distances, not ends.
    const bool overlaps = other.base <= range.base ? range.base - other.base < other.size
                                                   : other.base - range.base < range.size;
    if (overlaps) {
      return fail(ErrorKind::AlreadyExists, "attach"sv, "address range overlaps another device"sv);
    }
    if (other.base > range.base) break;
  }
  if (devices_.full()) return fail(ErrorKind::NoMemory, "attach"sv, "the bus is full"sv);
  devices_.insert(index, &device);
  return {};
}

Device* DeviceBus::find(std::uint64_t address) const noexcept {
  std::size_t low = 0;
  std::size_t high = devices_.size();
  while (low < high) {  // the last device that begins at or below `address`
    const std::size_t middle = (low + high) / 2;
    if (devices_[middle]->range().base <= address) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == 0) return nullptr;
  const BusRange& range = devices_[low - 1]->range();
  return address - range.base < range.size ? devices_[low - 1] : nullptr;
}

Result<std::uint64_t> DeviceBus::read(Device& device, std::uint64_t address,
                                      AccessWidth width) const {
  if (auto checked = check(device, address, width); !checked) {
    return std::unexpected(checked.error());
  }
  return read_truncated(device, address - device.range().base, width);
}

Result<> DeviceBus::write(Device& device, std::uint64_t address, AccessWidth width,
                          std::uint64_t value) const {
  if (auto checked = check(device, address, width); !checked) return checked;
  return device.write(address - device.range().base, width, truncate(value, width));
}

Result<std::uint64_t> DeviceBus::read(std::uint64_t address, AccessWidth width) const {
  Device* device = find(address);
  if (device == nullptr) return fail(ErrorKind::NotFound, "bus read"sv, "no device answers"sv);
  return read(*device, address, width);
}

Result<> DeviceBus::write(std::uint64_t address, AccessWidth width, std::uint64_t value) const {
  Device* device = find(address);
  if (device == nullptr) return fail(ErrorKind::NotFound, "bus write"sv, "no device answers"sv);
  return write(*device, address, width, value);
}

Result<> DeviceBus::check(const Device& device, std::uint64_t address,
                          AccessWidth width) const noexcept {
  if (!access_width(bytes(width))) {
    return fail(ErrorKind::InvalidInput, "bus access"sv, "an access moves 1, 2, 4 or 8 bytes"sv);
  }
  const std::uint64_t extent = bus_ == Bus::SysReg ? 1 : bytes(width);
  const BusRange& range = device.range();
  const std::uint64_t offset = address - range.base;
  if (extent > range.size || offset > range.size - extent) {
    return fail(ErrorKind::InvalidInput, "bus access"sv, "the access crosses the device's end"sv);
  }
  return {};
}

}  // namespace axvm
