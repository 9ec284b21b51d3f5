#pragma once
// vstopi: which interrupt VS-mode takes first (Advanced Interrupt Architecture 1.0, 6.3).

#include <cstdint>
#include <optional>
#include <sim/arch/riscv64/csr.hpp>
#include <sim/arch/riscv64/hs_registers.hpp>

namespace axvm::sim::riscv64 {

/// There are no guest interrupt files, so that hstatus.VGEIN is 0.
class TopInterrupt {
 public:
  /// vstopi, where `pending` are bits 1, 5 and 9 of vsip and vsie; 0: there is none.
  [[nodiscard]] static constexpr std::uint64_t vstopi(const HsRegisters& r,
                                                      std::uint64_t pending) noexcept {
    const bool injected = (r.hvictl & hvictl::VTI) != 0;
    if (pending == 0 && !injected) [[likely]]
      return 0;
    std::optional<Candidate> first;
    if ((pending & interrupt::SEI) != 0) first = external(r);
    if (injected) {
      if (iid(r) != kExternal) first = higher(first, by_hypervisor(r));
    } else {
      if ((pending & interrupt::SSI) != 0) first = higher(first, by_number(r, kSoftware, 1));
      if ((pending & interrupt::STI) != 0) first = higher(first, by_number(r, kTimer, 2));
    }
    if (!first) return 0;
    return first->code << 16 | ((r.hvictl & hvictl::IPRIOM) != 0 ? reported(*first) : 1);
  }

 private:
  static constexpr std::uint64_t kSoftware = 1;
  static constexpr std::uint64_t kTimer = 5;
  static constexpr std::uint64_t kExternal = 9;
  /// Of priority numbers: above all of them, an external interrupt without one, below all.
  static constexpr std::uint64_t kHighest = 0;
  static constexpr std::uint64_t kNoNumber = 256;
  static constexpr std::uint64_t kLowest = 257;

  struct Candidate {
    std::uint64_t code;
    std::uint64_t priority;  ///< smaller ones go first
    int by_default;          ///< among equal ones, smaller ones again; 0: an external interrupt
  };

  static constexpr std::uint64_t iid(const HsRegisters& r) noexcept {
    return (r.hvictl & hvictl::IID) >> 16;
  }
  static constexpr Candidate external(const HsRegisters& r) noexcept {
    const std::uint64_t number = r.hvictl & hvictl::IPRIO;
    const bool has_number = iid(r) == kExternal && number != 0;
    return {kExternal, has_number ? number : kNoNumber, 0};
  }
  static constexpr Candidate by_hypervisor(const HsRegisters& r) noexcept {
    const bool below = (r.hvictl & hvictl::DPR) != 0;
    const std::uint64_t number = r.hvictl & hvictl::IPRIO;
    const std::uint64_t priority = number != 0 ? number : below ? kLowest : kHighest;
    return {iid(r), priority, below ? 1 : -1};
  }
  /// Software and timer interrupts are below external ones by default.
  static constexpr Candidate by_number(const HsRegisters& r, std::uint64_t code,
                                       int by_default) noexcept {
    const std::uint64_t number = r.hviprio1 >> (code == kSoftware ? 8 : 24) & 0xff;
    return {code, number != 0 ? number : kLowest, by_default};
  }
  static constexpr Candidate higher(const std::optional<Candidate>& a, Candidate b) noexcept {
    if (!a) return b;
    if (a->priority != b.priority) return a->priority < b.priority ? *a : b;
    return a->by_default < b.by_default ? *a : b;
  }
  /// IPRIO, which has 8 bits.
  static constexpr std::uint64_t reported(const Candidate& candidate) noexcept {
    return candidate.priority < kNoNumber ? candidate.priority : 255;
  }
};

}  // namespace axvm::sim::riscv64
