#pragma once
// The virtual machine control block: a page of memory by which SVM's hardware runs a guest (APM
// Vol. 2 15.5, appendix B). Fields are little-endian, as all hosts of this core are.

#include <axvm/address.hpp>
#include <core/arch/x86_64/exit_code.hpp>
#include <core/arch/x86_64/segment.hpp>
#include <core/arch/x86_64/vmcb_fields.hpp>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace axvm::x86_64 {

/// Table B-1. All is 0 at first, and reserved fields stay so.
struct VmcbControl {
  std::uint32_t intercepts[kInterceptWords]{};  ///< see intercept()
  std::uint32_t reserved_018[9]{};
  std::uint16_t pause_filter_threshold = 0;  ///< cycles between PAUSEs that count (15.14.4)
  std::uint16_t pause_filter_count = 0;      ///< PAUSEs before one exits
  std::uint64_t iopm_base = 0;               ///< host-physical: io_permission_map.hpp
  std::uint64_t msrpm_base = 0;              ///< host-physical: msr_permission_map.hpp
  std::uint64_t tsc_offset = 0;              ///< added to what the guest reads
  std::uint32_t asid = 0;                    ///< not 0
  TlbControl tlb_control = TlbControl::Nothing;
  std::uint8_t reserved_05d[3]{};
  std::uint64_t virtual_interrupt = 0;  ///< VirtualInterruptControl, encoded
  std::uint64_t interrupt_state = 0;    ///< bits of interrupt_state
  ExitCode exit_code{};
  std::uint64_t exit_info1 = 0;
  std::uint64_t exit_info2 = 0;
  std::uint64_t exit_interrupt_info = 0;  ///< GuestEvent, encoded; or no event
  std::uint64_t nested_control = 0;       ///< bits of nested_control
  std::uint64_t avic_apic_bar = 0;
  std::uint64_t ghcb = 0;
  std::uint64_t event_injection = 0;  ///< GuestEvent, encoded; or no event
  std::uint64_t nested_cr3 = 0;       ///< host-physical: the root of the nested tables
  std::uint64_t virtual_control = 0;  ///< bits of virtual_control
  std::uint32_t clean = 0;            ///< bits of clean_bits
  std::uint32_t reserved_0c4 = 0;
  std::uint64_t next_rip = 0;        ///< behind the intercepted instruction (15.7.1), or 0
  std::uint8_t fetched_count = 0;    ///< bytes below, 0..15; of data page faults (15.8.4)
  std::uint8_t fetched_bytes[15]{};  ///< from RIP on
  std::uint64_t avic_backing_page = 0;
  std::uint64_t reserved_0e8 = 0;
  std::uint64_t avic_logical_table = 0;
  std::uint64_t avic_physical_table = 0;
  std::uint64_t reserved_100 = 0;
  std::uint64_t vmsa = 0;
  std::uint8_t reserved_110[16]{};
  std::uint16_t bus_lock_counter = 0;
  std::uint8_t reserved_122[702]{};
  std::uint8_t for_software[32]{};  ///< hardware leaves it alone

  [[nodiscard]] constexpr bool intercepts_exit(ExitCode code) const noexcept {
    return is_intercept(code) && (intercepts[word(code)] & bit(code)) != 0;
  }
  /// Asks for the exit, or no more; ignored unless is_intercept(code).
  constexpr void intercept(ExitCode code, bool wanted = true) noexcept {
    if (!is_intercept(code)) return;
    std::uint32_t& bits = intercepts[word(code)];
    bits = wanted ? bits | bit(code) : bits & ~bit(code);
  }

 private:
  [[nodiscard]] static constexpr std::size_t word(ExitCode code) noexcept {
    return static_cast<std::size_t>(code) / 32;
  }
  [[nodiscard]] static constexpr std::uint32_t bit(ExitCode code) noexcept {
    return std::uint32_t{1} << (static_cast<std::uint64_t>(code) % 32);
  }
};

/// Table B-2, without what SEV-ES adds. Of GDTR and IDTR there are base and limit only.
struct VmcbState {
  SegmentRegister es;
  SegmentRegister cs;
  SegmentRegister ss;
  SegmentRegister ds;
  SegmentRegister fs;  ///< by VMLOAD and VMSAVE, as GS, LDTR and TR
  SegmentRegister gs;
  SegmentRegister gdtr;
  SegmentRegister ldtr;
  SegmentRegister idtr;
  SegmentRegister tr;
  std::uint8_t reserved_0a0[43]{};
  std::uint8_t cpl = 0;
  std::uint32_t reserved_0cc = 0;
  std::uint64_t efer = 0;
  std::uint8_t reserved_0d8[112]{};
  std::uint64_t cr4 = 0;
  std::uint64_t cr3 = 0;
  std::uint64_t cr0 = 0;
  std::uint64_t dr7 = 0;
  std::uint64_t dr6 = 0;
  std::uint64_t rflags = 0;
  std::uint64_t rip = 0;
  std::uint8_t reserved_180[88]{};
  std::uint64_t rsp = 0;
  std::uint64_t s_cet = 0;
  std::uint64_t ssp = 0;
  std::uint64_t isst_address = 0;
  std::uint64_t rax = 0;
  std::uint64_t star = 0;  ///< from here to sysenter_eip by VMLOAD and VMSAVE
  std::uint64_t lstar = 0;
  std::uint64_t cstar = 0;
  std::uint64_t sfmask = 0;
  std::uint64_t kernel_gs_base = 0;
  std::uint64_t sysenter_cs = 0;
  std::uint64_t sysenter_esp = 0;
  std::uint64_t sysenter_eip = 0;
  std::uint64_t cr2 = 0;
  std::uint8_t reserved_248[32]{};
  std::uint64_t guest_pat = 0;  ///< with nested paging (15.25.2)
  std::uint64_t debug_control = 0;
  std::uint64_t last_branch_from = 0;
  std::uint64_t last_branch_to = 0;
  std::uint64_t last_exception_from = 0;
  std::uint64_t last_exception_to = 0;
  std::uint8_t reserved_298[72]{};
  std::uint64_t spec_ctrl = 0;
};

struct Vmcb {
  VmcbControl control;
  VmcbState state;
  std::uint8_t reserved_6e8[kPageSize - 0x6e8]{};
};

static_assert(std::is_standard_layout_v<Vmcb> && std::is_trivially_copyable_v<Vmcb>);
static_assert(sizeof(Vmcb) == kPageSize && offsetof(Vmcb, state) == 0x400);
static_assert(offsetof(VmcbControl, pause_filter_threshold) == 0x3c);
static_assert(offsetof(VmcbControl, iopm_base) == 0x40);
static_assert(offsetof(VmcbControl, msrpm_base) == 0x48);
static_assert(offsetof(VmcbControl, tsc_offset) == 0x50);
static_assert(offsetof(VmcbControl, asid) == 0x58);
static_assert(offsetof(VmcbControl, tlb_control) == 0x5c);
static_assert(offsetof(VmcbControl, virtual_interrupt) == 0x60);
static_assert(offsetof(VmcbControl, interrupt_state) == 0x68);
static_assert(offsetof(VmcbControl, exit_code) == 0x70);
static_assert(offsetof(VmcbControl, exit_info1) == 0x78);
static_assert(offsetof(VmcbControl, exit_info2) == 0x80);
static_assert(offsetof(VmcbControl, exit_interrupt_info) == 0x88);
static_assert(offsetof(VmcbControl, nested_control) == 0x90);
static_assert(offsetof(VmcbControl, event_injection) == 0xa8);
static_assert(offsetof(VmcbControl, nested_cr3) == 0xb0);
static_assert(offsetof(VmcbControl, virtual_control) == 0xb8);
static_assert(offsetof(VmcbControl, clean) == 0xc0);
static_assert(offsetof(VmcbControl, next_rip) == 0xc8);
static_assert(offsetof(VmcbControl, fetched_count) == 0xd0);
static_assert(offsetof(VmcbControl, avic_backing_page) == 0xe0);
static_assert(offsetof(VmcbControl, avic_physical_table) == 0xf8);
static_assert(offsetof(VmcbControl, vmsa) == 0x108);
static_assert(offsetof(VmcbControl, bus_lock_counter) == 0x120);
static_assert(offsetof(VmcbControl, for_software) == 0x3e0);
static_assert(offsetof(VmcbState, tr) == 0x90 && offsetof(VmcbState, cpl) == 0xcb);
static_assert(offsetof(VmcbState, efer) == 0xd0 && offsetof(VmcbState, cr4) == 0x148);
static_assert(offsetof(VmcbState, rip) == 0x178 && offsetof(VmcbState, rsp) == 0x1d8);
static_assert(offsetof(VmcbState, rax) == 0x1f8 && offsetof(VmcbState, star) == 0x200);
static_assert(offsetof(VmcbState, kernel_gs_base) == 0x220);
static_assert(offsetof(VmcbState, cr2) == 0x240 && offsetof(VmcbState, guest_pat) == 0x268);
static_assert(offsetof(VmcbState, last_exception_to) == 0x290);
static_assert(offsetof(VmcbState, spec_ctrl) == 0x2e0);

}  // namespace axvm::x86_64
