#pragma once
// Mutual exclusion of physical CPUs. Interrupts are masked at EL2: who holds a lock goes on.

#include <atomic>

namespace axvm::hal_metal {

class SpinLock {
 public:
  void lock() noexcept {
    while (flag_.test_and_set(std::memory_order_acquire)) {
    }
  }
  void unlock() noexcept { flag_.clear(std::memory_order_release); }

 private:
  std::atomic_flag flag_;
};

/// Holds a lock as long as it lives.
class Holding {
 public:
  explicit Holding(SpinLock& lock) noexcept : lock_(lock) { lock_.lock(); }
  ~Holding() { lock_.unlock(); }
  Holding(const Holding&) = delete;
  Holding& operator=(const Holding&) = delete;

 private:
  SpinLock& lock_;
};

}  // namespace axvm::hal_metal
