// What VMRUN, #VMEXIT, VMLOAD and VMSAVE move between control blocks and the guest's registers (APM
// Vol. 2 15.5, 15.6).

#include <sim/arch/x86_64/guest_core.hpp>
#include <sim/arch/x86_64/machine.hpp>

namespace axvm::sim::x86_64 {
namespace {

constexpr std::uint64_t kHigh = 0xffff'ffff'0000'0000;

EngineSegment from_vmcb(const VmcbSegment& s) noexcept {
  const std::uint32_t attributes = s.attributes;
  return {.selector = s.selector,
          .unused = 0,
          .base = s.base,
          .limit = s.limit,
          .flags = (attributes & 0xff) << 8 | (attributes & 0xf00) << 12};
}
VmcbSegment to_vmcb(const EngineSegment& s) noexcept {
  return {.selector = static_cast<std::uint16_t>(s.selector),
          .attributes = static_cast<std::uint16_t>((s.flags >> 8 & 0xff) | (s.flags >> 12 & 0xf00)),
          .limit = s.limit,
          .base = s.base};
}
/// Descriptor tables have a base and a limit only.
VmcbSegment table_to_vmcb(const EngineSegment& s) noexcept {
  return {.selector = 0, .attributes = 0, .limit = s.limit & 0xffff, .base = s.base};
}

constexpr unsigned segment_at(unsigned n) noexcept { return vmcb::kEs + 16 * n; }

struct MsrPlace {
  EngineMsr msr;
  unsigned offset;
};
constexpr MsrPlace kSystemCallMsrs[] = {
    {EngineMsr::Star, vmcb::kStar},
    {EngineMsr::Lstar, vmcb::kLstar},
    {EngineMsr::Cstar, vmcb::kCstar},
    {EngineMsr::Fmask, vmcb::kSfmask},
    {EngineMsr::KernelGsBase, vmcb::kKernelGsBase},
    {EngineMsr::SysenterCs, vmcb::kSysenterCs},
    {EngineMsr::SysenterEsp, vmcb::kSysenterEsp},
    {EngineMsr::SysenterEip, vmcb::kSysenterEip},
};

}  // namespace

bool GuestCore::is_runnable(const Vmcb& v, const Controls& controls) noexcept {
  const std::uint64_t guest_efer = v.read(vmcb::kEfer);
  const std::uint64_t guest_cr0 = v.read(vmcb::kCr0);
  const std::uint64_t guest_cr4 = v.read(vmcb::kCr4);
  constexpr std::uint64_t kEferBits =
      efer::SCE | efer::LME | efer::LMA | efer::NXE | efer::SVME | 1ULL << 13 | 1ULL << 14;
  constexpr std::uint64_t kCr4Reserved = kHigh | 1ULL << 31 | 1ULL << 15 | 1ULL << 19;
  if ((guest_efer & efer::SVME) == 0 || (guest_efer & ~kEferBits) != 0) return false;
  if ((guest_cr0 & kHigh) != 0 || (guest_cr4 & kCr4Reserved) != 0) return false;
  if ((guest_cr0 & cr0::CD) == 0 && (guest_cr0 & cr0::NW) != 0) return false;
  if (((v.read(vmcb::kDr6) | v.read(vmcb::kDr7)) & kHigh) != 0) return false;
  if ((guest_efer & efer::LME) != 0 && (guest_cr0 & cr0::PG) != 0) {
    if ((guest_cr4 & cr4::PAE) == 0 || (guest_cr0 & cr0::PE) == 0) return false;
    const auto cs = v.read<VmcbSegment>(segment_at(kCs));
    constexpr std::uint16_t kLongAndDefault = 1U << 9 | 1U << 10;
    if ((cs.attributes & kLongAndDefault) == kLongAndDefault) return false;
  }
  return controls.asid != 0 && controls.wants(ExitCode::Vmrun);
}

void GuestCore::load_guest(const Vmcb& v) {
  Registers& r = mmu_.registers();
  r.cr0 = v.read(vmcb::kCr0) | cr0::ET;
  r.cr3 = v.read(vmcb::kCr3);
  r.cr4 = v.read(vmcb::kCr4);
  cs_may_change_ = true;
  const bool is_long = (r.cr0 & cr0::PG) != 0 && (v.read(vmcb::kEfer) & efer::LME) != 0;
  r.efer = (v.read(vmcb::kEfer) & ~efer::LMA) | (is_long ? efer::LMA : 0);
  r.asid = static_cast<std::uint16_t>(controls_.asid);
  r.nested = controls_.nested;
  r.ncr3 = controls_.nested_cr3;
  r.host_cr4 = host_.cr4;
  r.host_efer = host_.efer;
  virtual_interrupt_ = v.read(vmcb::kVirtualInterrupt);
  dr6_ = v.read(vmcb::kDr6);
  dr7_ = v.read(vmcb::kDr7);
  pat_ = v.read(vmcb::kPat);
  engine_.change([&](EngineContext& c) {
    EngineHead& head = c.head();
    for (unsigned n = kEs; n <= kDs; ++n) {
      head.segments[n] = from_vmcb(v.read<VmcbSegment>(segment_at(n)));
    }
    head.gdt = from_vmcb(v.read<VmcbSegment>(vmcb::kGdtr));
    head.idt = from_vmcb(v.read<VmcbSegment>(vmcb::kIdtr));
    head.cr[0] = r.cr0;
    head.cr[2] = v.read(vmcb::kCr2);
    head.cr[3] = r.cr3;
    head.cr[4] = r.cr4;
    head.efer = r.efer;
    head.rip = v.read(vmcb::kRip);
    head.gpr[kRsp] = v.read(vmcb::kRsp);
    head.gpr[kRax] = v.read(vmcb::kRax);
    set_rflags(head, v.read(vmcb::kRflags) & 0x3e'7fd5);
    const bool shadow = (v.read(vmcb::kInterruptShadow) & 1) != 0;
    head.hflags = shadow ? hflags::kInhibitIrq : 0;
    head.hflags = hidden_flags(head, v.read<std::uint8_t>(vmcb::kCpl) & 3U);
    EngineTail& tail = c.tail();
    tail.old_exception = -1;
    tail.exception_is_int = 0;
    // What is reported although nobody asked is carried out here.
    tail.intercept =
        kIntercepts | controls_.intercepts | std::uint64_t{controls_.svm_intercepts} << 32;
    // Breakpoints never match here (move_debug_register()).
    tail.dr[7] = 0x400;
    tail.intercept_cr_read = static_cast<std::uint16_t>(kCrReads | controls_.cr_intercepts);
    tail.intercept_cr_write = static_cast<std::uint16_t>(kCrWrites | controls_.cr_intercepts >> 16);
  });
}

void GuestCore::save_guest() {
  std::uint8_t* const frame = machine_.memory().at(vmcb_pa_);
  if (frame == nullptr) return;
  Vmcb v(frame);
  const std::uint64_t flags = engine_.rflags();
  EngineHead& head = engine_.look().head();
  for (unsigned n = kEs; n <= kDs; ++n) v.write(segment_at(n), to_vmcb(head.segments[n]));
  v.write(vmcb::kGdtr, table_to_vmcb(head.gdt));
  v.write(vmcb::kIdtr, table_to_vmcb(head.idt));
  const Registers& r = mmu_.registers();
  v.write(vmcb::kCr0, r.cr0);
  v.write(vmcb::kCr2, head.cr[2]);
  v.write(vmcb::kCr3, r.cr3);
  v.write(vmcb::kCr4, r.cr4);
  v.write(vmcb::kEfer, r.efer);
  v.write(vmcb::kRip, head.rip);
  v.write(vmcb::kRsp, head.gpr[kRsp]);
  v.write(vmcb::kRax, head.gpr[kRax]);
  v.write(vmcb::kRflags, flags);
  v.write(vmcb::kCpl, static_cast<std::uint8_t>(head.hflags & hflags::kCpl));
  v.write(vmcb::kDr6, dr6_);
  v.write(vmcb::kDr7, dr7_);
  v.write(vmcb::kPat, pat_);
  v.write(vmcb::kVirtualInterrupt, virtual_interrupt_);
  const std::uint64_t shadow = (head.hflags & hflags::kInhibitIrq) != 0 ? 1 : 0;
  v.write(vmcb::kInterruptShadow, (v.read(vmcb::kInterruptShadow) & ~1ULL) | shadow);
  linear_pc_ = head.rip + ((head.hflags & hflags::kCs64) != 0 ? 0 : head.segments[kCs].base);
}

ExitCode GuestCore::leave(ExitCode code, std::uint64_t info1, std::uint64_t info2) {
  ++statistics_.traps_to_el2;
  save_guest();
  if (std::uint8_t* const frame = machine_.memory().at(vmcb_pa_)) {
    Vmcb v(frame);
    v.write(vmcb::kExitCode, code_of(code));
    v.write(vmcb::kExitInfo1, info1);
    v.write(vmcb::kExitInfo2, info2);
    v.write(vmcb::kExitIntInfo, delivering_ ? delivering_->encoded() : 0);
    v.write(vmcb::kNextRip, std::uint64_t{0});
    v.write(vmcb::kEventInjection, v.read(vmcb::kEventInjection) & ~(1ULL << 31));
  }
  delivering_.reset();
  host_.gif = false;
  note_progress();
  skip_to(machine_.published_time());
  machine_.publish_time(time());
  return code;
}

ExitCode GuestCore::leave_at_instruction(ExitCode code, std::uint64_t info1, std::uint64_t info2) {
  const ExitCode left = leave(code, info1, info2);
  if (std::uint8_t* const frame = machine_.memory().at(vmcb_pa_)) {
    Vmcb v(frame);
    v.write(vmcb::kNextRip, v.read(vmcb::kRip) + instruction_.length);
  }
  return left;
}

ExitCode GuestCore::leave_to_owner() {
  // Neither an exit that the guest caused, nor one that takes time.
  --statistics_.traps_to_el2;
  stopped_by_owner_ = true;
  return leave(ExitCode::Intr);
}

bool GuestCore::vmload(std::uint64_t pa) {
  std::uint8_t* const frame = machine_.memory().at(pa & ~kPageMask);
  if (frame == nullptr) return false;
  const Vmcb v(frame);
  engine_.change([&](EngineContext& c) {
    EngineHead& head = c.head();
    for (unsigned n = kFs; n <= kGs; ++n) {
      head.segments[n] = from_vmcb(v.read<VmcbSegment>(segment_at(n)));
    }
    head.tr = from_vmcb(v.read<VmcbSegment>(vmcb::kTr));
    head.ldt = from_vmcb(v.read<VmcbSegment>(vmcb::kLdtr));
    for (const MsrPlace& place : kSystemCallMsrs) c.set_msr(place.msr, v.read(place.offset));
  });
  return true;
}

bool GuestCore::vmsave(std::uint64_t pa) {
  std::uint8_t* const frame = machine_.memory().at(pa & ~kPageMask);
  if (frame == nullptr) return false;
  Vmcb v(frame);
  EngineContext& c = engine_.look();
  for (unsigned n = kFs; n <= kGs; ++n) v.write(segment_at(n), to_vmcb(c.head().segments[n]));
  v.write(vmcb::kTr, to_vmcb(c.head().tr));
  v.write(vmcb::kLdtr, to_vmcb(c.head().ldt));
  for (const MsrPlace& place : kSystemCallMsrs) v.write(place.offset, c.msr(place.msr));
  return true;
}

void HostRegisters::describe(StateVisitor& visitor) {
  visitor.field("host_efer", efer);
  visitor.field("host_cr4", cr4);
  visitor.field("vm_cr", vm_cr);
  visitor.field("vm_hsave_pa", vm_hsave_pa);
  visitor.value("gif", gif);
}

}  // namespace axvm::sim::x86_64
