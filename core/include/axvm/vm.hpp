#pragma once
// States of a VM and of its vCPUs, as hosts and shells see them.

#include <axvm/vcpu.hpp>
#include <cstdint>
#include <string_view>

namespace axvm {

/// Where a VM is in its life. What fails leaves the VM where it was, so that there is no state for
/// a VM that broke half-way.
///
/// | operation | from                     | to                                             |
/// |-----------|--------------------------|------------------------------------------------|
/// | prepare   | Ready, Stopped           | Preparing, then Ready                          |
/// | start     | Ready, Stopped           | Running; from Stopped it prepares first        |
/// | pause     | Running                  | Pausing, Paused once every vCPU is Blocked     |
/// | resume    | Paused                   | Running                                        |
/// | stop      | Running, Pausing, Paused | Stopping, Stopped once no vCPU is in the guest |
/// |           | Ready                    | Stopped                                        |
/// |           | Stopping, Stopped        | no change: the first reason stays              |
/// | reset     | Ready, Stopped           | Preparing, then Ready                          |
/// | destroy   | Ready, Stopped           | Destroying, then Destroyed                     |
/// |           | Destroyed                | no change                                      |
enum class VmStatus : std::uint8_t {
  Ready = 0,       ///< vCPUs and devices are as after power-on; images may be loaded
  Running = 1,     ///< run_vcpu is admitted
  Pausing = 2,     ///< run_vcpu refuses; vCPUs inside the guest are being kicked
  Paused = 3,      ///< every vCPU is Blocked
  Stopping = 4,    ///< run_vcpu refuses for good; vCPUs inside the guest are being kicked
  Stopped = 5,     ///< no vCPU is inside the guest
  Preparing = 6,   ///< vCPUs, devices or memory are being put into their first state
  Destroying = 7,  ///< CPUs and memory are being given back
  Destroyed = 8,   ///< nothing is left but the name of a VM that was
};

/// The status in lower case ("running").
[[nodiscard]] std::string_view to_string(VmStatus status) noexcept;

/// Why a VM was told to stop.
enum class VmStopReason : std::uint8_t {
  None = 0,        ///< it was not
  Clean = 1,       ///< the host shut it down
  SystemDown = 2,  ///< the guest asked for power-off or reset
  Forced = 3,      ///< the host resets or destroys it
  Fault = 4,       ///< the guest did what cannot be completed
};

/// "none", "clean", "system-down", "forced", "fault".
[[nodiscard]] std::string_view to_string(VmStopReason reason) noexcept;

struct VcpuStatus {
  VCpuState state = VCpuState::Invalid;
  PowerState power = PowerState::Off;
  std::uint64_t phys_id = 0;        ///< as the guest sees it (AArch64: MPIDR affinity)
  std::uint64_t affinity_mask = 0;  ///< physical CPUs that may run it
};

}  // namespace axvm
