#pragma once
// Registers of devices.

#include <cstdint>

namespace axvm::hal_metal {

template <class Register = std::uint32_t>
[[nodiscard]] inline volatile Register& mmio(std::uint64_t address) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): addresses are mapped onto themselves
  return *reinterpret_cast<volatile Register*>(address);
}

}  // namespace axvm::hal_metal
