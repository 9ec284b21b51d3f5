#pragma once
// Tables of four levels with 9 bits each, stage 1 over stage 2, written by hand.

#include <array>
#include <cstdint>
#include <cstring>
#include <sim/arch/aarch64/table_formats.hpp>
#include <sim/memory/physical_memory.hpp>
#include <sim/timing/profile.hpp>
#include <sim/timing/walker.hpp>

namespace axvm::sim::timing::test {

inline const TableFormat& format_4k_48() {
  for (const TableFormat& format : aarch64::kTableFormats) {
    if (format.name == "vmsa-4k-48") return format;
  }
  std::abort();
}

class Tables {
 public:
  static constexpr std::uint64_t kRam = 0x4000'0000;

  Tables() { stage1_.root = take(), stage2_.root = take(); }

  [[nodiscard]] const PhysicalMemory& memory() const { return memory_; }
  [[nodiscard]] Stage stage1() const { return stage1_; }
  [[nodiscard]] Stage stage2() const { return stage2_; }

  /// A leaf at `height` of stage 1; tables are at intermediate addresses that are physical ones.
  void map1(std::uint64_t va, std::uint64_t ipa, unsigned height = 0, std::uint64_t more = 0) {
    put(stage1_.root, va, ipa | more, height);
  }
  void map2(std::uint64_t ipa, std::uint64_t pa, unsigned height = 0) {
    put(stage2_.root, ipa, pa, height);
  }
  /// Stage 2 maps all RAM to itself, by pages.
  void map2_ram() {
    for (std::uint64_t at = 0; at < kSize; at += 0x1000) map2(kRam + at, kRam + at);
  }

 private:
  static constexpr std::uint64_t kSize = 0x40'0000;

  std::uint64_t take() { return next_ += 0x1000; }
  void put(std::uint64_t table, std::uint64_t from, std::uint64_t to, unsigned height) {
    for (unsigned h = 3; h > height; --h) {
      std::uint8_t* const slot = memory_.at(table + format_4k_48().index(from, h) * 8);
      std::uint64_t entry = 0;
      std::memcpy(&entry, slot, 8);
      if (entry == 0) {
        entry = take() | 3;
        std::memcpy(slot, &entry, 8);
      }
      table = entry & ~0xfffULL;
    }
    const std::uint64_t leaf = to | (height == 0 ? 0x743 : 0x741);
    std::memcpy(memory_.at(table + format_4k_48().index(from, height) * 8), &leaf, 8);
  }

  PhysicalMemory memory_ = *PhysicalMemory::create(std::array{PhysicalMemory::Bank{kRam, kSize}});
  std::uint64_t next_ = kRam;
  Stage stage1_{&format_4k_48(), 0};
  Stage stage2_{&format_4k_48(), 0};
};

/// Nothing is cached; each read takes a cycle.
inline Profile bare() {
  Profile profile;
  profile.memory.memory_cycles = 1;
  return profile;
}
inline Profile with_walk_cache(std::vector<unsigned> heights, std::uint32_t entries = 64) {
  Profile profile = bare();
  profile.stage1_walk_caches = {
      {.shape = {.entries = entries, .ways = entries}, .heights = std::move(heights)}};
  return profile;
}

}  // namespace axvm::sim::timing::test
