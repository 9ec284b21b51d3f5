#pragma once
// The end of a run, in figures.

#include <hal-sim/host/host.hpp>
#include <string>

namespace axvm::tool {

/// Several lines: why it ended, instructions, cycles, walks, TLB, speed, exits by reason as bars.
/// `seconds` of real time, in which all instructions but the first `before` were executed; 0 leaves
/// the speed out.
[[nodiscard]] std::string summary(const hal_sim::StopReason& reason,
                                  const hal_sim::RunStatistics& statistics, double seconds,
                                  std::uint64_t before = 0);

/// "1 234 567"
[[nodiscard]] std::string grouped(std::uint64_t value);

}  // namespace axvm::tool
