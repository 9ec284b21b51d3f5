#pragma once
// Tables of both stages for walk benches, written as plain entries.

#include <cstdint>
#include <cstring>
#include <sim/memory/physical_memory.hpp>

namespace axvm::bench {

/// VMSAv8-64, 4 KiB granule.
struct AArch64Entries {
  static constexpr std::uint64_t table(std::uint64_t next) { return next | 3; }
  static constexpr std::uint64_t address(std::uint64_t entry) { return entry & 0xffff'ffff'f000; }
  /// Page, AF, inner shareable, EL1+EL0 RW.
  static constexpr std::uint64_t guest_page(std::uint64_t page) { return page | 0x743; }
  /// Page, AF, inner shareable, RW, normal.
  static constexpr std::uint64_t host_page(std::uint64_t page) { return page | 0x7ff; }
};

/// Sv39 to Sv57, and the G-stage's formats.
struct Riscv64Entries {
  static constexpr std::uint64_t table(std::uint64_t next) { return next >> 2 | 1; }
  static constexpr std::uint64_t address(std::uint64_t entry) { return entry >> 10 << 12; }
  /// D, A, X, W, R, V.
  static constexpr std::uint64_t guest_page(std::uint64_t page) { return page >> 2 | 0xcf; }
  /// The same with U.
  static constexpr std::uint64_t host_page(std::uint64_t page) { return page >> 2 | 0xdf; }
};

/// Tables of 4 KiB pages: `guest_levels` and `host_levels` table reads per translation. The second
/// stage maps guest-physical to the same physical addresses. Table frames are spread over RAM so
/// that neighbours do not share cache lines.
template <class Entries>
class WalkTables {
 public:
  static constexpr std::uint64_t kRam = 0x4000'0000;
  static constexpr std::uint64_t kRamSize = 256ULL << 20;

  WalkTables(sim::PhysicalMemory& memory, unsigned guest_levels, unsigned host_levels)
      : memory_(memory), guest_levels_(guest_levels), host_levels_(host_levels) {
    guest_root_ = frame();
    back(guest_root_);
  }

  [[nodiscard]] std::uint64_t guest_root() const { return guest_root_; }
  [[nodiscard]] std::uint64_t host_root() const { return kHostRoot; }

  /// Maps the page of `va` to a page of its own.
  void map(std::uint64_t va) {
    std::uint64_t table = guest_root_;
    for (unsigned height = guest_levels_ - 1; height > 0; --height)
      table = next(table, va, height, true);
    const std::uint64_t page = frame();
    back(page);
    put(table, index(va, 0), Entries::guest_page(page));
  }

 private:
  /// 16 KiB, as the G-stage's roots are; the first part of them is used.
  static constexpr std::uint64_t kHostRoot = kRam + 0x10'0000;

  /// Tables at height 0 hold pages.
  static unsigned index(std::uint64_t a, unsigned height) {
    return static_cast<unsigned>(a >> (12 + 9 * height)) & 511;
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
  std::uint64_t next(std::uint64_t table, std::uint64_t a, unsigned height, bool backed) {
    const std::uint64_t d = get(table, index(a, height));
    if (d != 0) return Entries::address(d);
    const std::uint64_t made = frame();
    if (backed) back(made);
    put(table, index(a, height), Entries::table(made));
    return made;
  }
  /// The second stage: identity for the frame at `gpa`.
  void back(std::uint64_t gpa) {
    if (host_levels_ == 0) return;
    std::uint64_t table = kHostRoot;
    for (unsigned height = host_levels_ - 1; height > 0; --height)
      table = next(table, gpa, height, false);
    put(table, index(gpa, 0), Entries::host_page(gpa));
  }
  std::uint64_t frame() {
    const std::uint64_t f = next_frame_;
    next_frame_ += 0x1000;
    return f;
  }

  sim::PhysicalMemory& memory_;
  unsigned guest_levels_;
  unsigned host_levels_;
  std::uint64_t next_frame_ = kHostRoot + 0x4000;
  std::uint64_t guest_root_ = 0;
};

}  // namespace axvm::bench
