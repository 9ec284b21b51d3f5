#pragma once
// The plan of a guest-physical address space: who owns which range, and through which windows the
// guest reaches host-physical addresses. Rules only; nothing is mapped here.

#include <axvm/address.hpp>
#include <axvm/config.hpp>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace axvm {

/// What a guest-physical range is for that no window may show through.
enum class OwnerKind : std::uint8_t {
  Memory,           ///< the guest's memory
  BootDescription,  ///< the device tree or ACPI tables, within memory
  EmulatedDevice,   ///< accesses trap
  Reserved,         ///< nothing is there
};

/// Guest-physical addresses that lead to host-physical ones at a fixed distance.
struct PassthroughWindow {
  GuestPhysRange range;
  HostPhysAddr hpa;  ///< of the first byte

  /// What is added to a guest-physical address, modulo 2^64.
  [[nodiscard]] constexpr std::uint64_t distance() const noexcept {
    return hpa.value - range.base.value;
  }
  friend constexpr bool operator==(const PassthroughWindow&, const PassthroughWindow&) = default;
};

/// The whole pages that hold [base, base + size); nothing when it is empty or they wrap.
[[nodiscard]] std::optional<GuestPhysRange> widen_to_pages(GuestPhysRange range) noexcept;
/// The same for a window. Nothing also when its ends lie at different offsets in their pages.
[[nodiscard]] std::optional<PassthroughWindow> widen_window(PassthroughWindow window) noexcept;
/// True when two windows lead one guest-physical address to different host-physical ones.
[[nodiscard]] bool contradict(const PassthroughWindow& a, const PassthroughWindow& b) noexcept;

/// Takes owners and windows in any order, checks them against each other, and gives the windows to
/// map. A refused one changes nothing.
class LayoutPlanner {
 public:
  /// `space` is what guest-physical addresses there are, in whole pages. Room for `capacity`
  /// owners, windows and hidden ranges together. Errors: NoMemory.
  [[nodiscard]] static Result<LayoutPlanner> try_make(Allocator allocator,
                                                      AddressSpacePolicy policy,
                                                      GuestPhysRange space, std::size_t capacity);

  /// Gives `range` an owner. Owners may not overlap, except that a boot description lies within
  /// memory and an emulated device within a reserved range (or the reverse). Errors: InvalidInput
  /// (empty, outside the space), AlreadyExists (overlaps another owner, or a window's page),
  /// NoMemory (no room).
  Result<> reserve(GuestPhysRange range, OwnerKind kind);

  /// Adds a window, widened to whole pages. One that overlaps another becomes one with it, if both
  /// lead to the same addresses. Under AddressSpacePolicy::Passthrough, identity windows are there
  /// already and do not count. Errors: InvalidInput (empty, outside the space, offsets in pages
  /// differ), AlreadyExists (overlaps an owner's page, or leads elsewhere than another), NoMemory.
  Result<> pass_through(PassthroughWindow window);

  /// Adds all that a configuration names. Errors: of the first one refused.
  Result<> add(const VmConfig& config);

  /// Keeps the identity window of AddressSpacePolicy::Passthrough away from `range`, whoever owns
  /// it: host memory is nobody's device. Errors: NoMemory (no room).
  Result<> hide(GuestPhysRange range);

  /// All windows in ascending order, none touching the next one with the same distance. Errors:
  /// NoMemory.
  [[nodiscard]] Result<Array<PassthroughWindow>> windows() const;

 private:
  struct Owner {
    GuestPhysRange range;
    OwnerKind kind = OwnerKind::Memory;
  };
  LayoutPlanner(Allocator allocator, AddressSpacePolicy policy, GuestPhysRange space,
                Array<Owner> owners, Array<PassthroughWindow> explicit_windows,
                Array<GuestPhysRange> holes) noexcept;
  [[nodiscard]] Result<> check_space(std::optional<GuestPhysRange> range) const;
  /// The identity window's holes in ascending order, which may overlap.
  void add_hole(GuestPhysRange range);

  Allocator allocator_;
  AddressSpacePolicy policy_;
  GuestPhysRange space_;
  Array<Owner> owners_;
  Array<PassthroughWindow> windows_;  // as asked for, in ascending order
  Array<GuestPhysRange> holes_;
};

}  // namespace axvm
