#pragma once
// What leaves of both stages permit, by the manual's sentences ("Virtual Address Translation
// Process", "Guest Physical Address Translation", Svade).

#include "world.hpp"

namespace axvm::sim::riscv64::test {

/// "Virtual Address Translation Process", steps 5 to 9, and Svade; sentence by sentence.
inline bool vs_allows(std::uint64_t bits, const AccessContext& c) {
  const bool u = (bits & kU) != 0;
  // VU-mode may access the page only when U=1.
  if (c.user && !u) return false;
  // VS-mode may not execute code on pages with U=1, and access data there if SUM is set only.
  if (!c.user && u && (c.access == Access::Fetch || !c.sum)) return false;
  switch (c.access) {
    case Access::Fetch:
      if ((bits & kX) == 0) return false;
      break;
    case Access::Store:
      if ((bits & kW) == 0) return false;
      break;
    case Access::Load: {
      // HLVX: execute permission takes the place of read permission.
      if (c.hlvx) {
        if ((bits & kX) == 0) return false;
        break;
      }
      // MXR: loads from pages marked either readable or executable succeed.
      const bool executable_counts = (c.mxr || c.hs_mxr) && (bits & kX) != 0;
      if ((bits & kR) == 0 && !executable_counts) return false;
      break;
    }
  }
  // A clear, or D clear and a store: a page fault.
  return (bits & kA) != 0 && (c.access != Access::Store || (bits & kD) != 0);
}

/// "Guest Physical Address Translation": as if from U-mode; vsstatus.MXR is the VS-stage's alone.
inline bool g_allows(std::uint64_t bits, AccessContext c) {
  c.user = true;
  c.mxr = false;
  return vs_allows(bits, c);
}

}  // namespace axvm::sim::riscv64::test
