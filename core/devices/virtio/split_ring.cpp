// Split virtqueues: VIRTIO 1.2, 2.7.
#include <atomic>
#include <core/devices/virtio/ring_flags.hpp>
#include <core/devices/virtio/ring_memory.hpp>
#include <core/devices/virtio/virtqueue.hpp>

namespace axvm::virtio {

// How many chains wait. The index counts freely, and no driver has more under way than there are
// places (2.7.13).
Result<std::uint16_t> Virtqueue::split_available(DeviceHost& host) const {
  const auto index = read_number<std::uint16_t>(host, driver + kRingIndex);
  if (!index) return index;
  const auto waiting = static_cast<std::uint16_t>(*index - next_available_);
  if (waiting > size) return bad_driver("the available index jumped"sv);
  std::atomic_thread_fence(std::memory_order_acquire);
  return waiting;
}

Result<bool> Virtqueue::split_take(DeviceHost& host, DescriptorChain& chain) {
  const auto waiting = split_available(host);
  if (!waiting) return std::unexpected(waiting.error());
  if (*waiting == 0) return false;
  const std::uint64_t slot = next_available_ & (size - 1U);
  const auto head = read_number<std::uint16_t>(host, driver + kRingHeader + 2 * slot);
  if (!head) return std::unexpected(head.error());
  chain.id = *head;
  chain.slots = 1;
  std::uint16_t index = *head;
  for (std::uint16_t count = 0;; ++count) {
    if (index >= size) return bad_driver("a descriptor's index is beyond the queue"sv);
    if (count == size) return bad_driver("a chain has a loop"sv);
    const auto descriptor = read_descriptor(host, descriptors, index);
    if (!descriptor) return std::unexpected(descriptor.error());
    const bool is_indirect = (descriptor->flags & kIndirect) != 0;
    const Result<> added =
        is_indirect ? append_indirect(host, *descriptor, chain) : append(*descriptor, chain);
    if (!added) return std::unexpected(added.error());
    if ((descriptor->flags & kNext) == 0) break;
    index = descriptor->next;
  }
  ++next_available_;
  return true;
}

Result<> Virtqueue::split_give_back(DeviceHost& host, const DescriptorChain& chain,
                                    std::uint32_t written) {
  const std::uint64_t slot = next_used_ & (size - 1U);
  const std::uint64_t element = std::uint64_t{written} << 32 | chain.id;
  if (auto done = write_number(host, device + kRingHeader + kUsedElement * slot, element); !done) {
    return done;
  }
  std::atomic_thread_fence(std::memory_order_release);
  ++next_used_;
  ++unannounced_;
  return write_number(host, device + kRingIndex, next_used_);
}

// 2.7.7.2: the flag, or with event-idx the index that the driver waits for.
Result<bool> Virtqueue::split_wants_interrupt(DeviceHost& host) const {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const std::uint64_t at =
      features_.event_idx ? driver + kRingHeader + 2 * std::uint64_t{size} : driver;
  const auto wish = read_number<std::uint16_t>(host, at);
  if (!wish) return std::unexpected(wish.error());
  if (features_.event_idx) return passed_event(*wish, next_used_, unannounced_);
  return (*wish & kNoInterrupt) == 0;
}

}  // namespace axvm::virtio
