#pragma once
// A set of list registers, by what comes first.

#include <array>
#include <core/arch/aarch64/gic/list_register.hpp>
#include <cstdint>

namespace axvm::aarch64 {

/// What comes first: by priority; of those what is active, since the guest has to be able to end
/// it; then by number. Active interrupts end in the order of their priorities, so that one without
/// a list register gets one in time.
[[nodiscard]] constexpr std::uint64_t order_of(const ListRegister& entry) noexcept {
  return std::uint64_t{entry.priority} << 48 | std::uint64_t{entry.active ? 0U : 1U} << 32 |
         entry.intid;
}

/// What list registers are to hold, or held when a CPU left its guest.
struct ListRegisters {
  std::array<ListRegister, kMaxListRegisters> entries{};
  unsigned count = 0;
  /// More waits than there is room for.
  bool more = false;

  void add(const ListRegister& entry) noexcept { entries[count++] = entry; }

  /// Puts `entry` in its place among those that come first, at most `capacity`.
  void insert(const ListRegister& entry, unsigned capacity) noexcept {
    unsigned at = count;
    while (at > 0 && order_of(entry) < order_of(entries[at - 1])) --at;
    if (count == capacity) more = true;
    if (at == capacity) return;
    const unsigned last = count < capacity ? count++ : capacity - 1;
    for (unsigned i = last; i > at; --i) entries[i] = entries[i - 1];
    entries[at] = entry;
  }
};

}  // namespace axvm::aarch64
