#pragma once
// A stage-2 mapping as one would write it without regard for hardware: disjoint intervals in a map.

#include <axvm/mapping.hpp>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>

namespace axvm::fuzz {

class Stage2Model {
 public:
  struct Interval {
    std::uint64_t end;  ///< first address behind it
    std::uint64_t hpa;
    MappingFlags flags;
  };
  struct Found {
    std::uint64_t hpa;
    MappingFlags flags;
  };

  [[nodiscard]] bool overlaps(std::uint64_t begin, std::uint64_t end) const {
    const auto after = intervals_.lower_bound(end);
    return after != intervals_.begin() && std::prev(after)->second.end > begin;
  }
  /// Precondition: nothing is mapped there.
  void map(std::uint64_t begin, std::uint64_t end, std::uint64_t hpa, MappingFlags flags) {
    intervals_[begin] = {end, hpa, flags};
  }
  void unmap(std::uint64_t begin, std::uint64_t end) {
    cut(begin);
    cut(end);
    intervals_.erase(intervals_.lower_bound(begin), intervals_.lower_bound(end));
  }
  /// Of what is mapped there.
  void protect(std::uint64_t begin, std::uint64_t end, MappingFlags flags) {
    cut(begin);
    cut(end);
    for (auto at = intervals_.lower_bound(begin); at != intervals_.lower_bound(end); ++at) {
      at->second.flags = flags;
    }
  }
  [[nodiscard]] std::optional<Found> find(std::uint64_t gpa) const {
    const auto after = intervals_.upper_bound(gpa);
    if (after == intervals_.begin()) return std::nullopt;
    const auto& [begin, interval] = *std::prev(after);
    if (gpa >= interval.end) return std::nullopt;
    return Found{interval.hpa + (gpa - begin), interval.flags};
  }
  [[nodiscard]] const std::map<std::uint64_t, Interval>& intervals() const { return intervals_; }

 private:
  /// Makes `at` a border.
  void cut(std::uint64_t at) {
    const auto after = intervals_.upper_bound(at);
    if (after == intervals_.begin()) return;
    auto& [begin, interval] = *std::prev(after);
    if (begin == at || at >= interval.end) return;
    const Interval rest{interval.end, interval.hpa + (at - begin), interval.flags};
    interval.end = at;
    intervals_[at] = rest;
  }

  std::map<std::uint64_t, Interval> intervals_;
};

}  // namespace axvm::fuzz
