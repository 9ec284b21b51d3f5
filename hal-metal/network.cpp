#include <cstring>
#include <hal-metal/network.hpp>
#include <hal-metal/platform.hpp>

namespace axvm::hal_metal {
NetworkPort* Network::add_port(std::size_t vm, std::size_t network,
                               std::span<Frame> room) noexcept {
  if (count_ == kMaxCards) return nullptr;
  Port& port = ports_[count_++];
  port.owner = this;
  port.vm = vm;
  port.network = network;
  port.room = room;
  return &port;
}

void Network::send(const Port& source, std::span<const std::byte> frame) noexcept {
  if (frame.size() < hal_common::kLeastFrame || frame.size() > hal_common::kMostFrame) return;
  std::uint32_t news = 0;
  {
    const Holding held(lock_);
    const auto name = [&](hal_common::EthernetAddress address) {
      return address | std::uint64_t{source.network} << 48;
    };
    const auto number = static_cast<std::size_t>(&source - ports_.data());
    addresses_.learn(name(hal_common::source_of(frame)), number);
    const auto only = addresses_.find(name(hal_common::target_of(frame)));
    for (std::size_t n = 0; n < count_; ++n) {
      Port& port = ports_[n];
      if (n == number || port.network != source.network || (only && *only != n)) continue;
      if (port.accept(frame)) news |= 1U << port.vm;
    }
  }
  if (news == 0) return;
  news_.fetch_or(news, std::memory_order_acq_rel);
  interrupt_cpu(kBootCpu);  // it polls devices
}

bool Network::Port::accept(std::span<const std::byte> frame) noexcept {
  if (count == room.size()) return false;
  Frame& free = room[(first + count++) % room.size()];
  free.size = static_cast<std::uint16_t>(frame.size());
  std::memcpy(free.bytes.data(), frame.data(), frame.size());
  return true;
}

std::optional<std::size_t> Network::Port::next_size() {
  const Holding held(owner->lock_);
  if (count == 0) return std::nullopt;
  return room[first].size;
}

std::size_t Network::Port::receive(std::span<std::byte> to) {
  const Holding held(owner->lock_);
  if (count == 0) return 0;
  const Frame& frame = room[first];
  const std::size_t size = frame.size < to.size() ? frame.size : to.size();
  std::memcpy(to.data(), frame.bytes.data(), size);
  first = (first + 1) % room.size();
  --count;
  return size;
}

}  // namespace axvm::hal_metal
