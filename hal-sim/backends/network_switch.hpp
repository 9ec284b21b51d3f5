#pragma once
// An Ethernet switch between the VMs of one host.

#include <array>
#include <axvm/backend.hpp>
#include <axvm/state.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <hal-common/ethernet.hpp>
#include <hal-sim/backends/pcap.hpp>
#include <memory>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

namespace axvm::hal_sim {

struct NetworkStatistics {
  std::uint64_t sent = 0;
  std::uint64_t delivered = 0;  ///< to each port that gets a copy
  std::uint64_t dropped = 0;    ///< some queue was full
};

/// Frames wait here until the host delivers them, all at once and in the order of (time, source,
/// sequence); so who gets what when depends on nothing but the guests. It learns which address is
/// behind which port; frames for addresses it does not know, and for groups, go to all others.
class NetworkSwitch {
 public:
  using Clock = std::function<std::uint64_t()>;  ///< guest time now, in nanoseconds

  static constexpr std::size_t kMostWaiting = 256;  ///< frames per port: to be taken, to be sent
  static constexpr std::size_t kMostAddresses = hal_common::AddressTable::kCapacity;
  static constexpr std::size_t kMostFrame = hal_common::kMostFrame;

  explicit NetworkSwitch(Clock clock) : clock_(std::move(clock)) {}
  NetworkSwitch(const NetworkSwitch&) = delete;
  NetworkSwitch& operator=(const NetworkSwitch&) = delete;

  /// A new port, numbered from 0. It lives as long as the switch.
  NetworkPort& add_port(std::unique_ptr<PcapWriter> pcap = nullptr);

  [[nodiscard]] bool has_frames() const noexcept { return !under_way_.empty(); }
  /// Delivers what was sent; calls `arrived(port)` for each port that has got something, in order.
  void deliver(const std::function<void(std::size_t)>& arrived);

  [[nodiscard]] const NetworkStatistics& statistics() const noexcept { return statistics_; }
  void describe(StateVisitor& visitor);

 private:
  using Bytes = std::vector<std::byte>;

  struct Frame {
    std::uint64_t time = 0;
    std::size_t source = 0;
    std::uint64_t sequence = 0;  ///< of the source
    Bytes bytes;

    [[nodiscard]] auto order() const { return std::tuple(time, source, sequence); }
  };

  class Port final : public NetworkPort {
   public:
    Port(NetworkSwitch& owner, std::size_t number, std::unique_ptr<PcapWriter> pcap)
        : owner_(owner), number_(number), pcap_(std::move(pcap)) {}

    void send(std::span<const std::byte> frame) override;
    std::optional<std::size_t> next_size() override;
    std::size_t receive(std::span<std::byte> to) override;

    bool accept(const Bytes& frame);
    void describe(StateVisitor& visitor);
    void forget_sent() noexcept { sent_ = 0; }

   private:
    NetworkSwitch& owner_;
    std::size_t number_;
    std::unique_ptr<PcapWriter> pcap_;
    std::deque<Bytes> waiting_;
    std::uint64_t sequence_ = 0;
    std::uint64_t sent_ = 0;  ///< frames under way
  };

  Clock clock_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::vector<Frame> under_way_;
  hal_common::AddressTable addresses_;
  NetworkStatistics statistics_;
};

}  // namespace axvm::hal_sim
