// The board's console is a PL011 (Arm DDI 0183).

#include <hal-metal/mmio.hpp>
#include <hal-metal/uart.hpp>

namespace axvm::hal_metal {
namespace {

constexpr std::uintptr_t kDr = 0x000;
constexpr std::uintptr_t kFr = 0x018;
constexpr std::uint32_t kFrRxfe = 1U << 4;
constexpr std::uint32_t kFrTxff = 1U << 5;

}  // namespace

void Uart::put(char c) const {
  while ((mmio(base_ + kFr) & kFrTxff) != 0) {
  }
  mmio(base_ + kDr) = static_cast<std::uint8_t>(c);
}

bool Uart::has_input() const { return (mmio(base_ + kFr) & kFrRxfe) == 0; }

std::optional<std::uint8_t> Uart::get() const {
  if (!has_input()) return std::nullopt;
  return static_cast<std::uint8_t>(mmio(base_ + kDr));
}

}  // namespace axvm::hal_metal
