#include <array>
#include <hal-metal/json_line.hpp>

namespace axvm::hal_metal {
namespace {

void put_digits(const Uart& uart, std::uint64_t value, unsigned base) {
  std::array<char, 20> digits{};
  std::size_t count = 0;
  do {
    digits[count++] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value != 0);
  while (count > 0) uart.put(digits[--count]);
}

}  // namespace

JsonLine::~JsonLine() { uart_.put("}\r\n"); }

JsonLine& JsonLine::number(std::string_view name, std::uint64_t value) {
  begin(name);
  put_digits(uart_, value, 10);
  return *this;
}

JsonLine& JsonLine::hex(std::string_view name, std::uint64_t value) {
  begin(name);
  put_hex(value);
  return *this;
}

JsonLine& JsonLine::text(std::string_view name, std::string_view value) {
  begin(name);
  put_string(value);
  return *this;
}

JsonLine& JsonLine::hex_list(std::string_view name, std::span<const std::uint64_t> values) {
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

JsonLine& JsonLine::flag(std::string_view name, bool value) {
  begin(name);
  uart_.put(value ? "true" : "false");
  return *this;
}

void JsonLine::begin(std::string_view name) {
  uart_.put(separator_);
  separator_ = ',';
  put_string(name);
  uart_.put(':');
}

void JsonLine::put_hex(std::uint64_t value) {
  uart_.put("\"0x");
  put_digits(uart_, value, 16);
  uart_.put('"');
}

void JsonLine::put_string(std::string_view value) {
  uart_.put('"');
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      uart_.put('\\');
      uart_.put(c);
    } else if (byte < 0x20 || byte >= 0x7f) {
      uart_.put("\\u00");
      uart_.put("0123456789abcdef"[byte >> 4]);
      uart_.put("0123456789abcdef"[byte & 15]);
    } else {
      uart_.put(c);
    }
  }
  uart_.put('"');
}

}  // namespace axvm::hal_metal
