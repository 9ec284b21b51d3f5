#pragma once
// The buffers of one request, whichever ring it came from. Virtual I/O Device (VIRTIO) 1.2, 2.6.

#include <array>
#include <axvm/address.hpp>
#include <axvm/result.hpp>
#include <core/devices/device_host.hpp>
#include <cstddef>
#include <cstdint>
#include <span>

namespace axvm::virtio {

/// The largest queue (QueueNumMax), and with it the longest chain.
inline constexpr std::uint16_t kMaxQueueSize = 256;

/// The error for what no driver may do; the device then needs a reset.
[[nodiscard]] constexpr std::unexpected<Error> bad_driver(std::string_view what) noexcept {
  return fail(ErrorKind::InvalidData, "virtqueue"sv, what);
}

/// Buffers that a driver lent: first those that the device reads, then those that it writes. Each
/// side is one sequence of bytes to the device, however the driver cut it.
class DescriptorChain {
 public:
  void clear() noexcept {
    readable_ = writable_ = {};
    id = slots = 0;
  }

  /// Adds a buffer. Errors: InvalidData (too many of them, a readable one behind a writable one,
  /// wraps around the address space, more than 2^32 - 1 bytes in all: 2.7.4, 2.7.5).
  Result<> append(std::uint64_t address, std::uint32_t length, bool is_writable) noexcept;

  [[nodiscard]] std::uint64_t readable_bytes() const noexcept { return readable_.bytes; }
  [[nodiscard]] std::uint64_t writable_bytes() const noexcept { return writable_.bytes; }
  [[nodiscard]] std::size_t buffer_count() const noexcept {
    return count_of(readable_) + count_of(writable_);
  }

  /// Copies what the driver wrote, from the byte `offset` of the readable side. Errors: InvalidData
  /// (fewer bytes than that), BadAddress (not memory).
  Result<> read(DeviceHost& host, std::uint64_t offset, std::span<std::byte> to);
  /// Copies to the writable side, likewise; and NoMemory.
  Result<> write(DeviceHost& host, std::uint64_t offset, std::span<const std::byte> from);

  // The ring's own notes.
  std::uint16_t id = 0;     ///< what the driver knows the chain by
  std::uint16_t slots = 0;  ///< places in the ring that it takes

 private:
  struct Buffer {
    GuestPhysAddr address{};
    std::uint32_t length = 0;
  };
  /// Buffers [begin, end), and where the last access ended: most go on from there.
  struct Side {
    std::uint16_t begin = 0;
    std::uint16_t end = 0;
    std::uint16_t at = 0;         ///< a buffer
    std::uint64_t at_offset = 0;  ///< of its first byte
    std::uint64_t bytes = 0;
  };
  using Buffers = std::array<Buffer, kMaxQueueSize>;

  [[nodiscard]] static std::size_t count_of(const Side& side) noexcept {
    return std::size_t{side.end} - side.begin;
  }
  /// Calls `copy(address, position, length)` for each piece of `size` bytes from `offset`.
  template <class F>
  Result<> for_pieces(Side& side, std::uint64_t offset, std::size_t size, F&& copy);

  Buffers buffers_;  ///< those in use are written first
  Side readable_;
  Side writable_;
};

}  // namespace axvm::virtio
