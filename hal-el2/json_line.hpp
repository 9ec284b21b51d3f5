#pragma once
// One line of the event channel: a JSON object, written as its fields are named.

#include <concepts>
#include <cstdint>
#include <hal-el2/uart.hpp>
#include <string_view>

namespace axvm::hal_el2 {

/// `JsonLine(uart, "TrapTaken").number("vm", 1).hex("syndrome", esr);` writes one line; the end of
/// the object's life ends it.
class JsonLine {
 public:
  JsonLine(const Uart& uart, std::string_view event);
  ~JsonLine();
  JsonLine(const JsonLine&) = delete;
  JsonLine& operator=(const JsonLine&) = delete;

  JsonLine& number(std::string_view name, std::uint64_t value);
  /// A string "0x…": JSON's numbers do not hold 64 bits everywhere.
  JsonLine& hex(std::string_view name, std::uint64_t value);
  JsonLine& text(std::string_view name, std::string_view value);
  JsonLine& flag(std::string_view name, bool value);

  template <class List>
  JsonLine& hex_list(std::string_view name, const List& values) {
    begin(name);
    char separator = '[';
    for (const std::uint64_t value : values) {
      uart_.put(separator);
      put_hex(value);
      separator = ',';
    }
    uart_.put(']');
    return *this;
  }

 private:
  void begin(std::string_view name);
  void put_hex(std::uint64_t value);
  void put_string(std::string_view value);

  const Uart& uart_;
};

}  // namespace axvm::hal_el2
