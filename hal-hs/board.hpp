#pragma once
// QEMU's `virt` board, as far as this image uses it.

#include <cstdint>

namespace axvm::hal_hs {

/// Ticks of the time CSR per second ("timebase-frequency" of the board's device tree).
inline constexpr std::uint64_t kTimebase = 10'000'000;

/// The hart that is CPU `cpu` of the image: harts are numbered from 0, and firmware boots any of
/// them, which then is CPU 0.
[[nodiscard]] std::uint64_t hart_of(unsigned cpu) noexcept;

}  // namespace axvm::hal_hs
