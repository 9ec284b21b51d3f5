#pragma once
// The MMIO transport, and what all virtio devices share. VIRTIO 1.2: 4.2 (registers), 2.1 (device
// status), 2.2 and 6 (features).

#include <array>
#include <axvm/state.hpp>
#include <core/devices/device.hpp>
#include <core/devices/device_host.hpp>
#include <core/devices/virtio/descriptor_chain.hpp>
#include <core/devices/virtio/virtqueue.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace axvm::virtio {

/// Device IDs (5).
enum class DeviceId : std::uint32_t { Network = 1, Block = 2, Console = 3, Entropy = 4 };

inline constexpr std::size_t kMaxQueues = 2;

/// What sets one kind of device apart from the others.
struct Kind {
  DeviceId id;
  std::uint64_t features = 0;  ///< of its own: bits 0 to 23
  unsigned queues = 1;         ///< at most kMaxQueues
  unsigned input_queues = 0;   ///< a bit for each queue that waits for the host, not the driver
};

/// Bits of the device status (2.1).
enum StatusBit : std::uint32_t {
  kAcknowledge = 1,
  kDriver = 2,
  kDriverOk = 4,
  kFeaturesOk = 8,
  kNeedsReset = 64,
  kFailed = 128,
};

/// A driver is never trusted: whatever it does wrong, the device asks for a reset and does nothing
/// until it gets one. An access or poll handles each chain that was there when it came, but not
/// many more than a queue has places, nor after kMostBytes; what is left is for the next poll.
class VirtioDevice : public Device {
 public:
  static constexpr std::uint64_t kSmallestLength = 0x200;
  static constexpr std::uint64_t kMostBytes = 1ULL << 30;  ///< more than a driver has under way

  /// Registers take aligned accesses of 4 bytes (4.2.2.2), the configuration space any: reads of
  /// other kinds give 0, writes are ignored.
  Result<std::uint64_t> read(std::uint64_t offset, AccessWidth width) override;
  Result<> write(std::uint64_t offset, AccessWidth width, std::uint64_t value) override;

  void poll() override;
  [[nodiscard]] std::optional<std::uint64_t> deadline() override;
  void reset() override;
  void describe(StateVisitor& visitor) override;

  /// Bits of the device status.
  [[nodiscard]] std::uint32_t status() const noexcept { return status_; }

 protected:
  VirtioDevice(std::string_view name, BusRange range, DeviceHost& host, InterruptLine line,
               Kind kind) noexcept
      : Device(name, range), host_(host), line_(line), kind_(kind) {}

  /// Does what the chain asks for. Returns how many bytes of its writable side are written.
  /// Errors: whatever it is, the device needs a reset.
  virtual Result<std::uint32_t> handle(unsigned queue, DescriptorChain& chain) {
    static_cast<void>(queue), static_cast<void>(chain);
    return std::uint32_t{0};
  }
  /// Whether the host has something for a chain of this input queue.
  virtual bool has_input(unsigned queue) {
    static_cast<void>(queue);
    return false;
  }
  /// The configuration space's byte at `offset`.
  [[nodiscard]] virtual std::uint8_t config_byte(std::uint64_t offset) const {
    static_cast<void>(offset);
    return 0;
  }
  /// A write to the configuration space.
  virtual void write_config(std::uint64_t offset, std::uint32_t value) {
    static_cast<void>(offset), static_cast<void>(value);
  }
  /// Forgets what was negotiated or under way.
  virtual void reset_device() {}
  /// The device's own state.
  virtual void describe_device(StateVisitor& visitor) { static_cast<void>(visitor); }

  [[nodiscard]] DeviceHost& host() noexcept { return host_; }
  /// Whether both sides agreed on these bits.
  [[nodiscard]] bool has(std::uint64_t features) const noexcept {
    return (driver_features_ & features) == features;
  }

 private:
  [[nodiscard]] std::uint64_t offered() const noexcept;
  [[nodiscard]] QueueFeatures queue_features() const noexcept;
  /// The driver may use its queues.
  [[nodiscard]] bool is_live() const noexcept {
    return (status_ & (kDriverOk | kNeedsReset | kFailed)) == kDriverOk;
  }
  [[nodiscard]] Virtqueue* selected() noexcept {
    return queue_select_ < kind_.queues ? &queues_[queue_select_] : nullptr;
  }

  [[nodiscard]] std::uint32_t read_register(std::uint64_t offset);
  void write_register(std::uint64_t offset, std::uint32_t value);
  void write_queue_register(std::uint64_t offset, std::uint32_t value);
  void write_status(std::uint32_t value);
  void set_queue_ready(Virtqueue& queue, bool ready);

  void serve(unsigned queue);
  Result<> serve_chains(unsigned queue);
  Result<bool> serve_chain(unsigned queue, std::uint64_t& moved);
  void need_reset();
  void raise(std::uint32_t interrupt);

  DeviceHost& host_;
  InterruptLine line_;
  Kind kind_;
  std::uint32_t status_ = 0;
  std::uint32_t interrupt_status_ = 0;
  std::uint64_t driver_features_ = 0;
  std::uint32_t device_features_select_ = 0;
  std::uint32_t driver_features_select_ = 0;
  std::uint32_t queue_select_ = 0;
  std::uint32_t unfinished_ = 0;  ///< a bit for each queue that may have chains that nobody polled
  std::uint64_t unfinished_since_ = 0;  ///< guest time
  std::array<Virtqueue, kMaxQueues> queues_{};
  DescriptorChain chain_;  ///< the one that is handled; no state
};

}  // namespace axvm::virtio
