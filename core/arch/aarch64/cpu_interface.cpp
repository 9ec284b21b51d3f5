#include <core/arch/aarch64/cpu_interface.hpp>
#include <core/arch/aarch64/registers.hpp>
#include <core/lowest_bit.hpp>
#include <span>

namespace axvm::aarch64 {
namespace {

/// Of every interrupt; 5 bits of priority are implemented.
constexpr std::uint32_t kPriority = 0xa0;
constexpr std::uint32_t kPriorityMask = 0xf8;
/// The least that ICC_BPR0_EL1 and ICC_BPR1_EL1 hold with 5 bits of priority (12.2.5, 12.2.6).
constexpr std::uint32_t kMinBinaryPoint0 = 2;
constexpr std::uint32_t kMinBinaryPoint1 = 3;

// ICC_CTLR_EL1 (12.2.7).
constexpr std::uint32_t kCommonBinaryPoint = 1U << 0;           // CBPR
constexpr std::uint32_t kEndModeSplit = 1U << 1;                // EOImode: EOIR drops priority only
constexpr std::uint32_t kControlReadOnly = 4U << 8 | 1U << 15;  // PRIbits: 5; A3V
/// ICC_SRE_EL1: DIB, DFB, SRE, all RAO/WI (12.2.23).
constexpr std::uint64_t kSystemRegisterEnable = 0x7;

constexpr std::uint16_t icc(unsigned crm, unsigned op2) {
  return sysreg_encoding(3, 0, 12, crm, op2);
}

std::uint32_t low_bits(std::uint64_t value, std::uint32_t mask) {
  return static_cast<std::uint32_t>(value) & mask;
}

std::uint32_t at_least(std::uint32_t value, std::uint32_t least) {
  return value < least ? least : value;
}

constexpr std::size_t word_of(std::uint32_t intid) { return intid / 64; }
constexpr std::uint64_t bit_of(std::uint32_t intid) { return std::uint64_t{1} << (intid % 64); }

}  // namespace

IccRegister icc_register(std::uint16_t encoding) noexcept {
  switch (encoding) {
    case sysreg_encoding(3, 0, 4, 6, 0): return IccRegister::Pmr;
    case icc(8, 0): return IccRegister::Iar0;
    case icc(8, 1): return IccRegister::Eoir0;
    case icc(8, 2): return IccRegister::Hppir0;
    case icc(8, 3): return IccRegister::Bpr0;
    case icc(8, 4): return IccRegister::Ap0r0;
    case icc(9, 0): return IccRegister::Ap1r0;
    case icc(11, 1): return IccRegister::Dir;
    case icc(11, 3): return IccRegister::Rpr;
    case icc(11, 5): return IccRegister::Sgi1r;
    case icc(11, 6): return IccRegister::Asgi1r;
    case icc(11, 7): return IccRegister::Sgi0r;
    case icc(12, 0): return IccRegister::Iar1;
    case icc(12, 1): return IccRegister::Eoir1;
    case icc(12, 2): return IccRegister::Hppir1;
    case icc(12, 3): return IccRegister::Bpr1;
    case icc(12, 4): return IccRegister::Ctlr;
    case icc(12, 5): return IccRegister::Sre;
    case icc(12, 6): return IccRegister::Igrpen0;
    case icc(12, 7): return IccRegister::Igrpen1;
    default: return IccRegister::None;
  }
}

SgiRequest::SgiRequest(std::uint64_t value) noexcept
    : intid(static_cast<std::uint32_t>((value >> 24) & 0xf)),
      all_others(((value >> 40) & 1) != 0),
      cluster(((value >> 48) & 0xff) << 32 | ((value >> 32) & 0xff) << 16 |
              ((value >> 16) & 0xff) << 8),
      target_list(static_cast<std::uint16_t>(value)) {}

bool SgiRequest::reaches(std::uint64_t affinity, bool is_sender) const noexcept {
  if (all_others) return !is_sender;
  const std::uint64_t aff0 = affinity & 0xff;
  return (affinity & ~std::uint64_t{0xff}) == cluster && aff0 < 16 &&
         ((target_list >> aff0) & 1) != 0;
}

void CpuInterface::reset() noexcept {
  for (auto& word : pending_) word.store(0, std::memory_order_relaxed);
  reset_registers();
}

void CpuInterface::reset_registers() noexcept {
  active_ = {};
  priority_mask_ = 0;
  running_priority_ = kIdle;
  control_ = 0;
  binary_point0_ = kMinBinaryPoint0;
  binary_point1_ = kMinBinaryPoint1;
  group0_enabled_ = false;
  group1_enabled_ = false;
  mark_changed();
}

void CpuInterface::set_pending(std::uint32_t intid) noexcept {
  pending_[word_of(intid)].fetch_or(bit_of(intid), std::memory_order_release);
  mark_changed();
}

void CpuInterface::clear_pending(std::uint32_t intid) noexcept {
  pending_[word_of(intid)].fetch_and(~bit_of(intid), std::memory_order_release);
  mark_changed();
}

bool CpuInterface::is_pending(std::uint32_t intid) const noexcept {
  return (pending_[word_of(intid)].load(std::memory_order_acquire) & bit_of(intid)) != 0;
}

bool CpuInterface::is_active(std::uint32_t intid) const noexcept {
  return (active_[word_of(intid)] & bit_of(intid)) != 0;
}

bool CpuInterface::take_changed() noexcept {
  if (changed_.load(std::memory_order_acquire) == 0) [[likely]]
    return false;
  return changed_.exchange(0, std::memory_order_acq_rel) != 0;
}

std::uint32_t CpuInterface::group_priority() const noexcept {
  const bool common = (control_ & kCommonBinaryPoint) != 0;
  const std::uint32_t point = common ? binary_point0_ + 1 : binary_point1_;
  return kPriority & (0xff00U >> (8 - point)) & 0xff;
}

std::optional<std::uint32_t> CpuInterface::highest_pending() const noexcept {
  for (std::size_t i = 0; i < kWords; ++i) {
    const std::uint64_t word = pending_[i].load(std::memory_order_acquire) & ~active_[i];
    if (word != 0) return static_cast<std::uint32_t>(i * 64) + lowest_bit(word);
  }
  return std::nullopt;
}

bool CpuInterface::signals() const noexcept {
  return group1_enabled_ && kPriority < priority_mask_ && group_priority() < running_priority_ &&
         highest_pending().has_value();
}

std::uint32_t CpuInterface::acknowledge() noexcept {
  if (!signals()) return kSpuriousIntid;
  const std::uint32_t intid = *highest_pending();
  clear_pending(intid);
  active_[word_of(intid)] |= bit_of(intid);
  running_priority_ = group_priority();
  return intid;
}

CpuInterface::Written CpuInterface::end(std::uint32_t intid) noexcept {
  if (intid >= kIntidCount || running_priority_ == kIdle) return {};
  running_priority_ = kIdle;
  mark_changed();
  return (control_ & kEndModeSplit) != 0 ? Written{} : deactivate(intid);
}

CpuInterface::Written CpuInterface::deactivate(std::uint32_t intid) noexcept {
  if (intid >= kIntidCount || !is_active(intid)) return {};
  active_[word_of(intid)] &= ~bit_of(intid);
  mark_changed();
  return {.deactivated = intid};
}

std::optional<std::uint64_t> CpuInterface::read(IccRegister reg) noexcept {
  switch (reg) {
    case IccRegister::Pmr: return priority_mask_;
    case IccRegister::Iar0:
    case IccRegister::Hppir0: return kSpuriousIntid;
    case IccRegister::Bpr0: return binary_point0_;
    case IccRegister::Ap0r0: return 0;
    case IccRegister::Ap1r0: return running_priority_ == kIdle ? 0 : 1U << (running_priority_ >> 3);
    case IccRegister::Rpr: return running_priority_;
    case IccRegister::Iar1: return acknowledge();
    case IccRegister::Hppir1:
      return group1_enabled_ ? highest_pending().value_or(kSpuriousIntid) : kSpuriousIntid;
    case IccRegister::Bpr1: {
      const bool common = (control_ & kCommonBinaryPoint) != 0;
      return common ? (binary_point0_ < 7 ? binary_point0_ + 1 : 7) : binary_point1_;
    }
    case IccRegister::Ctlr: return control_ | kControlReadOnly;
    case IccRegister::Sre: return kSystemRegisterEnable;
    case IccRegister::Igrpen0: return group0_enabled_ ? 1 : 0;
    case IccRegister::Igrpen1: return group1_enabled_ ? 1 : 0;
    default: return std::nullopt;
  }
}

std::optional<CpuInterface::Written> CpuInterface::write(IccRegister reg,
                                                         std::uint64_t value) noexcept {
  mark_changed();
  switch (reg) {
    case IccRegister::Pmr: priority_mask_ = low_bits(value, kPriorityMask); return Written{};
    case IccRegister::Eoir0:
    case IccRegister::Ap0r0:
    case IccRegister::Asgi1r:
    case IccRegister::Sgi0r:
    case IccRegister::Sre: return Written{};
    case IccRegister::Bpr0:
      binary_point0_ = at_least(low_bits(value, 7), kMinBinaryPoint0);
      return Written{};
    case IccRegister::Bpr1:
      if ((control_ & kCommonBinaryPoint) == 0) {
        binary_point1_ = at_least(low_bits(value, 7), kMinBinaryPoint1);
      }
      return Written{};
    case IccRegister::Ap1r0: {
      const auto priorities = static_cast<std::uint32_t>(value);
      running_priority_ = priorities == 0 ? kIdle : lowest_bit(priorities) << 3;
      return Written{};
    }
    case IccRegister::Dir:
      if ((control_ & kEndModeSplit) == 0) return Written{};
      return deactivate(low_bits(value, 0xff'ffff));
    case IccRegister::Sgi1r: return Written{.sgi = SgiRequest(value)};
    case IccRegister::Eoir1: return end(low_bits(value, 0xff'ffff));
    case IccRegister::Ctlr:
      control_ = low_bits(value, kCommonBinaryPoint | kEndModeSplit);
      return Written{};
    case IccRegister::Igrpen0: group0_enabled_ = (value & 1) != 0; return Written{};
    case IccRegister::Igrpen1: group1_enabled_ = (value & 1) != 0; return Written{};
    default: return std::nullopt;
  }
}

void CpuInterface::describe(StateVisitor& visitor) {
  for (auto& word : pending_) {
    std::uint64_t bits = word.load(std::memory_order_relaxed);
    visitor.field("pending"sv, bits);
    word.store(bits, std::memory_order_relaxed);
  }
  visitor.bytes("active"sv, std::as_writable_bytes(std::span(active_)));
  visitor.value("priority_mask"sv, priority_mask_);
  visitor.value("running_priority"sv, running_priority_);
  visitor.value("control"sv, control_);
  visitor.value("binary_point0"sv, binary_point0_);
  visitor.value("binary_point1"sv, binary_point1_);
  visitor.value("group0_enabled"sv, group0_enabled_);
  visitor.value("group1_enabled"sv, group1_enabled_);
  // A restored state may be anything that these registers can hold.
  binary_point0_ = at_least(binary_point0_ & 7, kMinBinaryPoint0);
  binary_point1_ = at_least(binary_point1_ & 7, kMinBinaryPoint1);
  priority_mask_ &= kPriorityMask;
  running_priority_ &= 0xff;
  mark_changed();
}

}  // namespace axvm::aarch64
