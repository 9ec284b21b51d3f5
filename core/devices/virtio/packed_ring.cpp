// Packed virtqueues: VIRTIO 1.2, 2.8.
#include <atomic>
#include <core/devices/virtio/ring_flags.hpp>
#include <core/devices/virtio/ring_memory.hpp>
#include <core/devices/virtio/virtqueue.hpp>

namespace axvm::virtio {

// Available: its flag agrees with the device's wrap counter, and the used one does not (2.8.1).
Result<bool> Virtqueue::packed_available(DeviceHost& host) const {
  const auto flags = read_number<std::uint16_t>(
      host, descriptors + kDescriptorSize * next_available_ + kDescriptorSize - 2);
  if (!flags) return std::unexpected(flags.error());
  const bool available = (*flags & kAvailable) != 0;
  const bool used = (*flags & kUsed) != 0;
  std::atomic_thread_fence(std::memory_order_acquire);
  return available == available_wrap_ && used != available_wrap_;
}

Result<bool> Virtqueue::packed_take(DeviceHost& host, DescriptorChain& chain) {
  const auto available = packed_available(host);
  if (!available || !*available) return available;
  std::uint16_t place = next_available_;
  bool wrap = available_wrap_;
  for (std::uint16_t count = 1;; ++count) {
    if (count > size) return bad_driver("a chain is longer than the queue"sv);
    const auto descriptor = read_descriptor(host, descriptors, place);
    if (!descriptor) return std::unexpected(descriptor.error());
    const bool is_indirect = (descriptor->flags & kIndirect) != 0;
    const Result<> added =
        is_indirect ? append_indirect(host, *descriptor, chain) : append(*descriptor, chain);
    if (!added) return std::unexpected(added.error());
    if (++place == size) {
      place = 0;
      wrap = !wrap;
    }
    if ((descriptor->flags & kNext) != 0) continue;
    chain.id = descriptor->id;  // the last one's (2.8.6)
    chain.slots = count;
    break;
  }
  next_available_ = place;
  available_wrap_ = wrap;
  return true;
}

// One descriptor for the whole chain; the places of the others are skipped (2.8.9).
Result<> Virtqueue::packed_give_back(DeviceHost& host, const DescriptorChain& chain,
                                     std::uint32_t written) {
  const std::uint64_t at = descriptors + kDescriptorSize * next_used_;
  if (auto done = write_number(host, at + 8, written); !done) return done;
  if (auto done = write_number(host, at + 12, chain.id); !done) return done;
  std::atomic_thread_fence(std::memory_order_release);
  const unsigned flags = (used_wrap_ ? kAvailable | kUsed : 0U) | (written != 0 ? kWrite : 0U);
  if (auto done = write_number(host, at + 14, static_cast<std::uint16_t>(flags)); !done) {
    return done;
  }
  next_used_ = static_cast<std::uint16_t>(next_used_ + chain.slots);
  if (next_used_ >= size) {
    next_used_ = static_cast<std::uint16_t>(next_used_ - size);
    used_wrap_ = !used_wrap_;
  }
  unannounced_ = static_cast<std::uint16_t>(unannounced_ + chain.slots);
  return {};
}

// 2.8.14: always, never, or when a place has been passed.
Result<bool> Virtqueue::packed_wants_interrupt(DeviceHost& host) const {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const auto wish = read_number<std::uint32_t>(host, driver);
  if (!wish) return std::unexpected(wish.error());
  const auto flags = static_cast<std::uint16_t>(*wish >> 16 & 3);
  if (!features_.event_idx || flags != kEventDescriptor) return flags != kEventDisable;
  auto event = static_cast<std::uint16_t>(*wish & 0x7fff);
  const bool wrap = (*wish & 0x8000) != 0;
  // A place of the round before lies behind the ring's start.
  if (wrap != used_wrap_) event = static_cast<std::uint16_t>(event - size);
  return passed_event(event, next_used_, unannounced_);
}

}  // namespace axvm::virtio
