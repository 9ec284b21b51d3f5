#pragma once
// What the machine tells of guests beyond what traps: plain data.

#include <cstdint>

namespace axvm::sim {

/// A guest wrote code and runs it without having invalidated it in the instruction caches. This
/// machine's fetches are coherent; others would run what was there before, now and then.
struct UnmaintainedCode {
  unsigned pcpu = 0;
  std::uint64_t instructions = 0;  ///< retired by the pCPU before
  std::uint64_t time_ns = 0;       ///< of the pCPU
  std::uint64_t pc = 0;            ///< virtual address of the instruction
  std::uint64_t address = 0;       ///< its host-physical address

  friend bool operator==(const UnmaintainedCode&, const UnmaintainedCode&) = default;
};

}  // namespace axvm::sim
