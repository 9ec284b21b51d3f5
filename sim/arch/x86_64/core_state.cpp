// What decides a CPU's future, for hash, snapshot and comparison.

#include <array>
#include <sim/arch/x86_64/guest_core.hpp>
#include <string_view>

namespace axvm::sim::x86_64 {
namespace {

constexpr std::array<std::string_view, 16> kGprNames{"rax", "rcx", "rdx", "rbx", "rsp", "rbp",
                                                     "rsi", "rdi", "r8",  "r9",  "r10", "r11",
                                                     "r12", "r13", "r14", "r15"};
constexpr std::array<std::string_view, 6> kSegmentNames{"es", "cs", "ss", "ds", "fs", "gs"};
constexpr std::array<std::string_view, kEngineMsrs> kMsrNames{
    "sysenter_cs", "sysenter_esp", "sysenter_eip",   "star",   "lstar",
    "cstar",       "fmask",        "kernel_gs_base", "tsc_aux"};
constexpr std::array<std::string_view, 8> kFpNames{"fp0", "fp1", "fp2", "fp3",
                                                   "fp4", "fp5", "fp6", "fp7"};
constexpr std::array<std::string_view, 16> kXmmNames{
    "xmm0", "xmm1", "xmm2",  "xmm3",  "xmm4",  "xmm5",  "xmm6",  "xmm7",
    "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"};

void describe_segment(StateVisitor& v, std::string_view name, EngineSegment& s) {
  v.enter(name, 0);
  v.value("selector", s.selector);
  v.field("base", s.base);
  v.value("limit", s.limit);
  // The engine keeps base and limit in them, too, or not.
  constexpr std::uint32_t kAttributes = 0x00f0'ff00;
  s.flags &= kAttributes;
  v.value("flags", s.flags);
  v.leave();
}

}  // namespace

void GuestCore::describe(StateVisitor& visitor) {
  host_.describe(visitor);
  std::uint64_t flags = engine_.rflags();
  engine_.change([&](EngineContext& c) {
    EngineHead& head = c.head();
    for (std::size_t n = 0; n < kGprNames.size(); ++n) visitor.field(kGprNames[n], head.gpr[n]);
    visitor.field("rip", head.rip);
    visitor.field("rflags", flags);
    for (std::size_t n = 0; n < kSegmentNames.size(); ++n) {
      describe_segment(visitor, kSegmentNames[n], head.segments[n]);
    }
    describe_segment(visitor, "ldt", head.ldt);
    describe_segment(visitor, "tr", head.tr);
    describe_segment(visitor, "gdt", head.gdt);
    describe_segment(visitor, "idt", head.idt);
    visitor.field("cr2", head.cr[2]);
    for (std::size_t n = 0; n < kMsrNames.size(); ++n) {
      std::uint64_t value = c.msr(static_cast<EngineMsr>(n));
      visitor.field(kMsrNames[n], value);
      c.set_msr(static_cast<EngineMsr>(n), value);
    }
    // The rest of it is decided by what is described elsewhere, and set at VMRUN.
    std::uint32_t hidden = head.hflags & (hflags::kCpl | hflags::kInhibitIrq);
    visitor.value("hidden", hidden);
    if (!visitor.restores()) return;
    set_rflags(head, flags);
    head.hflags = hidden_flags(head, hidden & hflags::kCpl) | (hidden & hflags::kInhibitIrq);
  });
  describe_vectors(visitor);
  for (std::uint64_t& dr : dr_) visitor.field("dr", dr);
  visitor.field("dr6", dr6_);
  visitor.field("dr7", dr7_);
  visitor.field("pat", pat_);
  visitor.field("vmcb", vmcb_pa_);
  visitor.field("virtual_interrupt", virtual_interrupt_);
  visitor.field("pc", linear_pc_);
  retirement_.describe(visitor);
  visitor.field("progress", progress_);
  visitor.value("idle_events", idle_events_);
  visitor.field("idle", idle_);
  visitor.field("turn_end", turn_end_);
  visitor.value("stopped_at_limit", stopped_at_limit_);
  mmu_.describe(visitor);
  if (!visitor.restores()) return;
  cs_may_change_ = true;
  forget_all_code();
}

void GuestCore::describe_vectors(StateVisitor& visitor) {
  const auto visit = [&](std::string_view name, int id, std::size_t bytes) {
    std::array<std::byte, 16> value{};
    uc_reg_read(engine_.handle(), id, value.data());
    const auto before = value;
    visitor.bytes(name, std::span(value).first(bytes));
    if (value != before) uc_reg_write(engine_.handle(), id, value.data());
  };
  visit("fpcw", UC_X86_REG_FPCW, 2);
  visit("fpsw", UC_X86_REG_FPSW, 2);
  visit("fptag", UC_X86_REG_FPTAG, 2);
  visit("mxcsr", UC_X86_REG_MXCSR, 4);
  constexpr std::size_t kFpBytes = 10;
  for (std::size_t n = 0; n < kFpNames.size(); ++n) {
    visit(kFpNames[n], UC_X86_REG_FP0 + static_cast<int>(n), kFpBytes);
  }
  for (std::size_t n = 0; n < kXmmNames.size(); ++n) {
    visit(kXmmNames[n], UC_X86_REG_XMM0 + static_cast<int>(n), 16);
  }
}

}  // namespace axvm::sim::x86_64
