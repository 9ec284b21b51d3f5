#include <bit>
#include <sim/arch/aarch64/virtual_cpu_interface.hpp>

namespace axvm::sim::aarch64 {
namespace {

// ICH_HCR_EL2 (12.4.5).
constexpr std::uint64_t kEn = 1ULL << 0;
constexpr std::uint64_t kUie = 1ULL << 1;
constexpr std::uint64_t kLrenpie = 1ULL << 2;
constexpr std::uint64_t kNpie = 1ULL << 3;
constexpr unsigned kGroupInterruptsShift = 4;  // VGrp0EIE, VGrp0DIE, VGrp1EIE, VGrp1DIE
constexpr unsigned kEoiCountShift = 27;
constexpr std::uint64_t kEoiCount = 0x1fULL << kEoiCountShift;
/// The traps TC, TALL0, TALL1, TSEI, TDIR are looked at by whoever decides about traps.
constexpr std::uint64_t kHcrWritable = 0xff | 0x7c00 | kEoiCount;

// ICH_VMCR_EL2 (12.4.8).
constexpr std::uint64_t kVeng0 = 1ULL << 0;
constexpr std::uint64_t kVcbpr = 1ULL << 4;
constexpr std::uint64_t kVeoim = 1ULL << 9;
constexpr unsigned kVbpr1Shift = 18;
constexpr unsigned kVbpr0Shift = 21;
constexpr unsigned kVpmrShift = 24;
constexpr std::uint64_t kVackCtl = 1ULL << 2;
constexpr std::uint64_t kVfiqEn = 1ULL << 3;
/// Where the guest uses system registers, VFIQEn is 1 and VAckCtl 0.
constexpr std::uint64_t kVmcrMemory = kVackCtl | kVfiqEn;
constexpr std::uint64_t kVmcrWritable =
    0x3 | kVcbpr | kVeoim | 7ULL << kVbpr1Shift | 7ULL << kVbpr0Shift | 0xf8ULL << kVpmrShift;

// ICH_LR<n>_EL2 (12.4.6).
constexpr std::uint64_t kPending = 1ULL << 62;
constexpr std::uint64_t kActive = 1ULL << 63;
constexpr std::uint64_t kHw = 1ULL << 61;
constexpr std::uint64_t kGroup1 = 1ULL << 60;
constexpr std::uint64_t kEoi = 1ULL << 41;  // when HW is 0
constexpr std::uint64_t kLrWritable = 0xf0f8'1fff'0000'ffffULL;

// Five bits of priority, of which five can be group priority; 16 bits of INTID.
constexpr unsigned kPriorityBits = 5;
constexpr std::uint32_t kPriorityMask = 0xf8;
constexpr std::uint32_t kIdle = 0xff;
constexpr std::array<unsigned, 2> kMinBinaryPoint{2, 3};
/// ICH_VTR_EL2 (12.4.9): ListRegs, TDS, nV4, A3V, IDbits 0, PREbits, PRIbits.
constexpr std::uint64_t kVtr = (VirtualCpuInterface::kListRegisters - 1) | 1ULL << 19 | 1ULL << 20 |
                               1ULL << 21 | (kPriorityBits - 1ULL) << 26 |
                               (kPriorityBits - 1ULL) << 29;
/// INTIDs from here on are LPIs, which are never active.
constexpr std::uint32_t kFirstLpi = 8192;

// ICH registers.
constexpr SysReg kAp0r0{3, 4, 12, 8, 0};
constexpr SysReg kAp1r0{3, 4, 12, 9, 0};
constexpr SysReg kHcr{3, 4, 12, 11, 0};
constexpr SysReg kVtrEl2{3, 4, 12, 11, 1};
constexpr SysReg kMisr{3, 4, 12, 11, 2};
constexpr SysReg kEisr{3, 4, 12, 11, 3};
constexpr SysReg kElrsr{3, 4, 12, 11, 5};
constexpr SysReg kVmcr{3, 4, 12, 11, 7};
constexpr SysReg kSre{3, 0, 12, 12, 5};
constexpr std::uint64_t kSreFixed = 6;  // DFB, DIB

std::uint32_t intid_of(std::uint64_t lr) { return static_cast<std::uint32_t>(lr); }
std::uint32_t priority_of(std::uint64_t lr) { return static_cast<std::uint32_t>(lr >> 48) & 0xff; }
unsigned group_of(std::uint64_t lr) { return (lr & kGroup1) != 0 ? 1 : 0; }
bool is_special(std::uint32_t intid) { return intid >= 1020 && intid <= 1023; }

/// The number of a list register; nothing when `r` is none.
std::optional<unsigned> list_register(SysReg r) {
  if (r.op0() != 3 || r.op1() != 4 || r.crn() != 12 || (r.crm() != 12 && r.crm() != 13)) {
    return std::nullopt;
  }
  const unsigned n = (r.crm() - 12) * 8 + r.op2();
  return n < VirtualCpuInterface::kListRegisters ? std::optional(n) : std::nullopt;
}

}  // namespace

// --- EL2
// -------------------------------------------------------------------------------------------

std::optional<std::uint64_t> VirtualCpuInterface::read_el2(SysReg r) const noexcept {
  if (const auto n = list_register(r)) return lr_[*n];
  switch (r.encoding) {
    case kHcr.encoding: return hcr_;
    case kVmcr.encoding: return vmcr_ | (has_system_registers() ? kVfiqEn : 0);
    case kSre.encoding: return sre_ | kSreFixed;
    case kAp0r0.encoding: return active_[0];
    case kAp1r0.encoding: return active_[1];
    case kVtrEl2.encoding: return kVtr;
    case kMisr.encoding: return misr_;
    case kEisr.encoding: return ended();
    case kElrsr.encoding: return empty();
    default: return std::nullopt;
  }
}

bool VirtualCpuInterface::write_el2(SysReg r, std::uint64_t value) noexcept {
  if (const auto n = list_register(r)) {
    lr_[*n] = value & kLrWritable;
    update();
    return true;
  }
  switch (r.encoding) {
    case kHcr.encoding: hcr_ = value & kHcrWritable; break;
    case kVmcr.encoding:
      vmcr_ = value & (kVmcrWritable | (has_system_registers() ? 0 : kVmcrMemory));
      set_binary_point(0, value >> kVbpr0Shift);
      if ((value & kVcbpr) == 0) set_binary_point(1, value >> kVbpr1Shift);
      break;
    case kAp0r0.encoding: active_[0] = static_cast<std::uint32_t>(value); break;
    case kAp1r0.encoding: active_[1] = static_cast<std::uint32_t>(value); break;
    case kSre.encoding:
      sre_ = value & 1;
      if (has_system_registers()) vmcr_ &= ~kVmcrMemory;
      break;
    case kVtrEl2.encoding:
    case kMisr.encoding:
    case kEisr.encoding:
    case kElrsr.encoding: return true;
    default: return false;
  }
  update();
  return true;
}

// --- priorities (4.8)
// --------------------------------------------------------------------------------

unsigned VirtualCpuInterface::binary_point(unsigned group) const noexcept {
  const auto bpr0 = static_cast<unsigned>(vmcr_ >> kVbpr0Shift) & 7;
  if (group == 0) return bpr0;
  if ((vmcr_ & kVcbpr) != 0) return bpr0 < 7 ? bpr0 + 1 : 7;
  return static_cast<unsigned>(vmcr_ >> kVbpr1Shift) & 7;
}

void VirtualCpuInterface::set_binary_point(unsigned group, std::uint64_t value) noexcept {
  const unsigned shift = group == 0 ? kVbpr0Shift : kVbpr1Shift;
  std::uint64_t point = value & 7;
  if (point < kMinBinaryPoint[group]) point = kMinBinaryPoint[group];
  vmcr_ = (vmcr_ & ~(7ULL << shift)) | point << shift;
}

std::uint32_t VirtualCpuInterface::group_mask(unsigned group) const noexcept {
  // Bits [7:BPR+1] for group 0, [7:BPR] for group 1, are group priority; with CBPR set, group 1
  // goes by ICV_BPR0_EL1 as it is.
  const bool common = group == 1 && (vmcr_ & kVcbpr) != 0;
  const unsigned point = common ? binary_point(0) + 1 : binary_point(group) + (group == 0 ? 1 : 0);
  return (0xffU << point) & 0xff;
}

bool VirtualCpuInterface::group_enabled(unsigned group) const noexcept {
  return (vmcr_ & (kVeng0 << group)) != 0;
}

unsigned VirtualCpuInterface::highest_pending() const noexcept {
  unsigned found = kNone;
  std::uint32_t best = kIdle;
  for (unsigned n = 0; n < kListRegisters; ++n) {
    const bool pending = (lr_[n] & (kPending | kActive)) == kPending;
    if (!pending || !group_enabled(group_of(lr_[n]))) continue;
    if (found != kNone && priority_of(lr_[n]) >= best) continue;
    found = n;
    best = priority_of(lr_[n]);
  }
  return found;
}

std::uint32_t VirtualCpuInterface::running_priority() const noexcept {
  const std::uint32_t active = active_[0] | active_[1];
  if (active == 0) return kIdle;
  return static_cast<std::uint32_t>(std::countr_zero(active)) << (8 - kPriorityBits);
}

bool VirtualCpuInterface::can_preempt(unsigned lr) const noexcept {
  const std::uint32_t priority = priority_of(lr_[lr]);
  const auto mask = static_cast<std::uint32_t>(vmcr_ >> kVpmrShift) & 0xff;
  if (priority >= mask) return false;
  const std::uint32_t running = running_priority();
  if (running == kIdle) return true;
  const std::uint32_t group = group_mask(group_of(lr_[lr]));
  return (priority & group) < (running & group);
}

std::uint32_t VirtualCpuInterface::highest_pending_intid(unsigned group) const noexcept {
  const unsigned lr = highest_pending();
  if (lr == kNone || group_of(lr_[lr]) != group) return kSpurious;
  return intid_of(lr_[lr]);
}

// --- acknowledge, end, deactivate (4.1.1, 6.3)
// -----------------------------------------------------

bool VirtualCpuInterface::is_enabled() const noexcept { return (hcr_ & kEn) != 0; }

std::uint32_t VirtualCpuInterface::acknowledge(unsigned group) noexcept {
  const unsigned lr = highest_pending();
  if (!is_enabled() || lr == kNone || group_of(lr_[lr]) != group || !can_preempt(lr)) {
    return kSpurious;
  }
  return take(lr);
}

std::uint32_t VirtualCpuInterface::take(unsigned lr) noexcept {
  const std::uint32_t intid = intid_of(lr_[lr]);
  const unsigned group = group_of(lr_[lr]);
  const std::uint32_t priority = priority_of(lr_[lr]) & group_mask(group) & kPriorityMask;
  active_[active_set(group)] |= 1U << (priority >> (8 - kPriorityBits));
  lr_[lr] &= ~kPending;
  if (intid < kFirstLpi) lr_[lr] |= kActive;
  return intid;
}

unsigned VirtualCpuInterface::find_active(std::uint32_t intid) const noexcept {
  for (unsigned n = 0; n < kListRegisters; ++n) {
    if ((lr_[n] & kActive) != 0 && intid_of(lr_[n]) == intid) return n;
  }
  return kNone;
}

void VirtualCpuInterface::count_end() noexcept {
  hcr_ = (hcr_ & ~kEoiCount) | ((hcr_ + (1ULL << kEoiCountShift)) & kEoiCount);
}

VirtualCpuInterface::Written VirtualCpuInterface::end(unsigned group,
                                                      std::uint32_t intid) noexcept {
  if (is_special(intid)) return {.taken = true};
  // The priority that drops is the highest active one, if it is of this group.
  const std::uint32_t highest = (active_[0] | active_[1]) & (0U - (active_[0] | active_[1]));
  if (highest == 0 || (active_[active_set(group)] & highest) == 0) return {.taken = true};
  active_[active_set(group)] &= ~highest;
  if ((vmcr_ & kVeoim) != 0 || intid >= kFirstLpi) return {.taken = true};
  return deactivate(intid);
}

VirtualCpuInterface::Written VirtualCpuInterface::deactivate(std::uint32_t intid) noexcept {
  const unsigned lr = find_active(intid);
  if (lr == kNone) {
    count_end();
    return {.taken = true};
  }
  return {.taken = true, .deactivated = deactivate_register(lr)};
}

std::optional<std::uint32_t> VirtualCpuInterface::deactivate_register(unsigned lr) noexcept {
  lr_[lr] &= ~kActive;
  if ((lr_[lr] & kHw) == 0) return std::nullopt;
  return static_cast<std::uint32_t>(lr_[lr] >> 32) & 0x1fff;
}

// --- the guest -----------------------------------------------------------------------------------

namespace {

enum class Icv : std::uint8_t {
  None,
  Pmr,
  Iar,
  Eoir,
  Hppir,
  Bpr,
  Apr,
  Dir,
  Rpr,
  Ctlr,
  Sre,
  Igrpen,
};
struct Name {
  Icv what = Icv::None;
  unsigned group = 0;
};

Name name_of(SysReg r) {
  if (r.op0() != 3 || r.op1() != 0) return {};
  if (r == SysReg(3, 0, 4, 6, 0)) return {Icv::Pmr};
  if (r.crn() != 12) return {};
  const unsigned group = r.crm() == 8 ? 0 : 1;
  switch (r.crm() << 4 | r.op2()) {
    case 0x80:
    case 0xc0: return {Icv::Iar, group};
    case 0x81:
    case 0xc1: return {Icv::Eoir, group};
    case 0x82:
    case 0xc2: return {Icv::Hppir, group};
    case 0x83:
    case 0xc3: return {Icv::Bpr, group};
    case 0x84: return {Icv::Apr, 0};
    case 0x90: return {Icv::Apr, 1};
    case 0xb1: return {Icv::Dir};
    case 0xb3: return {Icv::Rpr};
    case 0xc4: return {Icv::Ctlr};
    case 0xc5: return {Icv::Sre};
    case 0xc6: return {Icv::Igrpen, 0};
    case 0xc7: return {Icv::Igrpen, 1};
    default: return {};
  }
}

}  // namespace

bool VirtualCpuInterface::has(SysReg r, bool read) noexcept {
  const bool sends = r.op0() == 3 && r.op1() == 0 && r.crn() == 12 && r.crm() == 11 && r.op2() >= 5;
  if (sends) return !read;
  switch (name_of(r).what) {
    case Icv::Iar:
    case Icv::Hppir:
    case Icv::Rpr: return read;
    case Icv::Eoir:
    case Icv::Dir: return !read;
    case Icv::Sre:
    case Icv::None: return false;
    default: return true;
  }
}

std::optional<std::uint64_t> VirtualCpuInterface::read(SysReg r) noexcept {
  const auto [what, group] = name_of(r);
  switch (what) {
    case Icv::Pmr: return (vmcr_ >> kVpmrShift) & 0xff;
    case Icv::Iar: {
      const std::uint32_t intid = acknowledge(group);
      update();
      return intid;
    }
    case Icv::Hppir: return highest_pending_intid(group);
    case Icv::Bpr: return binary_point(group);
    case Icv::Apr: return active_[group];
    case Icv::Rpr: return running_priority();
    // 12.3.5: CBPR, EOImode; PRIbits; A3V.
    case Icv::Ctlr:
      return ((vmcr_ & kVcbpr) != 0 ? 1U : 0U) | ((vmcr_ & kVeoim) != 0 ? 2U : 0U) |
             (kPriorityBits - 1) << 8 | 1U << 15;
    case Icv::Sre: return sre_ | kSreFixed;
    case Icv::Igrpen: return group_enabled(group) ? 1 : 0;
    case Icv::Eoir:
    case Icv::Dir:
    case Icv::None: break;
  }
  return std::nullopt;
}

VirtualCpuInterface::Written VirtualCpuInterface::write(SysReg r, std::uint64_t value) noexcept {
  const auto [what, group] = name_of(r);
  const auto intid = static_cast<std::uint32_t>(value & 0xff'ffff);
  const auto assign = [this](std::uint64_t bits, std::uint64_t to) {
    vmcr_ = (vmcr_ & ~bits) | (to & bits);
  };
  Written written{.taken = true};
  switch (what) {
    case Icv::Pmr: assign(0xffULL << kVpmrShift, (value & kPriorityMask) << kVpmrShift); break;
    case Icv::Eoir: written = end(group, intid); break;
    case Icv::Dir:
      if ((vmcr_ & kVeoim) != 0 && intid < kFirstLpi && !is_special(intid)) {
        written = deactivate(intid);
      }
      break;
    case Icv::Bpr:
      if (group == 0 || (vmcr_ & kVcbpr) == 0) set_binary_point(group, value);
      break;
    case Icv::Apr: active_[group] = static_cast<std::uint32_t>(value); break;
    case Icv::Ctlr:
      assign(kVcbpr, (value & 1) != 0 ? kVcbpr : 0);
      assign(kVeoim, (value & 2) != 0 ? kVeoim : 0);
      break;
    case Icv::Sre: break;  // EL2 decides: for EL1, SRE is as fixed as the rest
    case Icv::Igrpen: assign(kVeng0 << group, (value & 1) << group); break;
    case Icv::Iar:
    case Icv::Hppir:
    case Icv::Rpr:
    case Icv::None: return {};
  }
  update();
  return written;
}

// --- outputs
// ---------------------------------------------------------------------------------------

std::uint64_t VirtualCpuInterface::ended() const noexcept {
  std::uint64_t bits = 0;
  for (unsigned n = 0; n < kListRegisters; ++n) {
    const bool ended = (lr_[n] & (kPending | kActive | kHw)) == 0 && (lr_[n] & kEoi) != 0;
    if (ended) bits |= 1ULL << n;
  }
  return bits;
}

std::uint64_t VirtualCpuInterface::empty() const noexcept {
  std::uint64_t bits = 0;
  for (unsigned n = 0; n < kListRegisters; ++n) {
    const bool waits = (lr_[n] & kHw) == 0 && (lr_[n] & kEoi) != 0;
    if ((lr_[n] & (kPending | kActive)) == 0 && !waits) bits |= 1ULL << n;
  }
  return bits;
}

void VirtualCpuInterface::update() noexcept {
  irq_ = fiq_ = false;
  misr_ = 0;
  if (!is_enabled()) return;
  const bool fiqs = has_system_registers() || (vmcr_ & kVfiqEn) != 0;
  if (const unsigned lr = highest_pending(); lr != kNone && can_preempt(lr)) {
    (group_of(lr_[lr]) == 1 || !fiqs ? irq_ : fiq_) = true;
  }
  // ICH_MISR_EL2 (12.4.7).
  unsigned valid = 0;
  bool pending = false;
  for (const std::uint64_t lr : lr_) {
    if ((lr & (kPending | kActive)) != 0) ++valid;
    pending |= (lr & (kPending | kActive)) == kPending;
  }
  const auto raise = [this](bool condition, unsigned bit) {
    if (condition) misr_ |= 1ULL << bit;
  };
  raise(ended() != 0, 0);
  raise((hcr_ & kUie) != 0 && valid <= 1, 1);
  raise((hcr_ & kLrenpie) != 0 && (hcr_ & kEoiCount) != 0, 2);
  raise((hcr_ & kNpie) != 0 && !pending, 3);
  for (unsigned group = 0; group < 2; ++group) {
    const unsigned enabled = kGroupInterruptsShift + 2 * group;
    const bool on = group_enabled(group);
    raise(((hcr_ >> enabled) & 1) != 0 && on, enabled);
    raise(((hcr_ >> (enabled + 1)) & 1) != 0 && !on, enabled + 1);
  }
}

void VirtualCpuInterface::describe(StateVisitor& v) {
  v.field("ICH_HCR_EL2", hcr_);
  v.field("ICH_VMCR_EL2", vmcr_);
  v.field("ICC_SRE_EL1", sre_);
  v.value("ICH_AP0R0_EL2", active_[0]);
  v.value("ICH_AP1R0_EL2", active_[1]);
  for (std::uint64_t& lr : lr_) v.field("ICH_LR_EL2", lr);
  update();
}

}  // namespace axvm::sim::aarch64
