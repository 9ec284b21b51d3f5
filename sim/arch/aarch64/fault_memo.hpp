#pragma once
// A walk that ended in a fault of stage 2, with all that it depended on.

#include <array>
#include <cstdint>
#include <cstring>
#include <sim/arch/aarch64/translation.hpp>
#include <sim/memory/physical_memory.hpp>

namespace axvm::sim::aarch64 {

/// No TLB remembers a fault: each access walks anew, since the tables may have changed. To read
/// the same descriptors again and find them unchanged is such a walk, without the arithmetic.
struct FaultMemo {
  /// A descriptor as it is in memory.
  struct Read {
    const std::uint8_t* at;
    std::uint64_t word;
  };
  static constexpr std::uint64_t kNothing = ~0ULL;

  std::uint64_t va = 0;
  AccessContext context;
  /// Versions of what the registers mean and of the TLB; kNothing: there is no walk in here.
  std::uint64_t regime = kNothing;
  std::uint64_t tlb = kNothing;
  Fault fault;
  bool hit = false;  ///< stage 2 was found in the TLB
  std::uint8_t stage1_reads = 0;
  std::uint8_t count = 0;
  std::array<Read, 12> reads{};

  /// Whether the walk would read now what it read then.
  [[nodiscard]] bool reads_the_same() const noexcept {
    for (unsigned n = 0; n < count; ++n) {
      std::uint64_t word = 0;
      std::memcpy(&word, reads[n].at, sizeof word);
      if (word != reads[n].word) return false;
    }
    return true;
  }
};

/// Observes a walk for a memo.
struct MemoWriter {
  FaultMemo& memo;
  const PhysicalMemory& memory;
  unsigned stage1_reads = 0;
  unsigned stage2_reads = 0;

  void step(const WalkStep& step) noexcept {
    const unsigned n = reads();
    ++(step.stage == 1 ? stage1_reads : stage2_reads);
    if (n >= memo.reads.size()) return;
    FaultMemo::Read& read = memo.reads[n];
    read.at = memory.at(step.descriptor_pa);
    std::memcpy(&read.word, read.at, sizeof read.word);
  }
  [[nodiscard]] unsigned reads() const noexcept { return stage1_reads + stage2_reads; }
};

}  // namespace axvm::sim::aarch64
