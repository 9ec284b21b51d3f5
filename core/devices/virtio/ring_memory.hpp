#pragma once
// Numbers in guest memory, little-endian.

#include <array>
#include <axvm/address.hpp>
#include <axvm/result.hpp>
#include <concepts>
#include <core/devices/byte_order.hpp>
#include <core/devices/device_host.hpp>

namespace axvm::virtio {

/// Errors: BadAddress.
template <std::unsigned_integral T>
Result<T> read_number(DeviceHost& host, std::uint64_t at) {
  std::array<std::byte, sizeof(T)> bytes{};
  if (auto read = host.read_memory(GuestPhysAddr(at), bytes); !read) {
    return std::unexpected(read.error());
  }
  return load_le<T>(bytes);
}

/// Errors: BadAddress, NoMemory.
template <std::unsigned_integral T>
Result<> write_number(DeviceHost& host, std::uint64_t at, T value) {
  std::array<std::byte, sizeof(T)> bytes{};
  store_le(bytes, value);
  return host.write_memory(GuestPhysAddr(at), bytes);
}

}  // namespace axvm::virtio
