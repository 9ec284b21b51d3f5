#pragma once
// The controls of HS-mode: what guests may do on this hart and what traps ("Hypervisor and Virtual
// Supervisor CSRs").

#include <axvm/address.hpp>
#include <axvm/result.hpp>
#include <core/arch/riscv64/csr.hpp>
#include <core/arch/riscv64/g_stage_format.hpp>
#include <core/arch/riscv64/hal.hpp>
#include <core/arch/riscv64/trap.hpp>
#include <cstdint>
#include <optional>

namespace axvm::riscv64 {

/// The register that differs from VM to VM.
struct VmControls {
  std::uint64_t hgatp = 0;
};

/// Without guests: nothing of them may be entered or accessed.
inline constexpr std::uint64_t kHostHstatus = hstatus::kVsxl64;
/// While a vCPU is loaded: WFI traps; SRET goes to the guest.
inline constexpr std::uint64_t kGuestHstatus = hstatus::kVsxl64 | hstatus::kVtw | hstatus::kSpv;

/// hedeleg: what a guest's kernel would get without a hypervisor, it gets by itself.
inline constexpr std::uint64_t kGuestExceptions = [] {
  std::uint64_t delegated = 0;
  for (unsigned code = 0; code < 64; ++code) {
    if (belongs_to_guest(static_cast<ExceptionCause>(code))) delegated |= 1ULL << code;
  }
  return delegated;
}();
/// hideleg: the guest's interrupts.
inline constexpr std::uint64_t kGuestInterrupts =
    interrupt::kVsSoftware | interrupt::kVsTimer | interrupt::kVsExternal;
/// sie: the hypervisor's, which end a guest's run.
inline constexpr std::uint64_t kHostInterrupts =
    interrupt::kSupervisorSoftware | interrupt::kSupervisorTimer | interrupt::kSupervisorExternal;
/// hcounteren: guests have what every hart has (Zicntr), as their hart counts it, and no more; see
/// PerformanceCounters::readable.
inline constexpr std::uint64_t kGuestCounters =
    hcounteren::kCycle | hcounteren::kTime | hcounteren::kInstret;
/// henvcfg: guests have their timer comparator, memory types and cache-block operations, where the
/// hart has them. A and D bits of their tables are theirs to set (Svade): ADUE is clear.
inline constexpr std::uint64_t kGuestEnvironment =
    henvcfg::kStce | henvcfg::kPbmte | henvcfg::kCbze | henvcfg::kCbcfe | henvcfg::kCbieFlush;
/// hstateen0: guests have senvcfg.
inline constexpr std::uint64_t kGuestState = hstateen0::kSenvcfg;
/// What those have besides whose harts have interrupt files.
inline constexpr std::uint64_t kInterruptFileState =
    hstateen0::kImsic | hstateen0::kAia | hstateen0::kIndirect;

/// hgatp.MODE for tables of this shape; nothing for others.
[[nodiscard]] constexpr std::optional<std::uint64_t> hgatp_mode(
    const PageTableGeometry& geometry) noexcept {
  if (geometry == kSv39x4) return 8;
  if (geometry == kSv48x4) return 9;
  if (geometry == kSv57x4) return 10;
  return std::nullopt;
}

/// `geometry` has a mode; the root is 16 KiB aligned.
[[nodiscard]] constexpr std::uint64_t hgatp_value(const PageTableGeometry& geometry,
                                                  HostPhysAddr root, Vmid vmid) noexcept {
  return hgatp_mode(geometry).value_or(0) << hgatp::kModeShift |
         (std::uint64_t{vmid.value} & hgatp::kVmidMask) << hgatp::kVmidShift |
         root.value >> kPageShift;
}

/// What hgatp holds after `value` was written to it: its fields are WARL. No guest is entered
/// meanwhile, and what was there before is there again.
template <VirtualizationHardware U>
[[nodiscard]] std::uint64_t probe_hgatp(U& cpu, std::uint64_t value) {
  const std::uint64_t kept = cpu.template read<Csr::hgatp>();
  cpu.template write<Csr::hgatp>(value);
  const std::uint64_t accepted = cpu.template read<Csr::hgatp>();
  cpu.template write<Csr::hgatp>(kept);
  return accepted;
}

template <VirtualizationHardware U>
[[nodiscard]] bool has_g_stage(U& cpu, const PageTableGeometry& geometry) {
  const std::uint64_t mode = hgatp_value(geometry, HostPhysAddr(0), Vmid(0));
  return probe_hgatp(cpu, mode) == mode;
}

/// Sv48x4 where the hart has it: all that VMs ask for, in one level less than Sv57x4. Else Sv39x4,
/// and Sv57x4 where there is nothing else.
template <VirtualizationHardware U>
[[nodiscard]] PageTableGeometry g_stage_geometry(U& cpu) {
  for (const PageTableGeometry& geometry : {kSv48x4, kSv39x4}) {
    if (has_g_stage(cpu, geometry)) return geometry;
  }
  return kSv57x4;
}

/// Whether guests can have interrupt files (Ssaia): vsiselect holds 9 bits at least. No vCPU is
/// loaded.
template <VirtualizationHardware U>
[[nodiscard]] bool has_interrupt_registers(U& cpu) {
  constexpr std::uint64_t kHighest = 0x1ff;
  cpu.template write<Csr::vsiselect>(kHighest);
  return cpu.template read<Csr::vsiselect>() == kHighest;
}

/// Whether entries of the G-stage may say of which type memory is (Svpbmt): firmware has set
/// menvcfg.PBMTE, without which henvcfg.PBMTE is read-only zero. henvcfg stays what it is.
template <VirtualizationHardware U>
[[nodiscard]] bool has_memory_types(U& cpu) {
  const std::uint64_t kept = cpu.template read<Csr::henvcfg>();
  cpu.template write<Csr::henvcfg>(kept | henvcfg::kPbmte);
  const std::uint64_t accepted = cpu.template read<Csr::henvcfg>();
  cpu.template write<Csr::henvcfg>(kept);
  return (accepted & henvcfg::kPbmte) != 0;
}

/// Errors: Unsupported (no G-stage tables, fewer than 8 bits of VMID, no Sstc).
template <VirtualizationHardware U>
Result<> enable_hypervisor(U& cpu) {
  const auto lacks = [](std::string_view what) {
    return fail(ErrorKind::Unsupported, "hardware_enable"sv, what);
  };
  const PageTableGeometry geometry = g_stage_geometry(cpu);
  if (!has_g_stage(cpu, geometry)) return lacks("the hart has no G-stage tables"sv);
  const std::uint64_t vmids = hgatp_value(geometry, HostPhysAddr(0), Vmid(0xff));
  if (probe_hgatp(cpu, vmids) != vmids) return lacks("hgatp has fewer than 8 bits of VMID"sv);
  cpu.hfence_gvma(Vmid(0xff));  // its mode has been another meanwhile
  cpu.template write<Csr::henvcfg>(kGuestEnvironment);
  if ((cpu.template read<Csr::henvcfg>() & henvcfg::kStce) == 0) {
    return lacks("the hart has no timer for guests (Sstc)"sv);
  }
  cpu.template write<Csr::hgatp>(0);
  cpu.template write<Csr::hstatus>(kHostHstatus);
  cpu.template write<Csr::hedeleg>(kGuestExceptions);
  cpu.template write<Csr::hideleg>(kGuestInterrupts);
  cpu.template write<Csr::hcounteren>(kGuestCounters);
  cpu.template write<Csr::hstateen0>(kGuestState);
  cpu.template write<Csr::htimedelta>(0);
  cpu.template write<Csr::hvip>(0);
  cpu.template write<Csr::hie>(0);
  cpu.template write<Csr::hgeie>(0);
  // Of VS-level interrupts there are those of hvip, by their default priorities.
  cpu.template write<Csr::hvictl>(0);
  cpu.template write<Csr::hviprio1>(0);
  cpu.template write<Csr::hviprio2>(0);
  cpu.template write<Csr::sie>(cpu.template read<Csr::sie>() | kHostInterrupts);
  return {};
}

template <VirtualizationHardware U>
void disable_hypervisor(U& cpu) {
  cpu.template write<Csr::hstatus>(kHostHstatus);
  cpu.template write<Csr::hgatp>(0);
  cpu.template write<Csr::hvip>(0);
}

static_assert(kGuestExceptions == 0xb1ff);
static_assert(hgatp_value(kSv48x4, HostPhysAddr(0x8000'4000), Vmid(5)) == 0x9000'5000'0008'0004);

}  // namespace axvm::riscv64
