#pragma once
// Ethernet switches between the VMs of the image.

#include <array>
#include <atomic>
#include <axvm/backend.hpp>
#include <cstddef>
#include <cstdint>
#include <hal-common/ethernet.hpp>
#include <hal-metal/spin_lock.hpp>
#include <optional>
#include <span>

namespace axvm::hal_metal {

inline constexpr std::size_t kMaxCards = 16;

/// All switches. A frame is with its receivers at once, whose VMs have to be polled then.
class Network {
 public:
  /// A frame that waits at a port.
  struct Frame {
    std::uint16_t size;
    std::array<std::byte, hal_common::kMostFrame> bytes;
  };
  /// Frames that a port has room for; what comes when there is none is lost.
  static constexpr std::size_t kMostWaiting = 256;

  /// A card of kGuests[vm], on the switch of this number. `room` is for kMostWaiting frames. Null
  /// when there are kMaxCards.
  NetworkPort* add_port(std::size_t vm, std::size_t network, std::span<Frame> room) noexcept;

  /// VMs that have got frames since this was asked last, one bit each.
  [[nodiscard]] std::uint32_t take_news() noexcept {
    return news_.exchange(0, std::memory_order_acq_rel);
  }

 private:
  class Port final : public NetworkPort {
   public:
    void send(std::span<const std::byte> frame) override { owner->send(*this, frame); }
    std::optional<std::size_t> next_size() override;
    std::size_t receive(std::span<std::byte> to) override;

    /// Under the lock.
    bool accept(std::span<const std::byte> frame) noexcept;

    Network* owner = nullptr;
    std::size_t vm = 0;
    std::size_t network = 0;
    std::span<Frame> room;
    std::size_t first = 0;  ///< the frame that waits longest
    std::size_t count = 0;
  };

  void send(const Port& source, std::span<const std::byte> frame) noexcept;

  SpinLock lock_;
  std::array<Port, kMaxCards> ports_;
  std::size_t count_ = 0;
  hal_common::AddressTable addresses_;  ///< of all switches: bits 63:48 name one
  std::atomic<std::uint32_t> news_ = 0;
};

}  // namespace axvm::hal_metal
