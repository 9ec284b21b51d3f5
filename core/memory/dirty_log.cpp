#include <core/lowest_bit.hpp>
#include <core/memory/dirty_log.hpp>

namespace axvm {
namespace {

constexpr std::uint64_t kMostRestored = 1ULL << 44;  // bytes

}  // namespace

Result<DirtyLog> DirtyLog::try_make(Allocator allocator, GuestPhysRange range) {
  auto words = Array<std::uint64_t>::try_make(allocator, dirty_words(range.size));
  if (!words) return std::unexpected(words.error());
  while (!words->full()) words->emplace_back(0U);
  return DirtyLog(range, std::move(*words));
}

void DirtyLog::mark(GuestPhysRange part) noexcept {
  if (!part.overlaps(range_)) return;
  const GuestPhysAddr begin = part.base > range_.base ? part.base : range_.base;
  const GuestPhysAddr end = part.end() < range_.end() ? part.end() : range_.end();
  for (std::uint64_t i = page(begin); i <= page(end - 1); ++i) {
    words_[i / 64] |= std::uint64_t{1} << i % 64;
  }
}

bool DirtyLog::is_dirty(GuestPhysAddr gpa) const noexcept {
  const std::uint64_t i = page(gpa);
  return (words_[i / 64] >> i % 64 & 1) != 0;
}

GuestPhysAddr DirtyLog::find(bool dirty, GuestPhysAddr gpa, GuestPhysAddr end) const noexcept {
  std::uint64_t i = page(gpa);
  const std::uint64_t last = page(end - 1);
  while (i <= last) {
    const std::uint64_t word = dirty ? words_[i / 64] : ~words_[i / 64];
    const std::uint64_t rest = word >> i % 64;
    if (rest == 0) {
      i = (i / 64 + 1) * 64;
      continue;
    }
    i += lowest_bit(rest);
    return i <= last ? range_.base + i * kPageSize : end;
  }
  return end;
}

void DirtyLog::take(GuestPhysRange part, std::span<std::uint64_t> bits) noexcept {
  const std::uint64_t first = page(part.base);
  for (std::uint64_t& word : bits) word = 0;
  for (GuestPhysAddr at = find(true, part.base, part.end()); at != part.end();
       at = find(true, at, part.end())) {
    const std::uint64_t i = page(at);
    bits[(i - first) / 64] |= std::uint64_t{1} << (i - first) % 64;
    words_[i / 64] &= ~(std::uint64_t{1} << i % 64);
  }
}

Result<DirtyLogs> DirtyLogs::try_make(Allocator allocator) {
  auto logs = Array<DirtyLog>::try_make(allocator, kMaxLogs);
  if (!logs) return std::unexpected(logs.error());
  return DirtyLogs(allocator, std::move(*logs));
}

Result<> DirtyLogs::start(GuestPhysRange range) {
  if (overlap(range)) {
    return fail(ErrorKind::AlreadyExists, "start dirty log"sv, "a log covers part of the range"sv);
  }
  if (logs_.full()) return fail(ErrorKind::NoMemory, "start dirty log"sv, "too many logs"sv);
  auto log = DirtyLog::try_make(allocator_, range);
  if (!log) return std::unexpected(log.error());
  std::size_t i = logs_.size();
  while (i > 0 && logs_[i - 1].range().base > range.base) --i;
  logs_.insert(i, std::move(*log));
  return {};
}

bool DirtyLogs::stop(GuestPhysRange range) noexcept {
  for (std::size_t i = 0; i < logs_.size(); ++i) {
    if (logs_[i].range() != range) continue;
    logs_.erase(i);
    return true;
  }
  return false;
}

DirtyLog* DirtyLogs::covering(GuestPhysRange part) noexcept {
  for (DirtyLog& log : logs_) {
    if (log.range().contains(part.base, part.size)) return &log;
  }
  return nullptr;
}

bool DirtyLogs::overlap(GuestPhysRange range) const noexcept {
  for (const DirtyLog& log : logs_) {
    if (log.range().overlaps(range)) return true;
  }
  return false;
}

void DirtyLogs::mark(GuestPhysRange part) noexcept {
  if (part.size == 0) return;
  for (DirtyLog& log : logs_) log.mark(part);
}

DirtyLogs::Run DirtyLogs::run_from(GuestPhysAddr gpa, GuestPhysAddr end) const noexcept {
  for (const DirtyLog& log : logs_) {
    if (log.range().end() <= gpa) continue;
    if (log.range().base > gpa) {
      return {log.range().base < end ? log.range().base : end, false};
    }
    const GuestPhysAddr limit = log.range().end() < end ? log.range().end() : end;
    const bool dirty = log.is_dirty(gpa);
    return {log.find(!dirty, gpa, limit), !dirty};
  }
  return {end, false};
}

GuestPhysRange DirtyLogs::gap_from(GuestPhysAddr gpa, GuestPhysAddr end) const noexcept {
  for (const DirtyLog& log : logs_) {
    if (log.range().end() <= gpa) continue;
    if (log.range().base > gpa) {
      if (log.range().base < end) return {gpa, log.range().base - gpa};
      break;
    }
    gpa = log.range().end();
  }
  return gpa < end ? GuestPhysRange{gpa, end - gpa} : GuestPhysRange{end, 0};
}

void DirtyLogs::describe(StateVisitor& visitor) {
  std::uint64_t count = logs_.size();
  visitor.field("dirty_logs"sv, count);
  for (std::uint64_t i = 0; i < count; ++i) {
    GuestPhysRange range = i < logs_.size() ? logs_[i].range() : GuestPhysRange{};
    visitor.enter("dirty_log"sv, i);
    visitor.field("base"sv, range.base.value);
    visitor.field("size"sv, range.size);
    if (visitor.restores()) {
      while (logs_.size() > i) logs_.erase(logs_.size() - 1);
      const bool fits = range.end() > range.base && range.size <= kMostRestored &&
                        range.base.is_aligned(kPageSize) && range.size % kPageSize == 0;
      if (!fits || !start(range)) return;
    }
    logs_[i].describe(visitor);
    visitor.leave();
  }
  while (logs_.size() > count) logs_.erase(logs_.size() - 1);
}

}  // namespace axvm
