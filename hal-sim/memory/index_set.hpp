#pragma once
// A set of small integers that finds its least member from some point on in a few steps.

#include <cstdint>
#include <optional>
#include <vector>

namespace axvm::hal_sim {

/// Members are below `capacity`. Each level has one bit per 64 bits of the level below: set when
/// any of them is.
class IndexSet {
 public:
  explicit IndexSet(std::uint64_t capacity);

  [[nodiscard]] bool contains(std::uint64_t i) const { return (word(0, i) >> (i % 64) & 1) != 0; }
  void insert(std::uint64_t i);
  void erase(std::uint64_t i);
  /// The least member >= `from`.
  [[nodiscard]] std::optional<std::uint64_t> first_from(std::uint64_t from) const;
  [[nodiscard]] std::uint64_t capacity() const { return capacity_; }

 private:
  [[nodiscard]] std::uint64_t word(std::size_t level, std::uint64_t i) const {
    return levels_[level][i / 64];
  }

  std::uint64_t capacity_;
  std::vector<std::vector<std::uint64_t>> levels_;
};

}  // namespace axvm::hal_sim
