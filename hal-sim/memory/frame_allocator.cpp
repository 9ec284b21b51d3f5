#include <algorithm>
#include <hal-sim/memory/frame_allocator.hpp>

namespace axvm::hal_sim {
namespace {

std::uint64_t numbers_needed(std::span<const FrameRange> banks) {
  std::uint64_t numbers = 0;
  for (const FrameRange& bank : banks) numbers += bank.size / FrameAllocator::kFrameSize + 1;
  return numbers;
}

}  // namespace

FrameAllocator::FrameAllocator(std::span<const FrameRange> banks)
    : free_(numbers_needed(banks)), free_aside_(free_.capacity()) {
  std::uint64_t number = 0;
  for (const FrameRange& bank : banks) {
    banks_.push_back({bank, number});
    const std::uint64_t frames = bank.size / kFrameSize;
    for (std::uint64_t i = 0; i < frames; ++i) free_.insert(number + i);
    number += frames + 1;
    total_ += frames;
  }
}

void FrameAllocator::set_aside(FrameRange range) {
  set_aside_.push_back(range);
  for (const Bank& bank : banks_) {
    const std::uint64_t begin = std::max(range.base, bank.range.base);
    const std::uint64_t end = std::min(range.base + range.size, bank.range.base + bank.range.size);
    for (std::uint64_t address = begin; address < end; address += kFrameSize) {
      const std::uint64_t number = bank.first + (address - bank.range.base) / kFrameSize;
      free_.erase(number);
      free_aside_.insert(number);
    }
  }
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

bool FrameAllocator::is_set_aside(std::uint64_t address) const {
  return std::ranges::any_of(
      set_aside_, [address](const FrameRange& range) { return address - range.base < range.size; });
}

void FrameAllocator::take(std::uint64_t first, std::uint64_t count) {
  for (std::uint64_t i = first; i < first + count; ++i) {
    free_.erase(i);
    free_aside_.erase(i);
  }
  taken_ += count;
  peak_ = std::max(peak_, taken_);
}

std::optional<std::uint64_t> FrameAllocator::allocate() {
  const auto number = free_.first_from(0);
  if (!number) return std::nullopt;
  take(*number, 1);
  return address_of(*number);
}

std::optional<std::uint64_t> FrameAllocator::allocate(std::uint64_t count,
                                                      std::uint64_t alignment) {
  if (count == 0 || count > total_) return std::nullopt;
  for (const Bank& bank : banks_) {
    const std::uint64_t end = bank.first + bank.range.size / kFrameSize;
    auto next = free_.first_from(bank.first);
    while (next && *next < end) {
      const std::uint64_t misaligned = address_of(*next) & (alignment - 1);
      const std::uint64_t skipped = misaligned == 0 ? 0 : (alignment - misaligned) / kFrameSize;
      const std::uint64_t first = *next + skipped;
      if (first >= end || count > end - first) break;
      std::uint64_t run = 0;
      while (run < count && free_.contains(first + run)) ++run;
      if (run == count) {
        take(first, count);
        return address_of(first);
      }
      next = free_.first_from(first + run + 1);
    }
  }
  return std::nullopt;
}

bool FrameAllocator::allocate_range(FrameRange range) {
  const auto first = number_of(range);
  if (!first) return false;
  const std::uint64_t count = range.size / kFrameSize;
  for (std::uint64_t i = *first; i < *first + count; ++i) {
    if (!free_.contains(i) && !free_aside_.contains(i)) return false;
  }
  take(*first, count);
  return true;
}

bool FrameAllocator::deallocate(FrameRange range) {
  const auto first = number_of(range);
  if (!first) return false;
  const std::uint64_t count = range.size / kFrameSize;
  for (std::uint64_t i = *first; i < *first + count; ++i) {
    if (free_.contains(i) || free_aside_.contains(i)) return false;
  }
  for (std::uint64_t i = *first; i < *first + count; ++i) {
    (is_set_aside(address_of(i)) ? free_aside_ : free_).insert(i);
  }
  taken_ -= count;
  return true;
}

}  // namespace axvm::hal_sim
