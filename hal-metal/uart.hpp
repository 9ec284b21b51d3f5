#pragma once
// The board's console, the only way out of the image.

#include <cstdint>
#include <optional>
#include <string_view>

namespace axvm::hal_metal {

/// What kind it is, its board's folder knows, which defines put, has_input and get.
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
  std::uintptr_t base_;
};

}  // namespace axvm::hal_metal
