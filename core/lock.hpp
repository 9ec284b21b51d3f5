#pragma once
// Locks of the HAL: in scopes, and for code that does not know the HAL.

#include <axvm/lock_rank.hpp>

namespace axvm {

/// Holds a lock for the length of a scope.
template <class Lock>
class LockGuard {
 public:
  explicit LockGuard(Lock& lock) : lock_(lock) { lock_.lock(); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;
  ~LockGuard() { lock_.unlock(); }

 private:
  Lock& lock_;
};

/// A lock of some HAL.
class AnyLock {
 public:
  virtual void lock() {}
  virtual void unlock() {}

 protected:
  ~AnyLock() = default;
};

template <class H>
class HalLock final : public AnyLock {
 public:
  HalLock(H& hal, LockRank rank) noexcept : lock_(hal, rank) {}
  void lock() override { lock_.lock(); }
  void unlock() override { lock_.unlock(); }

 private:
  typename H::Lock lock_;
};

}  // namespace axvm
