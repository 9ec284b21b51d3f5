#pragma once
// The board's PL011 (Arm DDI 0183), the only way out of the image.

#include <cstdint>
#include <hal-el2/mmio.hpp>
#include <optional>
#include <string_view>

namespace axvm::hal_el2 {

class Uart {
 public:
  explicit constexpr Uart(std::uintptr_t base) noexcept : base_(base) {}

  /// Waits while the FIFO is full.
  void put(char c) const;
  void put(std::string_view text) const {
    for (const char c : text) put(c);
  }
  [[nodiscard]] bool has_input() const;
  /// A received byte, if there is one.
  [[nodiscard]] std::optional<std::uint8_t> get() const;

 private:
  [[nodiscard]] volatile std::uint32_t& reg(std::uintptr_t offset) const {
    return mmio(base_ + offset);
  }
  std::uintptr_t base_;
};

}  // namespace axvm::hal_el2
