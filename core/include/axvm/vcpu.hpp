#pragma once
// States of a vCPU, as hosts and shells see them.

#include <cstdint>
#include <string_view>

namespace axvm {

/// Where a vCPU is in its life, with upstream's values.
enum class VCpuState : std::uint8_t {
  Invalid = 0,  ///< an operation on it failed half-way; it cannot be used any more
  Created = 1,  ///< allocated, not configured
  Free = 2,     ///< configured, no CPU works on it
  Ready = 3,    ///< bound to a CPU, outside the guest
  Running = 4,  ///< inside the guest
  Blocked = 5,  ///< kept from running until unblocked
};

/// The state's name in lower case ("free").
[[nodiscard]] std::string_view to_string(VCpuState state) noexcept;

/// Whether firmware calls (PSCI, SBI) have started the vCPU.
enum class PowerState : std::uint8_t {
  Off = 0,
  OnPending = 1,  ///< being set up by another vCPU's CPU_ON
  On = 2,
};

/// "off", "on-pending", "on".
[[nodiscard]] std::string_view to_string(PowerState state) noexcept;

}  // namespace axvm
