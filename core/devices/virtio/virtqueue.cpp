// What both layouts have in common.
#include <array>
#include <core/devices/virtio/ring_flags.hpp>
#include <core/devices/virtio/ring_memory.hpp>
#include <core/devices/virtio/virtqueue.hpp>

namespace axvm::virtio {
namespace {

constexpr bool fits(std::uint64_t base, std::uint64_t bytes, std::uint64_t alignment) noexcept {
  return base % alignment == 0 && base + (bytes - 1) >= base;
}

}  // namespace

Result<> Virtqueue::check_geometry() const noexcept {
  if (size == 0 || size > kMaxQueueSize) return bad_driver("a queue has an impossible size"sv);
  if (!features_.packed && (size & (size - 1)) != 0) {
    return bad_driver("a split queue's size is no power of two"sv);
  }
  const std::uint64_t n = size;
  const bool fit = features_.packed ? fits(descriptors, kDescriptorSize * n, 16) &&
                                          fits(driver, kEventSize, 4) && fits(device, kEventSize, 4)
                                    : fits(descriptors, kDescriptorSize * n, 16) &&
                                          fits(driver, kRingHeader + 2 * n + 2, 2) &&
                                          fits(device, kRingHeader + kUsedElement * n + 2, 4);
  if (!fit) return bad_driver("an area of a queue is not aligned or wraps around"sv);
  return {};
}

Result<> Virtqueue::open(DeviceHost& host, QueueFeatures features) {
  features_ = features;
  if (auto checked = check_geometry(); !checked) return checked;
  next_available_ = next_used_ = unannounced_ = 0;
  available_wrap_ = used_wrap_ = true;
  is_ready_ = true;
  Result<> asked = ask_for_notification(host);
  if (asked && features_.packed) asked = write_number<std::uint32_t>(host, device, kEventEnable);
  if (!asked) is_ready_ = false;
  return asked;
}

// --- what the layouts answer --------------------------------------------------------------------

Result<bool> Virtqueue::has_available(DeviceHost& host) {
  if (features_.packed) return packed_available(host);
  const auto count = split_available(host);
  if (!count) return std::unexpected(count.error());
  return *count != 0;
}

Result<bool> Virtqueue::take(DeviceHost& host, DescriptorChain& chain) {
  chain.clear();
  return features_.packed ? packed_take(host, chain) : split_take(host, chain);
}

Result<> Virtqueue::give_back(DeviceHost& host, const DescriptorChain& chain,
                              std::uint32_t written) {
  return features_.packed ? packed_give_back(host, chain, written)
                          : split_give_back(host, chain, written);
}

Result<bool> Virtqueue::wants_interrupt(DeviceHost& host) {
  if (unannounced_ == 0) return false;
  const auto wants = features_.packed ? packed_wants_interrupt(host) : split_wants_interrupt(host);
  unannounced_ = 0;
  return wants;
}

Result<> Virtqueue::ask_for_notification(DeviceHost& host) {
  // A packed ring's device area keeps saying that every notification is welcome (2.8.14).
  if (features_.packed || !features_.event_idx) return {};
  return write_number(host, device + kRingHeader + kUsedElement * size, next_available_);
}

// --- descriptors --------------------------------------------------------------------------------

Result<Virtqueue::Descriptor> Virtqueue::read_descriptor(DeviceHost& host, std::uint64_t table,
                                                         std::size_t index) const {
  std::array<std::byte, kDescriptorSize> bytes{};
  const std::uint64_t at = table + kDescriptorSize * index;
  if (auto read = host.read_memory(GuestPhysAddr(at), bytes); !read) {
    return std::unexpected(read.error());
  }
  const std::span<const std::byte> raw(bytes);
  Descriptor descriptor{.address = load_le<std::uint64_t>(raw),
                        .length = load_le<std::uint32_t>(raw.subspan(8)),
                        .id = 0,
                        .next = load_le<std::uint16_t>(raw.subspan(14)),
                        .flags = load_le<std::uint16_t>(raw.subspan(12))};
  if (features_.packed) {
    descriptor.id = descriptor.flags;
    descriptor.flags = descriptor.next;
  }
  return descriptor;
}

Result<> Virtqueue::append(const Descriptor& descriptor, DescriptorChain& chain) noexcept {
  return chain.append(descriptor.address, descriptor.length, (descriptor.flags & kWrite) != 0);
}

// Whoever refers to the table has no next (2.7.5.3, 2.8.19); what it says of writing is ignored.
Result<> Virtqueue::append_indirect(DeviceHost& host, const Descriptor& table,
                                    DescriptorChain& chain) const {
  if (!features_.indirect) return bad_driver("an indirect table was not negotiated"sv);
  if ((table.flags & kNext) != 0) return bad_driver("an indirect descriptor has a next"sv);
  const std::uint64_t entries = table.length / kDescriptorSize;
  if (table.length % kDescriptorSize != 0 || entries == 0 || entries > kMaxQueueSize) {
    return bad_driver("an indirect table has an impossible size"sv);
  }
  if (table.address + (table.length - 1) < table.address) {
    return bad_driver("an indirect table wraps around the address space"sv);
  }
  std::uint64_t index = 0;
  for (std::uint64_t count = 0;; ++count) {
    if (count == entries) return bad_driver("an indirect table's chain has a loop"sv);
    const auto entry = read_descriptor(host, table.address, index);
    if (!entry) return std::unexpected(entry.error());
    if ((entry->flags & kIndirect) != 0) return bad_driver("an indirect table is nested"sv);
    if (auto added = append(*entry, chain); !added) return added;
    if (features_.packed) {  // all entries, in order
      if (++index == entries) return {};
      continue;
    }
    if ((entry->flags & kNext) == 0) return {};
    index = entry->next;
    if (index >= entries) return bad_driver("a chain leaves its indirect table"sv);
  }
}

// --- state --------------------------------------------------------------------------------------

void Virtqueue::describe(StateVisitor& visitor, QueueFeatures features) {
  visitor.value("size"sv, size);
  visitor.value("descriptors"sv, descriptors);
  visitor.value("driver"sv, driver);
  visitor.value("device"sv, device);
  visitor.value("is_ready"sv, is_ready_);
  visitor.value("next_available"sv, next_available_);
  visitor.value("next_used"sv, next_used_);
  visitor.value("available_wrap"sv, available_wrap_);
  visitor.value("used_wrap"sv, used_wrap_);
  visitor.value("unannounced"sv, unannounced_);
  // A restored state may be anything.
  features_ = features;
  if (!is_ready_) return;
  is_ready_ = check_geometry().has_value();
  if (is_ready_ && features_.packed) {
    next_available_ %= size;
    next_used_ %= size;
  }
}

}  // namespace axvm::virtio
