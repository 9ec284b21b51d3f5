#pragma once
// virtio console with one port. VIRTIO 1.2, 5.3.

#include <array>
#include <axvm/backend.hpp>
#include <core/devices/virtio/virtio_device.hpp>
#include <optional>
#include <string_view>

namespace axvm::virtio {

/// Bytes of receiveq (0) and transmitq (1) are the console's, of each chain kMostBytes at most: a
/// guest cannot flood the host. The emergency write works at any time (5.3.4).
class ConsoleDevice final : public VirtioDevice {
 public:
  static constexpr std::uint32_t kMostBytes = 64 << 10;

  /// `console` outlives the device.
  ConsoleDevice(std::string_view name, BusRange range, DeviceHost& host, InterruptLine line,
                Console& console) noexcept;

 private:
  static constexpr unsigned kReceive = 0;

  Result<std::uint32_t> handle(unsigned queue, DescriptorChain& chain) override;
  bool has_input(unsigned queue) override;
  void write_config(std::uint64_t offset, std::uint32_t value) override;
  void reset_device() override { next_.reset(); }
  void describe_device(StateVisitor& visitor) override;

  Result<std::uint32_t> receive(DescriptorChain& chain);
  Result<std::uint32_t> transmit(DescriptorChain& chain);

  Console& console_;
  std::optional<std::uint8_t> next_;  ///< has arrived; a console can only be asked by taking
};

}  // namespace axvm::virtio
