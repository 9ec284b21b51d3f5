#pragma once
// Stage-1 and stage-2 tables for walk benches, written as plain descriptors.

#include <cstdint>
#include <cstring>
#include <sim/memory/physical_memory.hpp>

namespace axvm::bench {

/// Tables of 4 KiB pages: `stage1_levels` and `stage2_levels` table reads per translation. Stage 2
/// maps IPA = PA. Table frames are spread over RAM so that neighbours do not share cache lines.
class WalkTables {
 public:
  static constexpr std::uint64_t kRam = 0x4000'0000;
  static constexpr std::uint64_t kRamSize = 256ULL << 20;

  WalkTables(sim::PhysicalMemory& memory, unsigned stage1_levels, unsigned stage2_levels)
      : memory_(memory), stage1_levels_(stage1_levels), stage2_levels_(stage2_levels) {
    stage2_root_ = frame();
    stage1_root_ = frame();
    back(stage1_root_);
  }

  [[nodiscard]] std::uint64_t stage1_root() const { return stage1_root_; }
  [[nodiscard]] std::uint64_t stage2_root() const { return stage2_root_; }

  /// Maps the page of `va` to a page of its own.
  void map(std::uint64_t va) {
    std::uint64_t table = stage1_root_;
    for (unsigned level = 4 - stage1_levels_; level < 3; ++level)
      table = next(table, va, level, true);
    const std::uint64_t page = frame();
    back(page);
    put(table, index(va, 3), page | 0x743);  // page, AF, inner shareable, EL1+EL0 RW
  }

 private:
  static unsigned index(std::uint64_t a, unsigned level) {
    return static_cast<unsigned>(a >> (39 - 9 * level)) & 511;
  }
  std::uint64_t get(std::uint64_t table, unsigned i) {
    std::uint64_t d = 0;
    std::memcpy(&d, memory_.at(table + i * 8), sizeof d);
    return d;
  }
  void put(std::uint64_t table, unsigned i, std::uint64_t d) {
    std::memcpy(memory_.at(table + i * 8), &d, sizeof d);
  }
  /// The table that `table`'s entry for `a` leads to, made when absent.
  std::uint64_t next(std::uint64_t table, std::uint64_t a, unsigned level, bool backed) {
    const std::uint64_t d = get(table, index(a, level));
    if (d != 0) return d & 0xffff'ffff'f000;
    const std::uint64_t made = frame();
    if (backed) back(made);
    put(table, index(a, level), made | 3);
    return made;
  }
  /// Stage 2: identity for the frame at `ipa`.
  void back(std::uint64_t ipa) {
    if (stage2_levels_ == 0) return;
    std::uint64_t table = stage2_root_;
    for (unsigned level = 4 - stage2_levels_; level < 3; ++level) {
      table = next(table, ipa, level, false);
    }
    put(table, index(ipa, 3), ipa | 0x7ff);  // page, AF, inner shareable, RW, normal
  }
  std::uint64_t frame() {
    const std::uint64_t f = next_frame_;
    next_frame_ += 0x1000;
    return f;
  }

  sim::PhysicalMemory& memory_;
  unsigned stage1_levels_;
  unsigned stage2_levels_;
  std::uint64_t next_frame_ = kRam + 0x10'0000;
  std::uint64_t stage1_root_ = 0;
  std::uint64_t stage2_root_ = 0;
};

}  // namespace axvm::bench
