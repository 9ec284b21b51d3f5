// The board's console is a 16550A, of byte-wide registers, which firmware has set up.

#include <hal-metal/mmio.hpp>
#include <hal-metal/uart.hpp>

namespace axvm::hal_metal {
namespace {

constexpr std::uintptr_t kRbr = 0;  // reading
constexpr std::uintptr_t kThr = 0;  // writing
constexpr std::uintptr_t kLsr = 5;
constexpr std::uint8_t kLsrDataReady = 1U << 0;
constexpr std::uint8_t kLsrThrEmpty = 1U << 5;

}  // namespace

void Uart::put(char c) const {
  while ((mmio<std::uint8_t>(base_ + kLsr) & kLsrThrEmpty) == 0) {
  }
  mmio<std::uint8_t>(base_ + kThr) = static_cast<std::uint8_t>(c);
}

bool Uart::has_input() const { return (mmio<std::uint8_t>(base_ + kLsr) & kLsrDataReady) != 0; }

std::optional<std::uint8_t> Uart::get() const {
  if (!has_input()) return std::nullopt;
  return mmio<std::uint8_t>(base_ + kRbr);
}

}  // namespace axvm::hal_metal
