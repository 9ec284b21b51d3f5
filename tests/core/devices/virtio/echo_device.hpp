#pragma once
// A virtio device that does what tests ask for: it notes what it reads, and writes what it is told.

#include <core/devices/virtio/virtio_device.hpp>
#include <deque>
#include <functional>
#include <tests/core/devices/virtio/driver.hpp>
#include <vector>

namespace axvm::test::virtio {

using Bytes = std::vector<std::uint8_t>;

/// Queue 0 answers what the driver sends: each chain's readable bytes, reversed, as far as there
/// is room. Queue 1 waits for input.
class EchoDevice final : public axvm::virtio::VirtioDevice {
 public:
  static constexpr std::uint64_t kOwnFeature = 1 << 3;
  static constexpr std::uint32_t kInterrupt = 40;

  explicit EchoDevice(FakeDeviceHost& host)
      : VirtioDevice("echo", {Bus::Mmio, 0xa00'0000, 0x200}, host, InterruptLine(host, kInterrupt),
                     {.id = axvm::virtio::DeviceId::Entropy,
                      .features = kOwnFeature,
                      .queues = 2,
                      .input_queues = 2}) {}

  std::vector<Bytes> seen;   ///< readable bytes of each chain of queue 0
  std::deque<Bytes> inputs;  ///< for queue 1
  unsigned resets = 0;
  std::function<void()> meanwhile;  ///< called while a chain is handled

 private:
  Result<std::uint32_t> handle(unsigned queue, axvm::virtio::DescriptorChain& chain) override {
    if (queue == 1) {
      Bytes input = std::move(inputs.front());
      inputs.pop_front();
      return put(chain, input);
    }
    Bytes bytes(chain.readable_bytes());
    if (auto read = chain.read(host(), 0, std::as_writable_bytes(std::span(bytes))); !read) {
      return std::unexpected(read.error());
    }
    seen.push_back(bytes);
    if (meanwhile) meanwhile();
    return put(chain, Bytes(bytes.rbegin(), bytes.rend()));
  }
  Result<std::uint32_t> put(axvm::virtio::DescriptorChain& chain, Bytes bytes) {
    bytes.resize(std::min<std::size_t>(bytes.size(), chain.writable_bytes()));
    // In two parts, the second one first: chains are sequences that can be entered anywhere.
    const auto all = std::as_bytes(std::span(bytes));
    const std::size_t half = all.size() / 2;
    for (const auto& [at, part] : {std::pair(half, all.subspan(half)), {0, all.first(half)}}) {
      if (auto written = chain.write(host(), at, part); !written) {
        return std::unexpected(written.error());
      }
    }
    return static_cast<std::uint32_t>(bytes.size());
  }
  bool has_input(unsigned) override { return !inputs.empty(); }
  [[nodiscard]] std::uint8_t config_byte(std::uint64_t offset) const override {
    return static_cast<std::uint8_t>(0x10 + offset);
  }
  void reset_device() override { ++resets; }
};

struct Echo {
  FakeDeviceHost host;
  EchoDevice device{host};
  Driver driver{device, host};
};

}  // namespace axvm::test::virtio
