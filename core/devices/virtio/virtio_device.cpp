#include <core/devices/virtio/virtio_device.hpp>

namespace axvm::virtio {
namespace {

enum Register : std::uint64_t {  // VIRTIO 1.2, 4.2.2
  kMagicValue = 0x000,
  kVersion = 0x004,
  kDeviceId = 0x008,
  kVendorId = 0x00c,
  kDeviceFeatures = 0x010,
  kDeviceFeaturesSel = 0x014,
  kDriverFeatures = 0x020,
  kDriverFeaturesSel = 0x024,
  kQueueSel = 0x030,
  kQueueNumMax = 0x034,
  kQueueNum = 0x038,
  kQueueReady = 0x044,
  kQueueNotify = 0x050,
  kInterruptStatus = 0x060,
  kInterruptAck = 0x064,
  kStatus = 0x070,
  kQueueDescLow = 0x080,
  kQueueDescHigh = 0x084,
  kQueueDriverLow = 0x090,
  kQueueDriverHigh = 0x094,
  kQueueDeviceLow = 0x0a0,
  kQueueDeviceHigh = 0x0a4,
  kShmSel = 0x0ac,
  kShmLenLow = 0x0b0,
  kShmBaseHigh = 0x0bc,
  kQueueReset = 0x0c0,
  kConfigGeneration = 0x0fc,
  kConfig = 0x100,
};

constexpr std::uint32_t kMagic = 0x7472'6976;   // "virt"
constexpr std::uint32_t kVendor = 0x4d56'7841;  // "AxVM"

/// Nanoseconds until the device goes on with what is left over.
constexpr std::uint64_t kPause = 10'000;

constexpr std::uint32_t kUsedBuffer = 1;  // InterruptStatus (4.2.2)
constexpr std::uint32_t kConfigChanged = 2;

// Reserved feature bits (6).
constexpr std::uint64_t kIndirectDesc = 1ULL << 28;
constexpr std::uint64_t kEventIdx = 1ULL << 29;
constexpr std::uint64_t kVersion1 = 1ULL << 32;
constexpr std::uint64_t kRingPacked = 1ULL << 34;
constexpr std::uint64_t kRingReset = 1ULL << 40;

constexpr std::uint32_t half(std::uint64_t value, std::uint32_t select) noexcept {
  return select < 2 ? static_cast<std::uint32_t>(value >> (32 * select)) : 0;
}
constexpr void set_half(std::uint64_t& value, std::uint32_t select, std::uint32_t to) noexcept {
  if (select > 1) return;
  const unsigned shift = 32 * select;
  value = (value & ~(0xffff'ffffULL << shift)) | std::uint64_t{to} << shift;
}

}  // namespace

std::uint64_t VirtioDevice::offered() const noexcept {
  return kind_.features | kIndirectDesc | kEventIdx | kVersion1 | kRingPacked | kRingReset;
}

QueueFeatures VirtioDevice::queue_features() const noexcept {
  return {.packed = has(kRingPacked), .indirect = has(kIndirectDesc), .event_idx = has(kEventIdx)};
}

// --- registers ----------------------------------------------------------------------------------

Result<std::uint64_t> VirtioDevice::read(std::uint64_t offset, AccessWidth width) {
  if (offset >= kConfig) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < bytes(width); ++i) {
      value |= std::uint64_t{config_byte(offset - kConfig + i)} << (8 * i);
    }
    return value;
  }
  if (width != AccessWidth::Dword || offset % 4 != 0) return std::uint64_t{0};
  return std::uint64_t{read_register(offset)};
}

Result<> VirtioDevice::write(std::uint64_t offset, AccessWidth width, std::uint64_t value) {
  if (offset >= kConfig) {
    write_config(offset - kConfig, static_cast<std::uint32_t>(truncate(value, width)));
  } else if (width == AccessWidth::Dword && offset % 4 == 0) {
    write_register(offset, static_cast<std::uint32_t>(value));
  }
  return {};
}

std::uint32_t VirtioDevice::read_register(std::uint64_t offset) {
  const Virtqueue* queue = selected();
  switch (offset) {
    case kMagicValue: return kMagic;
    case kVersion: return 2;
    case kDeviceId: return static_cast<std::uint32_t>(kind_.id);
    case kVendorId: return kVendor;
    case kDeviceFeatures: return half(offered(), device_features_select_);
    case kQueueNumMax: return queue != nullptr ? kMaxQueueSize : 0;
    case kQueueReady: return queue != nullptr && queue->is_ready() ? 1 : 0;
    case kInterruptStatus: return interrupt_status_;
    case kStatus: return status_;
    default:
      // No shared memory: a length and a base of -1 (4.2.2). Everything else that is readable
      // reads 0: QueueReset, since resets are done at once; ConfigGeneration, since nothing there
      // changes.
      return offset >= kShmLenLow && offset <= kShmBaseHigh ? ~std::uint32_t{0} : 0;
  }
}

void VirtioDevice::write_register(std::uint64_t offset, std::uint32_t value) {
  switch (offset) {
    case kDeviceFeaturesSel: device_features_select_ = value; return;
    case kDriverFeaturesSel: driver_features_select_ = value; return;
    case kDriverFeatures:
      if ((status_ & kFeaturesOk) == 0) set_half(driver_features_, driver_features_select_, value);
      return;
    case kQueueSel: queue_select_ = value; return;
    case kQueueNotify:
      if (value < kind_.queues) serve(value);
      return;
    case kInterruptAck:
      interrupt_status_ &= ~value;
      line_.set(interrupt_status_ != 0);
      return;
    case kStatus: return write_status(value);
    default: return write_queue_register(offset, value);
  }
}

void VirtioDevice::write_queue_register(std::uint64_t offset, std::uint32_t value) {
  Virtqueue* queue = selected();
  if (queue == nullptr) return;
  if (offset == kQueueReady) return set_queue_ready(*queue, (value & 1) != 0);
  if (offset == kQueueReset) {
    if ((value & 1) != 0 && has(kRingReset)) queue->reset();
    return;
  }
  if (queue->is_ready()) return;  // its geometry stays (4.2.2.2)
  switch (offset) {
    // What does not fit is as wrong as any size that is too large.
    case kQueueNum:
      queue->size = value > UINT16_MAX ? 0 : static_cast<std::uint16_t>(value);
      return;
    case kQueueDescLow: return set_half(queue->descriptors, 0, value);
    case kQueueDescHigh: return set_half(queue->descriptors, 1, value);
    case kQueueDriverLow: return set_half(queue->driver, 0, value);
    case kQueueDriverHigh: return set_half(queue->driver, 1, value);
    case kQueueDeviceLow: return set_half(queue->device, 0, value);
    case kQueueDeviceHigh: return set_half(queue->device, 1, value);
    default: return;  // read-only and reserved registers
  }
}

// Bits stay until a reset (2.1.1). FEATURES_OK is refused unless the driver accepts VERSION_1 (a
// legacy one does not) and only what was offered; without it no driver gets to DRIVER_OK.
void VirtioDevice::write_status(std::uint32_t value) {
  if (value == 0) return reset();
  const bool was_live = is_live();
  status_ |= value & (kAcknowledge | kDriver | kFailed);
  const bool fits = has(kVersion1) && (driver_features_ & ~offered()) == 0;
  if ((value & kFeaturesOk) != 0 && fits) status_ |= kFeaturesOk;
  if ((value & kDriverOk) != 0 && (status_ & kFeaturesOk) != 0) status_ |= kDriverOk;
  if (was_live || !is_live()) return;
  for (unsigned queue = 0; queue < kind_.queues; ++queue) serve(queue);
}

void VirtioDevice::set_queue_ready(Virtqueue& queue, bool ready) {
  if (!ready) return queue.close();
  if (queue.is_ready() || (status_ & kFeaturesOk) == 0) return;
  if (!queue.open(host_, queue_features())) need_reset();
}

// --- requests -----------------------------------------------------------------------------------

void VirtioDevice::serve(unsigned queue) {
  unfinished_ &= ~(1U << queue);
  if (!is_live() || !queues_[queue].is_ready()) return;
  Result<> served = serve_chains(queue);
  Result<bool> interrupt = false;
  if (served) interrupt = queues_[queue].wants_interrupt(host_);
  if (!served || !interrupt) return need_reset();
  if (*interrupt) raise(kUsedBuffer);
}

// A device's own writes may make chains available, so their number is bounded by more than the
// ring.
Result<> VirtioDevice::serve_chains(unsigned queue) {
  Virtqueue& ring = queues_[queue];
  std::uint64_t moved = 0;
  for (unsigned left = ring.size; left != 0 && moved <= kMostBytes; --left) {
    const auto served = serve_chain(queue, moved);
    if (!served) return std::unexpected(served.error());
    if (*served) continue;
    // Whatever the driver adds from now on it announces; what it added just before is seen.
    if (auto asked = ring.ask_for_notification(host_); !asked) return asked;
    const auto more = serve_chain(queue, moved);
    if (!more) return std::unexpected(more.error());
    if (!*more) return {};
  }
  unfinished_ |= 1U << queue;
  unfinished_since_ = host_.nanoseconds();
  return ring.ask_for_notification(host_);
}

Result<bool> VirtioDevice::serve_chain(unsigned queue, std::uint64_t& moved) {
  Virtqueue& ring = queues_[queue];
  if ((kind_.input_queues >> queue & 1) != 0) {
    const auto available = ring.has_available(host_);
    if (!available || !*available) return available;
    if (!has_input(queue)) return false;
  }
  const auto taken = ring.take(host_, chain_);
  if (!taken || !*taken) return taken;
  moved += chain_.readable_bytes() + chain_.writable_bytes();
  const auto written = handle(queue, chain_);
  if (!written) return std::unexpected(written.error());
  if (auto given = ring.give_back(host_, chain_, *written); !given) {
    return std::unexpected(given.error());
  }
  return true;
}

void VirtioDevice::poll() {
  for (unsigned queue = 0; queue < kind_.queues; ++queue) {
    if (((kind_.input_queues | unfinished_) >> queue & 1) != 0) serve(queue);
  }
}

// Work without end, a ring that its device fills by itself, takes time at least.
std::optional<std::uint64_t> VirtioDevice::deadline() {
  if (unfinished_ == 0 || !is_live()) return std::nullopt;
  return unfinished_since_ + kPause;
}

// 2.1.2: the driver is told, once it has said that it may be.
void VirtioDevice::need_reset() {
  status_ |= kNeedsReset;
  if ((status_ & kDriverOk) != 0) raise(kConfigChanged);
}

void VirtioDevice::raise(std::uint32_t interrupt) {
  interrupt_status_ |= interrupt;
  line_.set(true);
}

// --- state --------------------------------------------------------------------------------------

void VirtioDevice::reset() {
  status_ = interrupt_status_ = 0;
  driver_features_ = 0;
  device_features_select_ = driver_features_select_ = queue_select_ = 0;
  unfinished_ = 0;
  unfinished_since_ = 0;
  for (Virtqueue& queue : queues_) queue.reset();
  line_.set(false);
  reset_device();
}

void VirtioDevice::describe(StateVisitor& visitor) {
  visitor.value("status"sv, status_);
  visitor.value("interrupt_status"sv, interrupt_status_);
  visitor.value("driver_features"sv, driver_features_);
  visitor.value("device_features_select"sv, device_features_select_);
  visitor.value("driver_features_select"sv, driver_features_select_);
  visitor.value("queue_select"sv, queue_select_);
  visitor.value("unfinished"sv, unfinished_);
  visitor.value("unfinished_since"sv, unfinished_since_);
  for (unsigned queue = 0; queue < kind_.queues; ++queue) {
    visitor.enter("queue"sv, queue);
    queues_[queue].describe(visitor, queue_features());
    visitor.leave();
  }
  describe_device(visitor);
}

}  // namespace axvm::virtio
