#pragma once
// Which leaves a guest's kernel maps its memory by, and where that memory is.

#include <cstdint>
#include <expected>
#include <functional>
#include <lab/formats.hpp>
#include <string>
#include <vector>

namespace axvm::lab {

/// Leaves of one size, and how many of 100 regions are mapped by them. A region is as large as the
/// largest leaf of the mix.
struct LeafShare {
  unsigned height = 0;  ///< of the table that holds the leaf, counted from the last level
  unsigned percent = 100;

  friend bool operator==(const LeafShare&, const LeafShare&) = default;
};

/// What a kernel has to map.
struct GuestMemory {
  std::vector<LeafShare> leaves;          ///< sums to 100
  std::uint64_t first = 0;                ///< the first address
  std::uint64_t size = 0;                 ///< bytes from there on, whole regions; or:
  std::vector<std::uint64_t> pages = {};  ///< what is touched, in that order, by pages of 4 KiB
  std::uint64_t ipa = 0;                  ///< where the memory begins, aligned to a region
  unsigned fragmentation = 0;             ///< percent of the leaves whose memory is anywhere
  std::uint64_t seed = 1;                 ///< which regions get which leaves, what is where
};

struct Leaf {
  std::uint64_t va = 0;
  std::uint64_t ipa = 0;
  unsigned height = 0;
};

class LeafPlan {
 public:
  /// Where pages are given, the first that is touched gets the first memory. With fragmentation,
  /// that share of the leaves of each size, chosen at random, change places among each other.
  LeafPlan(const sim::timing::TableFormat& format, const GuestMemory& memory);

  /// Bytes of the host's memory that the plan takes, at most.
  [[nodiscard]] static std::uint64_t memory_needed(const sim::timing::TableFormat& format,
                                                   const GuestMemory& memory);

  void for_each(const std::function<void(const Leaf&)>& map) const;
  /// Bytes of intermediate addresses that the memory takes.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  /// Bytes that tables for these leaves take.
  [[nodiscard]] std::uint64_t tables_size() const;
  /// Where a mapped address is.
  [[nodiscard]] std::uint64_t ipa_of(std::uint64_t va) const;

 private:
  void in_order(const std::function<void(const Leaf&)>& map) const;
  void plan_touched();
  void scatter();

  const sim::timing::TableFormat* format_;
  GuestMemory memory_;
  std::uint64_t region_;
  std::uint64_t size_ = 0;
  std::vector<Leaf> leaves_;  // all, unless they are in order
  std::vector<Leaf> by_va_;   // the same, sorted
};

}  // namespace axvm::lab
