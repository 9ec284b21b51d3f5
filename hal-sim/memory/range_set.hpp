#pragma once
// A set of integers that costs as much as it has gaps, however many members it has.

#include <axvm/state.hpp>
#include <cstdint>
#include <map>
#include <optional>

namespace axvm::hal_sim {

/// Ranges are half-open, [begin, end), and may be empty.
class RangeSet {
 public:
  void insert(std::uint64_t begin, std::uint64_t end);
  void erase(std::uint64_t begin, std::uint64_t end);
  /// How many members lie in [begin, end).
  [[nodiscard]] std::uint64_t count(std::uint64_t begin, std::uint64_t end) const;
  /// The least member.
  [[nodiscard]] std::optional<std::uint64_t> lowest() const;

  /// Its runs; a restored one has no member that is not below `limit`.
  void describe(StateVisitor& visitor, std::uint64_t limit);

  /// Calls `f(begin, end)` for each longest run of members, ascending, until it returns true.
  template <class F>
  void find_run(F&& f) const {
    for (const auto& [end, begin] : runs_) {
      if (f(begin, end)) return;
    }
  }

 private:
  // By end: taking the lowest member, as most requests do, leaves the key.
  std::map<std::uint64_t, std::uint64_t> runs_;
};

}  // namespace axvm::hal_sim
