#pragma once
// virtio entropy device. VIRTIO 1.2, 5.4.

#include <axvm/backend.hpp>
#include <core/devices/virtio/virtio_device.hpp>
#include <string_view>

namespace axvm::virtio {

/// Fills whatever buffers the driver lends, as far as kMostBytes of each chain.
class EntropyDevice final : public VirtioDevice {
 public:
  static constexpr std::uint32_t kMostBytes = 64 << 10;  ///< 5.4.6.1: fewer than asked for may come

  /// `source` outlives the device.
  EntropyDevice(std::string_view name, BusRange range, DeviceHost& host, InterruptLine line,
                EntropySource& source) noexcept
      : VirtioDevice(name, range, host, line, {.id = DeviceId::Entropy}), source_(source) {}

 private:
  Result<std::uint32_t> handle(unsigned queue, DescriptorChain& chain) override;

  EntropySource& source_;
};

}  // namespace axvm::virtio
