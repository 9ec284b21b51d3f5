#pragma once
// One line of the event channel: a JSON object, written as its fields are named.

#include <cstdint>
#include <hal-metal/uart.hpp>
#include <span>
#include <string_view>

namespace axvm::hal_metal {

/// `JsonLine(uart, "TrapTaken").hex("syndrome", esr);` writes one line; the end of
/// the object's life ends it.
class JsonLine {
 public:
  explicit JsonLine(const Uart& uart) : uart_(uart) {}
  JsonLine(const Uart& uart, std::string_view event) : uart_(uart) { text("event", event); }
  ~JsonLine();
  JsonLine(const JsonLine&) = delete;
  JsonLine& operator=(const JsonLine&) = delete;

  JsonLine& number(std::string_view name, std::uint64_t value);
  /// A string "0x…": JSON's numbers do not hold 64 bits everywhere.
  JsonLine& hex(std::string_view name, std::uint64_t value);
  JsonLine& text(std::string_view name, std::string_view value);
  JsonLine& flag(std::string_view name, bool value);

  /// Not empty.
  JsonLine& hex_list(std::string_view name, std::span<const std::uint64_t> values);

 private:
  void begin(std::string_view name);
  void put_hex(std::uint64_t value);
  void put_string(std::string_view value);

  const Uart& uart_;
  char separator_ = '{';
};

}  // namespace axvm::hal_metal
