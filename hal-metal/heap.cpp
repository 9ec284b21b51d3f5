#include <algorithm>
#include <bit>
#include <hal-metal/heap.hpp>
#include <new>

namespace axvm::hal_metal {
namespace {

/// Blocks are aligned to their size, so the larger of size and alignment decides.
unsigned order_of(std::size_t size, std::size_t alignment, unsigned smallest) {
  return std::max(smallest, static_cast<unsigned>(std::bit_width(std::max(size, alignment) - 1)));
}

std::size_t frame_count(std::size_t size) { return size / kPageSize + (size % kPageSize != 0); }

}  // namespace

void* Heap::allocate(std::size_t size, std::size_t alignment) {
  const unsigned order = order_of(size, alignment, kSmallest);
  if (order > kLargest) {
    const auto frames = frames_.allocate(frame_count(size), std::max(alignment, kPageSize));
    return frames ? reinterpret_cast<void*>(frames->value) : nullptr;
  }
  if (free_[order] == nullptr && !refill(order)) return nullptr;
  FreeBlock* block = free_[order];
  free_[order] = block->next;
  return block;
}

void Heap::deallocate(void* p, std::size_t size, std::size_t alignment) {
  const unsigned order = order_of(size, alignment, kSmallest);
  if (order > kLargest) {
    frames_.release(HostPhysAddr(reinterpret_cast<std::uint64_t>(p)), frame_count(size));
    return;
  }
  free_[order] = ::new (p) FreeBlock{free_[order]};
}

bool Heap::refill(unsigned order) {
  const auto frame = frames_.allocate(1, kPageSize);
  if (!frame) return false;
  const std::size_t size = std::size_t{1} << order;
  for (std::size_t offset = kPageSize; offset > 0; offset -= size) {
    void* block = reinterpret_cast<void*>(frame->value + offset - size);
    free_[order] = ::new (block) FreeBlock{free_[order]};
  }
  return true;
}

}  // namespace axvm::hal_metal
