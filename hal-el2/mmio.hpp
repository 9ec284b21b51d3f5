#pragma once
// Registers of devices.

#include <cstdint>

namespace axvm::hal_el2 {

[[nodiscard]] inline volatile std::uint32_t& mmio(std::uint64_t address) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): addresses are mapped onto themselves
  return *reinterpret_cast<volatile std::uint32_t*>(address);
}

}  // namespace axvm::hal_el2
