#include <hal-el2/uart.hpp>

namespace axvm::hal_el2 {
namespace {

constexpr std::uintptr_t kDr = 0x000;
constexpr std::uintptr_t kFr = 0x018;
constexpr std::uint32_t kFrRxfe = 1U << 4;
constexpr std::uint32_t kFrTxff = 1U << 5;

}  // namespace

void Uart::put(char c) const {
  while ((reg(kFr) & kFrTxff) != 0) {
  }
  reg(kDr) = static_cast<std::uint8_t>(c);
}

bool Uart::has_input() const { return (reg(kFr) & kFrRxfe) == 0; }

std::optional<std::uint8_t> Uart::get() const {
  if (!has_input()) return std::nullopt;
  return static_cast<std::uint8_t>(reg(kDr));
}

}  // namespace axvm::hal_el2
