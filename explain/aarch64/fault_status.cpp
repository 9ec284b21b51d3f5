#include <fmt/format.h>

#include <array>
#include <explain/aarch64/layouts.hpp>

namespace axvm::explain::aarch64 {

namespace {

struct Status {
  std::uint8_t code;
  std::string_view text;
};

// Those that have the level of the lookup in bits 1:0.
constexpr auto kWithLevel = std::to_array<Status>({
    {0b000000, "address size fault"},
    {0b000100, "translation fault"},
    {0b001000, "access flag fault"},
    {0b001100, "permission fault"},
    {0b010100, "synchronous external abort on a table walk"},
    {0b011100, "parity or ECC error on a table walk"},
    {0b100100, "granule protection fault on a table walk"},
});

constexpr auto kAlone = std::to_array<Status>({
    {0b010000, "synchronous external abort, not on a table walk"},
    {0b010001, "tag check fault"},
    {0b010010, "synchronous external abort on a table walk, level -2"},
    {0b010011, "synchronous external abort on a table walk, level -1"},
    {0b011000, "parity or ECC error, not on a table walk"},
    {0b011011, "parity or ECC error on a table walk, level -1"},
    {0b100001, "alignment fault"},
    {0b100010, "granule protection fault on a table walk, level -2"},
    {0b100011, "granule protection fault on a table walk, level -1"},
    {0b101000, "granule protection fault, not on a table walk"},
    {0b101001, "address size fault, level -1"},
    {0b101010, "translation fault, level -2"},
    {0b101011, "translation fault, level -1"},
    {0b101100, "address size fault, level -2"},
    {0b110000, "TLB conflict"},
    {0b110001, "unsupported atomic hardware update"},
    {0b110100, "lockdown (implementation defined)"},
    {0b110101, "unsupported exclusive or atomic access (implementation defined)"},
});

}  // namespace

std::string fault_status_text(std::uint64_t code) {
  for (const Status& status : kAlone) {
    if (status.code == code) return std::string(status.text);
  }
  for (const Status& status : kWithLevel) {
    if (status.code == (code & ~std::uint64_t{3})) {
      return fmt::format("{}, level {}", status.text, code & 3);
    }
  }
  return "reserved";
}

}  // namespace axvm::explain::aarch64
