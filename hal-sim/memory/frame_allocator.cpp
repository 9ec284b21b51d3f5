#include <algorithm>
#include <hal-sim/memory/frame_allocator.hpp>

namespace axvm::hal_sim {
FrameAllocator::FrameAllocator(std::span<const FrameRange> banks) {
  std::uint64_t number = 0;
  for (const FrameRange& bank : banks) {
    banks_.push_back({bank, number});
    const std::uint64_t frames = bank.size / kFrameSize;
    free_.insert(number, number + frames);
    number += frames + 1;
    total_ += frames;
  }
}

template <class F>
void FrameAllocator::for_each_piece(FrameRange range, F&& f) const {
  for (const Bank& bank : banks_) {
    const std::uint64_t begin = std::max(range.base, bank.range.base);
    const std::uint64_t end = std::min(range.base + range.size, bank.range.base + bank.range.size);
    if (begin >= end) continue;
    f(bank.first + (begin - bank.range.base) / kFrameSize,
      bank.first + (end - bank.range.base + kFrameSize - 1) / kFrameSize);
  }
}

void FrameAllocator::set_aside(FrameRange range) {
  set_aside_.push_back(range);
  for_each_piece(range, [this](std::uint64_t first, std::uint64_t end) {
    free_.erase(first, end);
    free_aside_.insert(first, end);
  });
}

std::optional<std::uint64_t> FrameAllocator::number_of(FrameRange range) const {
  if (range.base % kFrameSize != 0 || range.size % kFrameSize != 0) return std::nullopt;
  for (const Bank& bank : banks_) {
    const std::uint64_t offset = range.base - bank.range.base;
    if (offset < bank.range.size && range.size <= bank.range.size - offset) {
      return bank.first + offset / kFrameSize;
    }
  }
  return std::nullopt;
}

std::uint64_t FrameAllocator::address_of(std::uint64_t number) const {
  const auto after = std::ranges::upper_bound(banks_, number, {}, &Bank::first);
  const Bank& bank = *(after - 1);
  return bank.range.base + (number - bank.first) * kFrameSize;
}

void FrameAllocator::take(std::uint64_t first, std::uint64_t count) {
  free_.erase(first, first + count);
  free_aside_.erase(first, first + count);
  taken_ += count;
  peak_ = std::max(peak_, taken_);
}

std::optional<std::uint64_t> FrameAllocator::allocate() {
  const auto number = free_.lowest();
  if (!number) return std::nullopt;
  take(*number, 1);
  return address_of(*number);
}

std::optional<std::uint64_t> FrameAllocator::allocate(std::uint64_t count,
                                                      std::uint64_t alignment) {
  if (count == 0 || count > total_) return std::nullopt;
  std::optional<std::uint64_t> found;
  free_.find_run([&](std::uint64_t begin, std::uint64_t end) {
    const std::uint64_t misaligned = address_of(begin) & (alignment - 1);
    const std::uint64_t skipped = misaligned == 0 ? 0 : (alignment - misaligned) / kFrameSize;
    if (skipped < end - begin && count <= end - begin - skipped) found = begin + skipped;
    return found.has_value();
  });
  if (!found) return std::nullopt;
  take(*found, count);
  return address_of(*found);
}

bool FrameAllocator::allocate_range(FrameRange range) {
  const auto first = number_of(range);
  if (!first) return false;
  const std::uint64_t count = range.size / kFrameSize;
  const std::uint64_t end = *first + count;
  if (free_.count(*first, end) + free_aside_.count(*first, end) != count) return false;
  take(*first, count);
  return true;
}

bool FrameAllocator::deallocate(FrameRange range) {
  const auto first = number_of(range);
  if (!first) return false;
  const std::uint64_t count = range.size / kFrameSize;
  const std::uint64_t end = *first + count;
  if (free_.count(*first, end) + free_aside_.count(*first, end) != 0) return false;
  free_.insert(*first, end);
  for (const FrameRange& aside : set_aside_) {
    for_each_piece(aside, [&](std::uint64_t piece, std::uint64_t piece_end) {
      piece = std::max(piece, *first);
      piece_end = std::min(piece_end, end);
      free_.erase(piece, piece_end);
      free_aside_.insert(piece, piece_end);
    });
  }
  taken_ -= count;
  return true;
}

void FrameAllocator::describe(StateVisitor& visitor) {
  if (banks_.empty()) return;
  const Bank& last = banks_.back();
  const std::uint64_t end = last.first + last.range.size / kFrameSize;
  free_.describe(visitor, end);
  free_aside_.describe(visitor, end);
  if (!visitor.restores()) return;
  taken_ = total_ - std::min(total_, free_.count(0, end) + free_aside_.count(0, end));
  peak_ = std::max(peak_, taken_);
}

}  // namespace axvm::hal_sim
