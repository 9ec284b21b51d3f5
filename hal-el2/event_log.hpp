#pragma once
// The event channel: what core tells of its work, one JSON object per line, fields named as the
// members of <axvm/event.hpp>. The guest's console is on it too, a line at a time.

#include <array>
#include <axvm/event.hpp>
#include <axvm/exit.hpp>
#include <axvm/hal.hpp>
#include <cstdint>
#include <hal-el2/spin_lock.hpp>
#include <hal-el2/uart.hpp>
#include <string_view>

namespace axvm::hal_el2 {

class EventLog {
 public:
  explicit EventLog(const Uart& uart) noexcept : uart_(uart) {}

  /// `host`: it is the host's doing, and no part of what other runs have in common.
  void event(const Event& event, bool host);
  void log(LogLevel level, std::string_view text);

  /// Why the guest cannot go on.
  void fault(const exit_reason::GuestFault& fault);

  /// A byte of the guest's console. A line leaves when it ends or fills the buffer.
  void console(std::uint8_t byte);
  /// Sends what the guest wrote of a line that it did not end.
  void flush_console();
  /// Nobody else writes any more: what follows are this CPU's last words.
  void close();

 private:
  void send_console();

  const Uart& uart_;
  std::array<char, 160> line_{};
  std::size_t length_ = 0;
  SpinLock lock_;
};

}  // namespace axvm::hal_el2
