#pragma once
// The local exclusive monitor (DDI 0487 B2.12), which the engine keeps where its registers' API
// does not reach.

#include <unicorn/unicorn.h>

#include <cstdint>

namespace axvm::sim::aarch64 {

/// What LDXR has left for STXR: the virtual address, and the one or two words that were there.
struct ExclusiveMonitor {
  static constexpr std::uint64_t kOpen = ~std::uint64_t{0};

  std::uint64_t address = kOpen;  ///< kOpen: STXR fails
  std::uint64_t low = 0;          ///< 0 while it is open
  std::uint64_t high = 0;         ///< the second word of LDXP

  friend bool operator==(const ExclusiveMonitor&, const ExclusiveMonitor&) = default;
};

/// The engine's, outside of its runs or in a hook. It is found in the engine's saved context, at a
/// place that one exclusive load has shown; an engine where it shows nowhere has an open one.
[[nodiscard]] ExclusiveMonitor read_exclusive_monitor(uc_engine* engine);
/// Outside of its runs. False when the engine does not show where it is.
bool write_exclusive_monitor(uc_engine* engine, const ExclusiveMonitor& monitor);

}  // namespace axvm::sim::aarch64
