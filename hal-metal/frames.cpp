#include <hal-metal/frames.hpp>

namespace axvm::hal_metal {

Frames::Frames(HostPhysAddr first_free) { mark(0, (first_free - kRamBase) / kPageSize, true); }

std::optional<HostPhysAddr> Frames::allocate(std::size_t count, std::size_t alignment) {
  // RAM begins at a multiple of every alignment that can be met.
  const std::size_t step = alignment / kPageSize;
  while (lowest_free_ < kRamFrames && is_taken(lowest_free_)) ++lowest_free_;
  std::size_t first = (lowest_free_ + step - 1) / step * step;
  for (; first < kRamFrames && count <= kRamFrames - first; first += step) {
    if (!is_free(first, count)) continue;
    mark(first, count, true);
    return kRamBase + first * kPageSize;
  }
  return std::nullopt;
}

bool Frames::take(HostPhysAddr base, std::size_t size) {
  if (base < kRamBase || !base.is_aligned(kPageSize) || size % kPageSize != 0) return false;
  const std::size_t first = (base - kRamBase) / kPageSize;
  const std::size_t count = size / kPageSize;
  if (first >= kRamFrames || count > kRamFrames - first || !is_free(first, count)) return false;
  mark(first, count, true);
  return true;
}

void Frames::release(HostPhysAddr base, std::size_t count) {
  const std::size_t first = (base - kRamBase) / kPageSize;
  mark(first, count, false);
  if (first < lowest_free_) lowest_free_ = first;
}

bool Frames::is_free(std::size_t first, std::size_t count) const {
  for (std::size_t n = first; n < first + count; ++n) {
    if (is_taken(n)) return false;
  }
  return true;
}

void Frames::mark(std::size_t first, std::size_t count, bool taken) {
  for (std::size_t n = first; n < first + count; ++n) {
    const std::uint64_t bit = std::uint64_t{1} << n % 64;
    bits_[n / 64] = taken ? bits_[n / 64] | bit : bits_[n / 64] & ~bit;
  }
}

}  // namespace axvm::hal_metal
