#include <algorithm>
#include <cstring>
#include <hal-sim/backends/network_switch.hpp>
#include <utility>

namespace axvm::hal_sim {
namespace {

using hal_common::kLeastFrame;

void describe_bytes(StateVisitor& visitor, std::vector<std::byte>& bytes) {
  std::uint64_t size = bytes.size();
  visitor.field("size", size);
  bytes.resize(std::clamp<std::uint64_t>(size, kLeastFrame, NetworkSwitch::kMostFrame));
  visitor.bytes("bytes", bytes);
}

}  // namespace

NetworkPort& NetworkSwitch::add_port(std::unique_ptr<PcapWriter> pcap) {
  return *ports_.emplace_back(std::make_unique<Port>(*this, ports_.size(), std::move(pcap)));
}

// --- ports --------------------------------------------------------------------------------------

void NetworkSwitch::Port::send(std::span<const std::byte> frame) {
  if (frame.size() < kLeastFrame || frame.size() > kMostFrame) return;
  const std::uint64_t now = owner_.clock_();
  if (pcap_) pcap_->frame(now, frame);
  ++owner_.statistics_.sent;
  if (sent_ == kMostWaiting) {
    ++owner_.statistics_.dropped;
    return;
  }
  ++sent_;
  owner_.under_way_.push_back({now, number_, sequence_++, Bytes(frame.begin(), frame.end())});
}

std::optional<std::size_t> NetworkSwitch::Port::next_size() {
  if (waiting_.empty()) return std::nullopt;
  return waiting_.front().size();
}

std::size_t NetworkSwitch::Port::receive(std::span<std::byte> to) {
  if (waiting_.empty()) return 0;
  const Bytes frame = std::move(waiting_.front());
  waiting_.pop_front();
  const std::size_t size = std::min(frame.size(), to.size());
  std::copy_n(frame.begin(), size, to.begin());
  return size;
}

bool NetworkSwitch::Port::accept(const Bytes& frame) {
  if (waiting_.size() == kMostWaiting) return false;
  if (pcap_) pcap_->frame(owner_.clock_(), frame);
  waiting_.push_back(frame);
  return true;
}

// --- the switch ---------------------------------------------------------------------------------

void NetworkSwitch::deliver(const std::function<void(std::size_t)>& arrived) {
  std::vector<Frame> frames = std::exchange(under_way_, {});
  std::ranges::sort(frames, {}, &Frame::order);
  for (const auto& port : ports_) port->forget_sent();
  std::vector<bool> has_news(ports_.size());
  for (const Frame& frame : frames) {
    addresses_.learn(hal_common::source_of(frame.bytes), frame.source);
    const auto known = addresses_.find(hal_common::target_of(frame.bytes));
    for (std::size_t port = 0; port < ports_.size(); ++port) {
      if (port == frame.source || (known && *known != port)) continue;
      const bool accepted = ports_[port]->accept(frame.bytes);
      ++(accepted ? statistics_.delivered : statistics_.dropped);
      has_news[port] = has_news[port] || accepted;
    }
  }
  for (std::size_t port = 0; port < ports_.size(); ++port) {
    if (has_news[port]) arrived(port);
  }
}

// --- state --------------------------------------------------------------------------------------

void NetworkSwitch::Port::describe(StateVisitor& visitor) {
  visitor.field("sequence", sequence_);
  visitor.field("sent", sent_);
  sent_ = std::min<std::uint64_t>(sent_, kMostWaiting);
  std::uint64_t count = waiting_.size();
  visitor.field("waiting", count);
  waiting_.resize(std::min<std::uint64_t>(count, kMostWaiting));
  for (Bytes& frame : waiting_) describe_bytes(visitor, frame);
}

void NetworkSwitch::describe(StateVisitor& visitor) {
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    visitor.enter("port", i);
    ports_[i]->describe(visitor);
    visitor.leave();
  }
  std::uint64_t count = under_way_.size();
  visitor.field("under_way", count);
  under_way_.resize(std::min<std::uint64_t>(count, kMostWaiting * ports_.size()));
  for (Frame& frame : under_way_) {
    visitor.field("time", frame.time);
    visitor.value("source", frame.source);
    visitor.field("sequence", frame.sequence);
    describe_bytes(visitor, frame.bytes);
    frame.source = std::min(frame.source, ports_.size() - 1);
  }
  const auto known = addresses_.entries();
  count = known.size();
  visitor.field("addresses", count);
  hal_common::AddressTable described;
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(count, kMostAddresses); ++i) {
    auto [address, port] = i < known.size() ? known[i] : hal_common::AddressTable::Entry{};
    visitor.field("address", address);
    visitor.value("port", port);
    if (port < ports_.size()) described.learn(address, port);
  }
  addresses_ = described;
}

}  // namespace axvm::hal_sim
