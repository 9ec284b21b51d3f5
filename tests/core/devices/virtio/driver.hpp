#pragma once
// A driver of a virtio device: registers, negotiation, queues.

#include <core/devices/device.hpp>
#include <memory>
#include <stdexcept>
#include <tests/core/devices/virtio/driver_queue.hpp>

namespace axvm::test::virtio {

inline constexpr std::uint64_t kF_Indirect = 1ULL << 28, kF_EventIdx = 1ULL << 29,
                               kF_Version1 = 1ULL << 32, kF_Packed = 1ULL << 34,
                               kF_RingReset = 1ULL << 40;

/// Registers by their names in VIRTIO 1.2, 4.2.2.
enum class Reg : std::uint64_t {
  MagicValue = 0x000,
  Version = 0x004,
  DeviceID = 0x008,
  VendorID = 0x00c,
  DeviceFeatures = 0x010,
  DeviceFeaturesSel = 0x014,
  DriverFeatures = 0x020,
  DriverFeaturesSel = 0x024,
  QueueSel = 0x030,
  QueueNumMax = 0x034,
  QueueNum = 0x038,
  QueueReady = 0x044,
  QueueNotify = 0x050,
  InterruptStatus = 0x060,
  InterruptACK = 0x064,
  Status = 0x070,
  QueueDescLow = 0x080,
  QueueDescHigh = 0x084,
  QueueDriverLow = 0x090,
  QueueDriverHigh = 0x094,
  QueueDeviceLow = 0x0a0,
  QueueDeviceHigh = 0x0a4,
  SHMLenLow = 0x0b0,
  SHMBaseHigh = 0x0bc,
  QueueReset = 0x0c0,
  ConfigGeneration = 0x0fc,
  Config = 0x100,
};

class Driver {
 public:
  /// `host` is the device's.
  Driver(Device& device, FakeDeviceHost& host) : ram(host), device_(device) {}

  std::uint32_t get(Reg reg) {
    return static_cast<std::uint32_t>(
        *device_.read(static_cast<std::uint64_t>(reg), AccessWidth::Dword));
  }
  void set(Reg reg, std::uint64_t value) {
    if (!device_.write(static_cast<std::uint64_t>(reg), AccessWidth::Dword, value)) {
      throw std::logic_error("a device refuses an access");
    }
  }
  std::uint64_t config(std::uint64_t offset, AccessWidth width) {
    return *device_.read(static_cast<std::uint64_t>(Reg::Config) + offset, width);
  }
  std::uint64_t offered() {
    std::uint64_t features = 0;
    for (std::uint32_t half = 0; half < 2; ++half) {
      set(Reg::DeviceFeaturesSel, half);
      features |= std::uint64_t{get(Reg::DeviceFeatures)} << (32 * half);
    }
    return features;
  }
  /// Up to FEATURES_OK; whether the device agreed.
  bool negotiate(std::uint64_t features) {
    set(Reg::Status, 0);
    set(Reg::Status, 1);
    set(Reg::Status, 3);
    for (std::uint32_t half = 0; half < 2; ++half) {
      set(Reg::DriverFeaturesSel, half);
      set(Reg::DriverFeatures, features >> (32 * half) & 0xffff'ffff);
    }
    set(Reg::Status, 11);
    features_ = features;
    return (get(Reg::Status) & 8) != 0;
  }
  /// Tells the device where a queue is; false when it does not like it.
  bool place_queue(std::uint32_t index, std::uint64_t size, std::uint64_t descriptors,
                   std::uint64_t driver, std::uint64_t device) {
    set(Reg::QueueSel, index);
    set(Reg::QueueNum, size);
    set(Reg::QueueDescLow, descriptors & 0xffff'ffff);
    set(Reg::QueueDescHigh, descriptors >> 32);
    set(Reg::QueueDriverLow, driver & 0xffff'ffff);
    set(Reg::QueueDriverHigh, driver >> 32);
    set(Reg::QueueDeviceLow, device & 0xffff'ffff);
    set(Reg::QueueDeviceHigh, device >> 32);
    set(Reg::QueueReady, 1);
    return get(Reg::QueueReady) == 1;
  }
  DriverQueue& make_queue(std::uint32_t index, std::uint16_t size) {
    std::unique_ptr<DriverQueue> queue;
    if ((features_ & kF_Packed) != 0) {
      queue = std::make_unique<PackedQueue>(ram, size);
    } else {
      queue = std::make_unique<SplitQueue>(ram, size);
    }
    if (!place_queue(index, size, queue->descriptors, queue->driver, queue->device)) {
      throw std::logic_error("the device refuses a good queue");
    }
    queues_[index] = std::move(queue);
    return *queues_[index];
  }
  /// All of it: `queues` queues of `size` places, and DRIVER_OK.
  void start(std::uint64_t features, std::uint32_t queues, std::uint16_t size) {
    if (!negotiate(features | kF_Version1)) throw std::logic_error("the device refuses features");
    for (std::uint32_t i = 0; i < queues; ++i) make_queue(i, size);
    set(Reg::Status, 15);
  }
  [[nodiscard]] DriverQueue& queue(std::uint32_t index) { return *queues_.at(index); }
  void notify(std::uint32_t index) { set(Reg::QueueNotify, index); }
  /// InterruptStatus, acknowledged.
  std::uint32_t take_interrupts() {
    const std::uint32_t status = get(Reg::InterruptStatus);
    set(Reg::InterruptACK, status);
    return status;
  }
  [[nodiscard]] bool needs_reset() { return (get(Reg::Status) & 64) != 0; }

  /// A buffer of the driver.
  Segment lend(const std::vector<std::uint8_t>& bytes) {
    const Segment segment{ram.take(bytes.size(), 1), static_cast<std::uint32_t>(bytes.size()),
                          false};
    ram.store_bytes(segment.address, bytes);
    return segment;
  }
  Segment lend_room(std::uint32_t size) { return {ram.take(size, 1), size, true}; }
  [[nodiscard]] std::vector<std::uint8_t> bytes_of(const Segment& segment) const {
    return ram.load_bytes(segment.address, segment.length);
  }

  Ram ram;

 private:
  Device& device_;
  std::uint64_t features_ = 0;
  std::map<std::uint32_t, std::unique_ptr<DriverQueue>> queues_;
};

}  // namespace axvm::test::virtio
