#pragma once
// The CPU this code runs on: core's VirtualizationHardware in one or two instructions per call.

#include <array>
#include <axvm/address.hpp>
#include <core/arch/aarch64/hal.hpp>
#include <core/arch/aarch64/registers.hpp>
#include <cstddef>
#include <cstdint>
#include <hal-el2/board.hpp>
#include <hal-el2/gic_v2.hpp>
#include <hal-el2/interrupt_controller.hpp>
#include <optional>
#include <span>

namespace axvm::hal_el2 {

/// A guest's SIMD&FP registers in memory, as fp_registers.S has them. The core is compiled without
/// any, so that they are the guest's all the time.
struct FpRegisters {
  std::array<aarch64::VectorRegister, 32> q{};
  std::uint64_t fpcr = 0;
  std::uint64_t fpsr = 0;
  std::uint64_t in_cpu = 0;  ///< 1: the CPU has them, and what is here is old
  std::uint64_t loads = 0;   ///< how often guests' use of them has brought them into the CPU
};
static_assert(offsetof(FpRegisters, fpcr) == 512 && offsetof(FpRegisters, fpsr) == 520 &&
              offsetof(FpRegisters, in_cpu) == 528 && offsetof(FpRegisters, loads) == 536);

}  // namespace axvm::hal_el2

/// vectors.S.
extern "C" std::uint64_t hal_el2_enter_guest(std::uint64_t* gprs,
                                             axvm::hal_el2::FpRegisters* registers);
/// fp_registers.S.
extern "C" void hal_el2_save_fp(axvm::hal_el2::FpRegisters* registers);

namespace axvm::hal_el2 {

class Cpu {
 public:
  using Arch = aarch64::Arch;
  using SysReg = aarch64::SysReg;

  template <SysReg R>
  [[nodiscard]] std::uint64_t read() const {
    if constexpr (gic_v2::is_interface_register(R)) {
      if (has_gic_v2_) return gic_v2::read_interface(R);
    }
    if constexpr (R == SysReg::FPCR) return saved_fp().fpcr;
    if constexpr (R == SysReg::FPSR) return saved_fp().fpsr;
    if constexpr (R == SysReg::CPTR_EL2) return move_from<R>() & ~kTrapFp;
    // To the core a GICv2 is a GICv3 that is used as one.
    if constexpr (R == SysReg::ID_AA64PFR0_EL1) {
      if (has_gic_v2_) return move_from<R>() | 1ULL << 24;
    }
    return move_from<R>();
  }

  template <SysReg R>
  void write(std::uint64_t value) {
    if constexpr (gic_v2::is_interface_register(R)) {
      if (has_gic_v2_) return gic_v2::write_interface(R, value);
    }
    if constexpr (R == SysReg::FPCR) {
      saved_fp().fpcr = value;
    } else if constexpr (R == SysReg::FPSR) {
      saved_fp().fpsr = value;
    } else if constexpr (R == SysReg::CPTR_EL2) {
      move_to<R>(fp_.in_cpu != 0 ? value : value | kTrapFp);
    } else {
      move_to<R>(value);
    }
  }

  [[nodiscard]] std::uint64_t gpr(unsigned n) const { return gprs_[n]; }
  void set_gpr(unsigned n, std::uint64_t value) { gprs_[n] = value; }

  [[nodiscard]] aarch64::VectorRegister vreg(unsigned n) const { return saved_fp().q[n]; }
  void set_vreg(unsigned n, aarch64::VectorRegister value) { saved_fp().q[n] = value; }
  /// How often guests' use of them has brought FP registers in.
  [[nodiscard]] std::uint64_t fp_loads() const { return fp_.loads; }

  aarch64::Vector enter_guest() {
    return static_cast<aarch64::Vector>(hal_el2_enter_guest(gprs_.data(), &fp_));
  }

  // The first ISB makes a VTTBR_EL2 that was just written the one that counts (DDI 0487 D24.1.2.2);
  // DSB ISHST lets walks see the new descriptors before the old entries go; DSB ISH waits until
  // they are gone from every CPU, and the last ISB ends what this one has fetched with them.
  void tlbi_ipas2e1is(GuestPhysAddr ipa) {
    asm volatile("isb\n\tdsb ishst\n\ttlbi ipas2e1is, %0\n\tdsb ish\n\tisb" ::"r"(ipa.value >> 12)
                 : "memory");
  }
  void tlbi_vmalle1is() {
    asm volatile("isb\n\tdsb ishst\n\ttlbi vmalle1is\n\tdsb ish\n\tisb" ::: "memory");
  }
  void tlbi_vmalls12e1is() {
    asm volatile("isb\n\tdsb ishst\n\ttlbi vmalls12e1is\n\tdsb ish\n\tisb" ::: "memory");
  }

  void at_s1e1r(GuestVirtAddr va) {
    asm volatile("isb\n\tat s1e1r, %0\n\tisb" ::"r"(va.value) : "memory");
  }
  void at_s1e1w(GuestVirtAddr va) {
    asm volatile("isb\n\tat s1e1w, %0\n\tisb" ::"r"(va.value) : "memory");
  }
  void at_s1e0r(GuestVirtAddr va) {
    asm volatile("isb\n\tat s1e0r, %0\n\tisb" ::"r"(va.value) : "memory");
  }
  void at_s1e0w(GuestVirtAddr va) {
    asm volatile("isb\n\tat s1e0w, %0\n\tisb" ::"r"(va.value) : "memory");
  }

  /// QEMU's GICv3 has no interface in memory for guests.
  [[nodiscard]] std::optional<HostPhysRange> gicv() const {
    return has_gic_v2_ ? std::optional(kVirtualInterface) : std::nullopt;
  }
  void synchronize() { asm volatile("isb" ::: "memory"); }

  void publish_tables() { asm volatile("dsb ishst" ::: "memory"); }
  // A guest without MMU accesses memory as outer shareable, hence DSB SY.
  void publish_data(std::span<std::byte> bytes) {
    std::uint64_t ctr = 0;
    asm("mrs %0, ctr_el0" : "=r"(ctr));
    // DminLine: log2 of the words in the smallest line of any data cache (DDI 0487 D24.2.34).
    const std::uintptr_t size = 4ULL << ((ctr >> 16) & 15);
    const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data());
    for (std::uintptr_t line = begin & ~(size - 1); line < begin + bytes.size(); line += size) {
      asm volatile("dc civac, %0" ::"r"(line) : "memory");
    }
    asm volatile("dsb sy" ::: "memory");
  }
  void publish_instructions() {
    asm volatile("dsb ish\n\tic ialluis\n\tdsb ish\n\tisb" ::: "memory");
  }

 private:
  static constexpr std::uint64_t kTrapFp = 1ULL << 10;  ///< CPTR_EL2.TFP

  /// The FP registers in memory. The CPU has them no more: their next use, by the guest, traps to
  /// vectors.S, which brings them back.
  FpRegisters& saved_fp() const {
    if (fp_.in_cpu != 0) {
      hal_el2_save_fp(&fp_);
      fp_.in_cpu = 0;
      move_to<SysReg::CPTR_EL2>(move_from<SysReg::CPTR_EL2>() | kTrapFp);
    }
    return fp_;
  }

  /// What MRS and MSR spell out of a register's packed encoding.
  struct Encoding {
    unsigned op0, op1, crn, crm, op2;
    constexpr explicit Encoding(SysReg reg)
        : op0(static_cast<unsigned>(reg) >> 14),
          op1(static_cast<unsigned>(reg) >> 11 & 7),
          crn(static_cast<unsigned>(reg) >> 7 & 15),
          crm(static_cast<unsigned>(reg) >> 3 & 15),
          op2(static_cast<unsigned>(reg) & 7) {}
  };

  template <SysReg R>
  static std::uint64_t move_from() {
    constexpr Encoding e{R};
    std::uint64_t value = 0;
    asm volatile("mrs %0, S%c1_%c2_C%c3_C%c4_%c5"
                 : "=r"(value)
                 : "i"(e.op0), "i"(e.op1), "i"(e.crn), "i"(e.crm), "i"(e.op2)
                 : "memory");
    return value;
  }
  template <SysReg R>
  static void move_to(std::uint64_t value) {
    constexpr Encoding e{R};
    asm volatile("msr S%c1_%c2_C%c3_C%c4_%c5, %0"
                 :
                 : "r"(value), "i"(e.op0), "i"(e.op1), "i"(e.crn), "i"(e.crm), "i"(e.op2)
                 : "memory");
  }

  std::array<std::uint64_t, 31> gprs_{};
  mutable FpRegisters fp_;
  bool has_gic_v2_ = has_gic_v2();
};

static_assert(aarch64::VirtualizationHardware<Cpu>);

}  // namespace axvm::hal_el2
