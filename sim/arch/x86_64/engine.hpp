#pragma once
// Owner of one Unicorn engine set up as a bare x86-64 core of a guest, with typed access to its
// registers. No policy.

#include <cstdint>
#include <expected>
#include <sim/arch/x86_64/engine_context.hpp>
#include <sim/arch/x86_64/exit_code.hpp>
#include <sim/arch/x86_64/registers.hpp>
#include <sim/cpu/unicorn_engine.hpp>
#include <sim/memory/physical_memory.hpp>
#include <span>
#include <string>

namespace axvm::sim::x86_64 {

/// Numbers of general registers, as instructions have them.
enum GprNumber : std::uint8_t { kRax, kRcx, kRdx, kRbx, kRsp, kRbp, kRsi, kRdi, kR8 };

/// What the engine reports as an interrupt: an intercept's exit code (APM Vol. 2, appendix C) above
/// this. The instruction has not been executed.
inline constexpr std::uint32_t kInterceptBase = 0x100;

/// Of the engine's intercepts: bit n is exit code 0x60 + n.
constexpr std::uint64_t intercept_bit(ExitCode code) noexcept {
  return std::uint64_t{1} << (code_of(code) - code_of(ExitCode::Intr));
}
/// Those that are always reported; of INVD the engine says WBINVD.
inline constexpr std::uint64_t kIntercepts =
    intercept_bit(ExitCode::Rdpmc) | intercept_bit(ExitCode::Cpuid) | intercept_bit(ExitCode::Rsm) |
    intercept_bit(ExitCode::Swint) | intercept_bit(ExitCode::Invd) | intercept_bit(ExitCode::Hlt) |
    intercept_bit(ExitCode::Invlpg) | intercept_bit(ExitCode::Invlpga) |
    intercept_bit(ExitCode::Msr) | intercept_bit(ExitCode::Vmrun) |
    intercept_bit(ExitCode::Vmmcall) | intercept_bit(ExitCode::Vmload) |
    intercept_bit(ExitCode::Vmsave) | intercept_bit(ExitCode::Stgi) |
    intercept_bit(ExitCode::Clgi) | intercept_bit(ExitCode::Skinit) |
    intercept_bit(ExitCode::Wbinvd) | intercept_bit(ExitCode::Monitor) |
    intercept_bit(ExitCode::Mwait) | intercept_bit(ExitCode::Xsetbv);
/// The same for control registers, by number.
inline constexpr std::uint16_t kCrReads = 1U << 8;
inline constexpr std::uint16_t kCrWrites = 1U << 0 | 1U << 3 | 1U << 4 | 1U << 8;

class Engine : public UnicornEngine {
 public:
  /// Opens the engine and maps all RAM at its physical addresses. It executes nothing sensitive by
  /// itself: intercepts report exceptions, CPUID, HLT, INVLPG, MSRs, writes of CR0, CR3, CR4 and
  /// CR8, debug registers, INT n, and all of SVM.
  static std::expected<Engine, std::string> open(const PhysicalMemory& memory);

  /// RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8..R15.
  [[nodiscard]] std::uint64_t gpr(unsigned n) const { return reg(kGprs[n & 15]); }
  void set_gpr(unsigned n, std::uint64_t v) { set_reg(kGprs[n & 15], v); }
  [[nodiscard]] std::uint64_t rip() const { return reg(UC_X86_REG_RIP); }
  /// Between runs, and in block and interrupt hooks, whose block it ends.
  void set_rip(std::uint64_t v) { set_reg(UC_X86_REG_RIP, v); }
  /// Without RF, which instructions do not reliably clear here. It keeps breakpoints from matching,
  /// which never match anyway.
  [[nodiscard]] std::uint64_t rflags() const {
    return reg(UC_X86_REG_RFLAGS) & ~x86_64::rflags::RF;
  }

  /// All of its state, as it is now; to look at.
  [[nodiscard]] EngineContext& look() {
    context_.save();
    return context_;
  }
  /// To change it, the engine must not be in a hook for a memory access. The engine's caches are
  /// the caller's to flush.
  template <class F>
  void change(F&& f) {
    settle();
    context_.save();
    f(context_);
    context_.restore();
  }

  /// Linear addresses before whose instructions the engine stops, and which it does not translate;
  /// in code that is translated from now on.
  void set_exits(std::span<std::uint64_t> exits) {
    uc_ctl_set_exits(handle(), exits.data(), exits.size());
  }

  /// From inside a hook of an instruction: leaves it, not executed, by the intercept of MSRs
  /// (kAbandoned). Nothing in the hook may have a destructor. RCX is the caller's to mend.
  [[noreturn]] void abandon_instruction();
  /// What RCX is then.
  static constexpr std::uint64_t kAbandoned = 0xdead'beef;

  /// The physical page that no memory answers at; accesses of it are told to a hook.
  static constexpr std::uint64_t kTrapPage = 0x0008'0000'0000'8000;

 private:
  Engine(uc_engine* uc, EngineContext context) noexcept;

  static constexpr int kGprs[16] = {UC_X86_REG_RAX, UC_X86_REG_RCX, UC_X86_REG_RDX, UC_X86_REG_RBX,
                                    UC_X86_REG_RSP, UC_X86_REG_RBP, UC_X86_REG_RSI, UC_X86_REG_RDI,
                                    UC_X86_REG_R8,  UC_X86_REG_R9,  UC_X86_REG_R10, UC_X86_REG_R11,
                                    UC_X86_REG_R12, UC_X86_REG_R13, UC_X86_REG_R14, UC_X86_REG_R15};

  EngineContext context_;
};

}  // namespace axvm::sim::x86_64
