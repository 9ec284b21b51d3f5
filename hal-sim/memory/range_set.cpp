#include <algorithm>
#include <hal-sim/memory/range_set.hpp>

namespace axvm::hal_sim {

void RangeSet::insert(std::uint64_t begin, std::uint64_t end) {
  if (begin >= end) return;
  // Everything that overlaps or touches becomes one run.
  auto run = runs_.lower_bound(begin);
  while (run != runs_.end() && run->second <= end) {
    begin = std::min(begin, run->second);
    end = std::max(end, run->first);
    run = runs_.erase(run);
  }
  runs_.emplace(end, begin);
}

void RangeSet::erase(std::uint64_t begin, std::uint64_t end) {
  if (begin >= end) return;
  auto run = runs_.upper_bound(begin);
  while (run != runs_.end() && run->second < end) {
    const std::uint64_t run_begin = run->second;
    if (run_begin < begin) runs_.emplace(begin, run_begin);
    if (run->first > end) {
      run->second = end;
      return;
    }
    run = runs_.erase(run);
  }
}

std::uint64_t RangeSet::count(std::uint64_t begin, std::uint64_t end) const {
  std::uint64_t members = 0;
  for (auto run = runs_.upper_bound(begin); run != runs_.end() && run->second < end; ++run) {
    members += std::min(end, run->first) - std::max(begin, run->second);
  }
  return members;
}

std::optional<std::uint64_t> RangeSet::lowest() const {
  if (runs_.empty()) return std::nullopt;
  return runs_.begin()->second;
}

void RangeSet::describe(StateVisitor& visitor, std::uint64_t limit) {
  std::uint64_t count = runs_.size();
  visitor.field("runs", count);
  count = std::min(count, limit);
  auto next = runs_.begin();
  RangeSet described;
  std::uint64_t least = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t begin = next != runs_.end() ? next->second : 0;
    std::uint64_t end = next != runs_.end() ? (next++)->first : 0;
    visitor.field("begin", begin);
    visitor.field("end", end);
    if (begin < least || begin >= end || end > limit) break;  // a restored state may be anything
    described.insert(begin, end);
    least = end;
  }
  if (visitor.restores()) runs_ = std::move(described.runs_);
}

}  // namespace axvm::hal_sim
