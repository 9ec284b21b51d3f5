#pragma once
// The event channel: what core tells of its work, one JSON object per line, fields named as the
// members of <axvm/event.hpp>. The guests' consoles are on it too, a line at a time.

#include <array>
#include <axvm/address.hpp>
#include <axvm/event.hpp>
#include <axvm/exit.hpp>
#include <axvm/hal.hpp>
#include <cstddef>
#include <cstdint>
#include <hal-metal/guest.hpp>
#include <hal-metal/spin_lock.hpp>
#include <hal-metal/uart.hpp>
#include <string_view>

namespace axvm::hal_metal {

class EventLog {
 public:
  explicit EventLog(const Uart& uart) noexcept : uart_(uart) {}

  /// `host`: it is the host's doing, and no part of what other runs have in common.
  void event(const Event& event, bool host);
  void log(LogLevel level, std::string_view text);

  /// Why a guest cannot go on.
  void fault(VmId vm, VcpuId vcpu, const exit_reason::GuestFault& fault);

  /// A byte of the console of kGuests[vm]. A line leaves when it ends or fills the buffer; true
  /// when one has begun with this byte, which somebody has to flush.
  bool console(std::size_t vm, std::uint8_t byte);
  /// Whether there is a line that was begun.
  [[nodiscard]] bool has_begun_lines();
  /// Sends what guests wrote of lines that they did not end.
  void flush_consoles();
  /// Nobody else writes any more: what follows are this CPU's last words.
  void close();

 private:
  struct Line {
    std::array<char, 160> text{};
    std::size_t length = 0;
  };
  void send_console(std::size_t vm);
  void send_consoles();

  const Uart& uart_;
  std::array<Line, kMaxVms> lines_{};
  SpinLock lock_;
};

}  // namespace axvm::hal_metal
