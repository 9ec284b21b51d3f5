#pragma once
// virtio network card with one pair of queues. VIRTIO 1.2, 5.1.

#include <array>
#include <axvm/backend.hpp>
#include <core/devices/virtio/virtio_device.hpp>
#include <string_view>

namespace axvm::virtio {

/// Frames go as they are: no offloads, no control queue. A frame that is shorter than an Ethernet
/// header or longer than kMostFrame is not sent; one that does not fit the driver's buffer is lost.
class NetworkDevice final : public VirtioDevice {
 public:
  static constexpr std::size_t kLeastFrame = 14;
  static constexpr std::size_t kMostFrame = 1518;  ///< with a VLAN's tag, without check sequence

  /// `port` outlives the device. `mac` as in DeviceBackend.
  NetworkDevice(std::string_view name, BusRange range, DeviceHost& host, InterruptLine line,
                NetworkPort& port, std::uint64_t mac) noexcept;

 private:
  static constexpr unsigned kReceive = 0;
  static constexpr std::size_t kHeader = 12;  ///< virtio_net_hdr with num_buffers (5.1.6)

  Result<std::uint32_t> handle(unsigned queue, DescriptorChain& chain) override;
  bool has_input(unsigned queue) override;
  [[nodiscard]] std::uint8_t config_byte(std::uint64_t offset) const override;

  Result<std::uint32_t> receive(DescriptorChain& chain);
  Result<std::uint32_t> transmit(DescriptorChain& chain);

  NetworkPort& port_;
  std::uint64_t mac_;
};

}  // namespace axvm::virtio
