#pragma once
// Memory for the VMM's objects: blocks of powers of two on free lists, larger ones as whole frames.

#include <array>
#include <cstddef>
#include <hal-metal/frames.hpp>

namespace axvm::hal_metal {

class Heap {
 public:
  explicit Heap(Frames& frames) : frames_(frames) {}

  /// Null when memory is exhausted. `alignment` is a power of two.
  void* allocate(std::size_t size, std::size_t alignment);
  /// With the size and alignment that were asked for.
  void deallocate(void* p, std::size_t size, std::size_t alignment);

 private:
  struct FreeBlock {
    FreeBlock* next;
  };
  static constexpr unsigned kSmallest = 4;  ///< 16 bytes
  static constexpr unsigned kLargest = 11;  ///< 2048 bytes

  bool refill(unsigned order);

  Frames& frames_;
  std::array<FreeBlock*, kLargest + 1> free_{};  ///< by order: blocks of 1 << order bytes
};

}  // namespace axvm::hal_metal
