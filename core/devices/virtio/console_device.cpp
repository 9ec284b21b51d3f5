#include <core/devices/virtio/console_device.hpp>
#include <core/smaller.hpp>

namespace axvm::virtio {
namespace {

constexpr std::uint64_t kEmergencyWrite = 1ULL << 2;  // VIRTIO_CONSOLE_F_EMERG_WRITE (5.3.3)
constexpr std::uint64_t kEmergencyWriteRegister = 8;  // emerg_wr (5.3.4)

}  // namespace

ConsoleDevice::ConsoleDevice(std::string_view name, BusRange range, DeviceHost& host,
                             InterruptLine line, Console& console) noexcept
    : VirtioDevice(name, range, host, line,
                   {.id = DeviceId::Console,
                    .features = kEmergencyWrite,
                    .queues = 2,
                    .input_queues = 1U << kReceive}),
      console_(console) {}

Result<std::uint32_t> ConsoleDevice::handle(unsigned queue, DescriptorChain& chain) {
  return queue == kReceive ? receive(chain) : transmit(chain);
}

bool ConsoleDevice::has_input(unsigned) {
  if (!next_) next_ = console_.read();
  return next_.has_value();
}

// As many bytes as there are and the chain has room for.
Result<std::uint32_t> ConsoleDevice::receive(DescriptorChain& chain) {
  std::array<std::byte, 256> bytes{};
  std::uint32_t done = 0;
  const std::uint64_t end = smaller<std::uint64_t>(chain.writable_bytes(), kMostBytes);
  while (done < end) {
    std::size_t count = 0;
    const std::uint64_t room = end - done;
    while (count < smaller<std::uint64_t>(bytes.size(), room) && has_input(kReceive)) {
      bytes[count++] = static_cast<std::byte>(*next_);
      next_.reset();
    }
    if (count == 0) break;
    if (auto written = chain.write(host(), done, std::span(bytes).first(count)); !written) {
      return std::unexpected(written.error());
    }
    done += static_cast<std::uint32_t>(count);
  }
  return done;
}

Result<std::uint32_t> ConsoleDevice::transmit(DescriptorChain& chain) {
  std::array<std::byte, 256> bytes{};
  const std::uint64_t end = smaller<std::uint64_t>(chain.readable_bytes(), kMostBytes);
  for (std::uint64_t done = 0; done < end;) {
    const auto piece = std::span(bytes).first(smaller<std::size_t>(bytes.size(), end - done));
    if (auto copied = chain.read(host(), done, piece); !copied) {
      return std::unexpected(copied.error());
    }
    for (const std::byte byte : piece) console_.write(std::to_integer<std::uint8_t>(byte));
    done += piece.size();
  }
  return std::uint32_t{0};
}

void ConsoleDevice::write_config(std::uint64_t offset, std::uint32_t value) {
  if (offset == kEmergencyWriteRegister) console_.write(static_cast<std::uint8_t>(value));
}

void ConsoleDevice::describe_device(StateVisitor& visitor) {
  bool has_next = next_.has_value();
  std::uint8_t next = next_.value_or(0);
  visitor.value("has_next"sv, has_next);
  visitor.value("next"sv, next);
  next_.reset();
  if (has_next) next_ = next;
}

}  // namespace axvm::virtio
