#pragma once
// What a model counts.

#include <array>
#include <cstdint>
#include <functional>
#include <sim/timing/memory_hierarchy.hpp>

namespace axvm::sim::timing {

/// Why an address is translated.
enum class Access : std::uint8_t { Fetch, Load, Store };
/// Is told of each access that a guest makes, in program order.
using AccessListener = std::function<void(Access, std::uint64_t va)>;

inline constexpr std::size_t kMaxHeights = 5;

/// Reads of descriptors, by the height of the table and the level of memory that served them.
using References = std::array<std::array<std::uint64_t, kLevels>, kMaxHeights>;

struct Counters {
  std::uint64_t accesses = 0;
  std::uint64_t fetches = 0;         ///< of the accesses
  std::uint64_t l1_tlb_refills = 0;  ///< accesses that no first-level TLB had a translation for
  std::uint64_t l2_tlb_accesses = 0;
  std::uint64_t l2_tlb_refills = 0;  ///< of those, the ones that no second-level TLB had, either
  std::uint64_t walks = 0;
  std::uint64_t faults = 0;  ///< walks that met an invalid descriptor
  References stage1{};
  References stage2{};
  std::uint64_t stage1_walk_cache_hits = 0;
  std::uint64_t stage2_walk_cache_hits = 0;
  std::uint64_t ipa_cache_hits = 0;
  std::uint64_t ipa_cache_misses = 0;
  std::array<std::uint64_t, kLevels> data{};  ///< accesses, by the level of memory that served them
  // Of those above, a guest's fetches of lines of instructions, which are in none of `data`.
  std::uint64_t fetch_l1_tlb_refills = 0;
  std::uint64_t fetch_l2_tlb_accesses = 0;
  std::uint64_t fetch_l2_tlb_refills = 0;
  std::uint64_t fetch_walks = 0;
  std::array<std::uint64_t, kLevels> fetched{};
  std::uint64_t refused = 0;      ///< accesses of a guest that were translated and did not happen
  std::uint64_t walk_cycles = 0;  ///< that walkers were busy, summed over walkers
  std::uint64_t translation_cycles = 0;  ///< from each access to its physical address, summed
  std::uint64_t cycles = 0;              ///< from the first access to the last one's data

  bool operator==(const Counters&) const = default;

  [[nodiscard]] std::uint64_t stage1_references() const noexcept { return sum(stage1); }
  [[nodiscard]] std::uint64_t stage2_references() const noexcept { return sum(stage2); }
  [[nodiscard]] std::uint64_t references() const noexcept {
    return stage1_references() + stage2_references();
  }

 private:
  [[nodiscard]] static std::uint64_t sum(const References& references) noexcept {
    std::uint64_t total = 0;
    for (const auto& height : references) {
      for (const std::uint64_t served : height) total += served;
    }
    return total;
  }
};

}  // namespace axvm::sim::timing
