#pragma once
// The event channel: what core tells of its work, one JSON object per line, fields named as the
// members of <axvm/event.hpp>. The guest's console is on it too, a line at a time.

#include <array>
#include <axvm/event.hpp>
#include <axvm/hal.hpp>
#include <cstdint>
#include <hal-el2/uart.hpp>
#include <string_view>

namespace axvm::hal_el2 {

class EventLog {
 public:
  explicit constexpr EventLog(const Uart& uart) noexcept : uart_(uart) {}

  /// `host`: it is the host's doing, and no part of what other runs have in common.
  void event(const Event& event, bool host) const;
  void log(LogLevel level, std::string_view text) const;

  /// A byte of the guest's console. A line leaves when it ends or fills the buffer.
  void console(std::uint8_t byte);
  /// Sends what the guest wrote of a line that it did not end.
  void flush_console();

 private:
  const Uart& uart_;
  std::array<char, 160> line_{};
  std::size_t length_ = 0;
};

}  // namespace axvm::hal_el2
