#pragma once
// SBI 0.1's calls ("Legacy Extensions"): no functions, one value, harts by a mask in memory.

#include <axvm/result.hpp>
#include <core/arch/riscv64/exception_delivery.hpp>
#include <core/arch/riscv64/sbi/base.hpp>
#include <core/arch/riscv64/sbi/debug_console.hpp>
#include <core/arch/riscv64/sbi/environment.hpp>
#include <core/arch/riscv64/sbi/ipi.hpp>
#include <core/arch/riscv64/sbi/rfence.hpp>
#include <cstdint>
#include <optional>
#include <variant>

namespace axvm::riscv64::sbi {

template <class Vm, VirtualizationHardware U>
class LegacyCalls {
 public:
  explicit LegacyCalls(Environment<Vm, U>& environment) noexcept : environment_(environment) {}

  TrapOutcome handle(const Call& call) {
    switch (call.extension) {
      case Extension::LegacySetTimer:
        set_timer(environment_, call.a[0]);
        return environment_.answer_legacy(call, 0);
      case Extension::LegacyConsolePutchar:
        DebugConsole(environment_).put(static_cast<std::uint8_t>(call.a[0]));
        return environment_.answer_legacy(call, 0);
      case Extension::LegacyConsoleGetchar: {
        const auto byte = DebugConsole(environment_).get();
        return environment_.answer_legacy(call, byte ? *byte : ~std::uint64_t{0});
      }
      case Extension::LegacyClearIpi: return clear_ipi(call);
      case Extension::LegacySendIpi:
        return for_harts(call,
                         [&](const HartMask& harts) { return send_ipi(environment_, harts); });
      case Extension::LegacyRemoteFenceI:
        return for_harts(
            call, [&](const HartMask& harts) { return fence_instructions(environment_, harts); });
      case Extension::LegacyRemoteSfenceVma: return fence(call, std::nullopt);
      case Extension::LegacyRemoteSfenceVmaAsid: return fence(call, call.a[3]);
      case Extension::LegacyShutdown: return environment_.power_down(call, false);
      default: return environment_.answer_legacy(call, to_register(Status::NotSupported));
    }
  }

 private:
  /// 1 if there was one.
  TrapOutcome clear_ipi(const Call& call) {
    environment_.interrupts.present();
    auto& cpu = environment_.cpu;
    const std::uint64_t pending = cpu.template read<Csr::hvip>();
    cpu.template write<Csr::hvip>(pending & ~interrupt::kVsSoftware);
    const bool was_pending = (pending & interrupt::kVsSoftware) != 0;
    return environment_.answer_legacy(call, std::uint64_t{was_pending});
  }

  TrapOutcome fence(const Call& call, std::optional<std::uint64_t> asid) {
    return for_harts(call, [&](const HartMask& harts) {
      return fence_translations(environment_, harts, {call.a[1], call.a[2]}, asid);
    });
  }

  /// a0 is the virtual address of a mask, of harts 0 to 63; 0 means all harts. What the guest's own
  /// load of it would trap for, it traps for.
  template <class F>
  TrapOutcome for_harts(const Call& call, const F& f) {
    HartMask harts;
    if (call.a[0] != 0) {
      const auto mask = environment_.memory.load(call.a[0], AccessWidth::Qword);
      if (!mask) return refuse(call, mask.error());
      harts = {*mask, 0};
    }
    return environment_.answer_legacy(call, to_register(f(harts)));
  }

  TrapOutcome refuse(const Call& call, const Refusal& why) {
    if (const auto* error = std::get_if<Error>(&why)) return environment_.exit.leave(*error);
    const auto* given = std::get_if<GuestException>(&why);
    const GuestException exception = given != nullptr
                                         ? *given
                                         : GuestException{ExceptionCause::LoadAccess, call.a[0],
                                                          "the mask of harts is not in memory"};
    constexpr std::uint64_t kLength = 4;  // of ECALL
    auto& cpu = environment_.cpu;
    cpu.template write<Csr::sepc>(cpu.template read<Csr::sepc>() - kLength);
    return deliver(cpu, environment_.report, environment_.exit, exception,
                   TrapOrigin{ExceptionCause::VirtualSupervisorCall});
  }

  Environment<Vm, U>& environment_;
};

}  // namespace axvm::riscv64::sbi
