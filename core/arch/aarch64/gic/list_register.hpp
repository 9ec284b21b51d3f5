#pragma once
// List registers: ICH_LR<n>_EL2 (IHI 0069, 12.4.6), and the controls beside them.

#include <cstdint>

namespace axvm::aarch64 {

/// What one list register says, decoded.
struct ListRegister {
  std::uint32_t intid = 0;
  /// GICv2: which CPU has sent the SGI, 0..7 (IHI 0048B, 5.3.11).
  std::uint8_t source = 0;
  bool pending = false;
  bool active = false;
  bool group1 = false;
  std::uint8_t priority = 0;
  /// The physical interrupt of the same number ends with it.
  bool hardware = false;
  /// A maintenance interrupt tells of its end. Not together with `hardware`.
  bool reports_end = false;

  constexpr ListRegister() = default;
  constexpr explicit ListRegister(std::uint64_t value) noexcept
      : intid(static_cast<std::uint32_t>(value)),
        pending((value & kPending) != 0),
        active((value & kActive) != 0),
        group1((value & kGroup1) != 0),
        priority(static_cast<std::uint8_t>(value >> kPriorityShift)),
        hardware((value & kHardware) != 0),
        reports_end(!hardware && (value & kReportsEnd) != 0) {}

  /// What guests acknowledge and end the interrupt by.
  [[nodiscard]] constexpr std::uint32_t virtual_intid() const noexcept {
    return intid | std::uint32_t{source} << kSourceShift;
  }
  /// The same of a VM with a GICv2, whose numbers have 10 bits.
  [[nodiscard]] static constexpr ListRegister of_gicv2(std::uint64_t value) noexcept {
    ListRegister entry(value);
    entry.source = (entry.intid >> kSourceShift) & 7;
    entry.intid &= (1U << kSourceShift) - 1;
    return entry;
  }

  [[nodiscard]] constexpr std::uint64_t encode() const noexcept {
    const std::uint64_t physical =
        hardware ? std::uint64_t{intid & 0x1fff} << 32 : (reports_end ? kReportsEnd : 0);
    return virtual_intid() | physical | std::uint64_t{priority} << kPriorityShift |
           (group1 ? kGroup1 : 0) | (hardware ? kHardware : 0) | (pending ? kPending : 0) |
           (active ? kActive : 0);
  }
  [[nodiscard]] constexpr bool is_valid() const noexcept { return pending || active; }

 private:
  static constexpr unsigned kSourceShift = 10;
  static constexpr unsigned kPriorityShift = 48;
  static constexpr std::uint64_t kReportsEnd = 1ULL << 41;
  static constexpr std::uint64_t kGroup1 = 1ULL << 60;
  static constexpr std::uint64_t kHardware = 1ULL << 61;
  static constexpr std::uint64_t kPending = 1ULL << 62;
  static constexpr std::uint64_t kActive = 1ULL << 63;
};

/// So many may exist (ICH_VTR_EL2.ListRegs is one less).
inline constexpr unsigned kMaxListRegisters = 16;

/// ICH_VTR_EL2 (12.4.9).
[[nodiscard]] constexpr unsigned list_register_count(std::uint64_t vtr) noexcept {
  const unsigned count = static_cast<unsigned>(vtr & 0x1f) + 1;
  return count < kMaxListRegisters ? count : kMaxListRegisters;
}

}  // namespace axvm::aarch64
