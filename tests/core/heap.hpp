#pragma once
// What code of the core wants from its surroundings, by the C library.

#include <axvm/memory.hpp>
#include <core/lock.hpp>
#include <cstddef>
#include <cstdlib>

namespace axvm::test {

struct Heap {
  static void* allocate(std::size_t size, std::size_t) { return std::malloc(size); }
  static void deallocate(void* p, std::size_t, std::size_t) { std::free(p); }
};

/// For tests of one thread.
struct NoLock final : AnyLock {};

}  // namespace axvm::test
