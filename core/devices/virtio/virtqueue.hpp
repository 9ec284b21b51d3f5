#pragma once
// One virtqueue as its device sees it, in either layout. VIRTIO 1.2: split 2.7, packed 2.8.

#include <axvm/address.hpp>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <core/devices/device_host.hpp>
#include <core/devices/virtio/descriptor_chain.hpp>
#include <cstdint>

namespace axvm::virtio {

/// What was negotiated about queues (6).
struct QueueFeatures {
  bool packed = false;     ///< VIRTIO_F_RING_PACKED
  bool indirect = false;   ///< VIRTIO_F_INDIRECT_DESC
  bool event_idx = false;  ///< VIRTIO_F_EVENT_IDX
};

/// Everything in the queue's memory is the driver's, who may change it at any time: each number is
/// read once and checked. An error means that the driver broke the rules (InvalidData) or that part
/// of the ring is no memory (BadAddress).
class Virtqueue {
 public:
  // Set by the driver while the queue is not ready.
  std::uint16_t size = kMaxQueueSize;
  std::uint64_t descriptors = 0;  ///< Descriptor Area
  std::uint64_t driver = 0;       ///< Driver Area: available ring, driver's event suppression
  std::uint64_t device = 0;       ///< Device Area: used ring, device's event suppression

  [[nodiscard]] bool is_ready() const noexcept { return is_ready_; }
  /// Opens it from its first entry. Errors: InvalidData (size 0, above the maximum, with split
  /// rings no power of two; an area not aligned or wrapping: 2.7, 2.8), BadAddress.
  Result<> open(DeviceHost& host, QueueFeatures features);
  void close() noexcept { is_ready_ = false; }
  void reset() noexcept { *this = {}; }

  /// Whether the driver has made a chain available. Preconditions of this and all below: ready.
  Result<bool> has_available(DeviceHost& host);
  /// Takes the next chain; false when there is none.
  Result<bool> take(DeviceHost& host, DescriptorChain& chain);
  /// Gives the chain that was taken last back, with `written` bytes in its writable side.
  Result<> give_back(DeviceHost& host, const DescriptorChain& chain, std::uint32_t written);
  /// Whether the driver wants to know what was given back since this was asked last.
  Result<bool> wants_interrupt(DeviceHost& host);
  /// Asks to be notified of the next chain, where that has to be asked for.
  Result<> ask_for_notification(DeviceHost& host);

  /// `features` are what is negotiated.
  void describe(StateVisitor& visitor, QueueFeatures features);

 private:
  struct Descriptor {
    std::uint64_t address;
    std::uint32_t length;
    std::uint16_t id;    ///< packed rings only
    std::uint16_t next;  ///< split rings only
    std::uint16_t flags;
  };

  [[nodiscard]] Result<> check_geometry() const noexcept;
  Result<Descriptor> read_descriptor(DeviceHost& host, std::uint64_t table,
                                     std::size_t index) const;
  Result<> append_indirect(DeviceHost& host, const Descriptor& table, DescriptorChain& chain) const;
  static Result<> append(const Descriptor& descriptor, DescriptorChain& chain) noexcept;

  Result<std::uint16_t> split_available(DeviceHost& host) const;
  Result<bool> split_take(DeviceHost& host, DescriptorChain& chain);
  Result<> split_give_back(DeviceHost& host, const DescriptorChain& chain, std::uint32_t written);
  Result<bool> split_wants_interrupt(DeviceHost& host) const;

  Result<bool> packed_available(DeviceHost& host) const;
  Result<bool> packed_take(DeviceHost& host, DescriptorChain& chain);
  Result<> packed_give_back(DeviceHost& host, const DescriptorChain& chain, std::uint32_t written);
  Result<bool> packed_wants_interrupt(DeviceHost& host) const;

  bool is_ready_ = false;
  QueueFeatures features_;
  // Split: both count freely. Packed: both are places in the ring, with their wrap counters.
  std::uint16_t next_available_ = 0;
  std::uint16_t next_used_ = 0;
  bool available_wrap_ = true;
  bool used_wrap_ = true;
  std::uint16_t unannounced_ = 0;  ///< places used since the driver's wish was looked at
};

/// Whether the place `event` is among the last `count` before `next` (2.7.10.1, vring_need_event).
[[nodiscard]] constexpr bool passed_event(std::uint16_t event, std::uint16_t next,
                                          std::uint16_t count) noexcept {
  return static_cast<std::uint16_t>(next - event - 1) < count;
}

}  // namespace axvm::virtio
