#include <core/devices/byte_order.hpp>
#include <core/devices/virtio/network_device.hpp>

namespace axvm::virtio {
namespace {

constexpr std::uint64_t kMac = 1ULL << 5;      // VIRTIO_NET_F_MAC (5.1.3)
constexpr std::uint64_t kStatus = 1ULL << 16;  // VIRTIO_NET_F_STATUS

// Configuration space (5.1.4).
constexpr std::uint64_t kMacBytes = 6;
constexpr std::uint64_t kStatusRegister = 6;
constexpr std::uint8_t kLinkUp = 1;

constexpr std::size_t kNumBuffers = 10;  // in the header

}  // namespace

NetworkDevice::NetworkDevice(std::string_view name, BusRange range, DeviceHost& host,
                             InterruptLine line, NetworkPort& port, std::uint64_t mac) noexcept
    : VirtioDevice(name, range, host, line,
                   {.id = DeviceId::Network,
                    .features = kMac | kStatus,
                    .queues = 2,
                    .input_queues = 1U << kReceive}),
      port_(port),
      mac_(mac) {}

std::uint8_t NetworkDevice::config_byte(std::uint64_t offset) const {
  if (offset < kMacBytes) return static_cast<std::uint8_t>(mac_ >> (8 * offset));
  return offset == kStatusRegister ? kLinkUp : std::uint8_t{0};
}

bool NetworkDevice::has_input(unsigned) { return port_.next_size().has_value(); }

Result<std::uint32_t> NetworkDevice::handle(unsigned queue, DescriptorChain& chain) {
  return queue == kReceive ? receive(chain) : transmit(chain);
}

Result<std::uint32_t> NetworkDevice::receive(DescriptorChain& chain) {
  std::array<std::byte, kHeader + kMostFrame> bytes{};
  const bool fits = port_.next_size().value_or(0) <= kMostFrame;
  const std::size_t size = kHeader + port_.receive(std::span(bytes).subspan(kHeader));
  if (!fits || size > chain.writable_bytes()) return std::uint32_t{0};
  store_le<std::uint16_t>(std::span(bytes).subspan(kNumBuffers), 1);  // 5.1.6.3.2
  if (auto written = chain.write(host(), 0, std::span(bytes).first(size)); !written) {
    return std::unexpected(written.error());
  }
  return static_cast<std::uint32_t>(size);
}

Result<std::uint32_t> NetworkDevice::transmit(DescriptorChain& chain) {
  if (chain.readable_bytes() < kHeader) return bad_driver("a frame has no header"sv);
  const std::uint64_t size = chain.readable_bytes() - kHeader;
  if (size < kLeastFrame || size > kMostFrame) return std::uint32_t{0};
  std::array<std::byte, kMostFrame> bytes{};
  const auto frame = std::span(bytes).first(static_cast<std::size_t>(size));
  if (auto copied = chain.read(host(), kHeader, frame); !copied) {
    return std::unexpected(copied.error());
  }
  port_.send(frame);
  return std::uint32_t{0};
}

}  // namespace axvm::virtio
