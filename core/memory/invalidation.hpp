#pragma once
// The duty to make CPUs forget translations, or see new ones, as values that cannot be dropped.

#include <axvm/address.hpp>
#include <concepts>
#include <core/memory/frames.hpp>
#include <cstddef>
#include <span>
#include <utility>

namespace axvm {

/// Maintenance of the caches of all CPUs, for one table and the memory it maps.
template <class T>
concept TranslationCache = requires(T& tlb, GuestPhysRange range, std::span<std::byte> bytes) {
  /// No CPU uses a translation of `range` from before this call once it returns.
  { tlb.invalidate(range) };
  /// Table walks from now on see what was written to the table before.
  { tlb.publish() };
  /// The guest sees what was written to `bytes`, even where it reads past the caches.
  { tlb.publish_data(bytes) };
};

/// The duty to let CPUs see what was added to a table, where nothing was before.
class [[nodiscard("flush it: CPUs may not see the mapping")]] Publication {
 public:
  template <TranslationCache Tlb>
  void flush(Tlb& tlb) && {
    tlb.publish();
  }
};

/// What must be flushed after a table was changed, and the tables that are given back thereafter.
/// Dropping one that names a stale range is a hole in the isolation of guests, so it stops the VMM.
class [[nodiscard("flush it: CPUs may still use the old translation")]] Invalidation {
 public:
  /// Nothing is stale (invalid entries became valid), but walks must see the change.
  Invalidation() = default;
  explicit Invalidation(GuestPhysRange stale) noexcept : stale_(stale) {}
  /// `retired` translated parts of `stale`.
  Invalidation(GuestPhysRange stale, RetiredFrames retired) noexcept
      : stale_(stale), retired_(std::move(retired)) {}
  Invalidation(Invalidation&& other) noexcept
      : stale_(std::exchange(other.stale_, {})), retired_(std::move(other.retired_)) {}
  Invalidation& operator=(Invalidation&&) = delete;
  ~Invalidation() {
    if (!empty()) __builtin_trap();
  }

  [[nodiscard]] bool empty() const noexcept { return stale_.size == 0; }
  [[nodiscard]] GuestPhysRange stale() const noexcept { return stale_; }

  /// Discharges the duty.
  template <TranslationCache Tlb>
  void flush(Tlb& tlb) && {
    const GuestPhysRange stale = std::exchange(stale_, {});
    if (stale.size == 0) {
      tlb.publish();
    } else {
      tlb.invalidate(stale);
      retired_.deallocate();
    }
  }

 private:
  GuestPhysRange stale_;
  RetiredFrames retired_;
};

}  // namespace axvm
