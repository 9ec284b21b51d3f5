#include <lab/frames.hpp>

namespace axvm::lab {

std::optional<HostPhysAddr> Frames::allocate_frame() {
  if (free_.empty()) return allocate_frames(1, kPageSize);
  const std::uint64_t frame = free_.back();
  free_.pop_back();
  return HostPhysAddr(frame);
}

std::optional<HostPhysAddr> Frames::allocate_frames(std::size_t count, std::size_t alignment) {
  const std::uint64_t first = (next_ + alignment - 1) & ~(std::uint64_t{alignment} - 1);
  const std::uint64_t size = count * kPageSize;
  if (first < next_ || first > end_ || size > end_ - first) return std::nullopt;
  for (; next_ < first; next_ += kPageSize) free_.push_back(next_);
  next_ = first + size;
  return HostPhysAddr(first);
}

void Frames::deallocate_frames(HostPhysAddr first, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) deallocate_frame(first + i * kPageSize);
}

HostVirtAddr Frames::phys_to_virt(HostPhysAddr hpa) const {
  return HostVirtAddr(reinterpret_cast<std::uintptr_t>(memory_.at(hpa.value)));
}

}  // namespace axvm::lab
