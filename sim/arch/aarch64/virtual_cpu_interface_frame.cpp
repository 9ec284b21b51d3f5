// The registers of a GICv2's CPU interface in memory, over the same state as ICV_* (IHI
// 0069, 12.15; IHI 0048B, 5.5.3): names, bits and numbers of their own.

#include <sim/arch/aarch64/virtual_cpu_interface.hpp>

namespace axvm::sim::aarch64 {
namespace {

constexpr std::uint64_t kCtlr = 0x0;
constexpr std::uint64_t kPmr = 0x4;
constexpr std::uint64_t kBpr = 0x8;
constexpr std::uint64_t kIar = 0xc;
constexpr std::uint64_t kEoir = 0x10;
constexpr std::uint64_t kRpr = 0x14;
constexpr std::uint64_t kHppir = 0x18;
constexpr std::uint64_t kAbpr = 0x1c;
constexpr std::uint64_t kAiar = 0x20;
constexpr std::uint64_t kAeoir = 0x24;
constexpr std::uint64_t kAhppir = 0x28;
constexpr std::uint64_t kApr0 = 0xd0;
constexpr std::uint64_t kIidr = 0xfc;
constexpr std::uint64_t kDir = 0x1000;

/// EnableGrp0, EnableGrp1, AckCtl, FIQEn, CBPR and EOImode are where ICH_VMCR_EL2 has them.
constexpr std::uint64_t kControls = 0x21f;
constexpr std::uint64_t kAckCtl = 1U << 2;
constexpr std::uint64_t kEoiMode = 1U << 9;
constexpr unsigned kAbprShift = 18;
constexpr unsigned kBprShift = 21;
constexpr unsigned kPmrShift = 24;
constexpr std::uint32_t kPriorityMask = 0xf8;
/// Arm; a GICv3 whose interface is in memory, too.
constexpr std::uint32_t kIdentification = 0x0003'043b;

constexpr std::uint32_t kIntid = 0x3ff;
constexpr std::uint32_t kSgis = 16;
/// An SGI is told from its likes by bits 12:10, which say whose it is.
constexpr std::uint32_t kWithCpu = 0x1fff;

constexpr std::uint32_t named_by(std::uint32_t value) {
  return (value & kIntid) < kSgis ? value & kWithCpu : value & kIntid;
}

}  // namespace

std::optional<std::uint32_t> VirtualCpuInterface::hidden_as(unsigned lr,
                                                            bool alias) const noexcept {
  if (lr == kNone) return kSpurious;
  const bool group1 = (lr_[lr] >> 60 & 1) != 0;
  if (alias) return group1 ? std::nullopt : std::optional(kSpurious);
  return group1 && (vmcr_ & kAckCtl) == 0 ? std::optional(kOtherGroup) : std::nullopt;
}

std::uint32_t VirtualCpuInterface::read_frame(std::uint64_t offset) noexcept {
  if (has_system_registers()) return 0;
  const unsigned lr = highest_pending();
  switch (offset) {
    case kCtlr: return static_cast<std::uint32_t>(vmcr_ & kControls);
    case kPmr: return static_cast<std::uint32_t>(vmcr_ >> kPmrShift) & 0xff;
    case kBpr: return static_cast<std::uint32_t>(vmcr_ >> kBprShift) & 7;
    case kAbpr: return static_cast<std::uint32_t>(vmcr_ >> kAbprShift) & 7;
    case kIar:
    case kAiar: {
      if (!is_enabled() || lr == kNone || !can_preempt(lr)) return kSpurious;
      if (const auto instead = hidden_as(lr, offset == kAiar)) return *instead;
      const std::uint32_t intid = take(lr) & kWithCpu;
      update();
      return intid;
    }
    case kHppir:
    case kAhppir: {
      const auto instead = hidden_as(lr, offset == kAhppir);
      return instead ? *instead : static_cast<std::uint32_t>(lr_[lr]) & kWithCpu;
    }
    case kRpr: return running_priority();
    case kApr0: return active_[1];
    case kIidr: return kIdentification;
    default: return 0;
  }
}

VirtualCpuInterface::Written VirtualCpuInterface::write_frame(std::uint64_t offset,
                                                              std::uint32_t value) noexcept {
  Written written{.taken = true};
  if (has_system_registers()) return written;
  const auto assign = [this](std::uint64_t bits, std::uint64_t to) {
    vmcr_ = (vmcr_ & ~bits) | (to & bits);
  };
  const std::uint32_t intid = named_by(value);
  switch (offset) {
    case kCtlr: assign(kControls, value); break;
    case kPmr:
      assign(0xffULL << kPmrShift, std::uint64_t{value & kPriorityMask} << kPmrShift);
      break;
    case kBpr: set_binary_point(0, value); break;
    case kAbpr: set_binary_point(1, value); break;
    // Which of the two a driver has to use depends on AckCtl, and so does who uses the wrong one.
    case kEoir:
    case kAeoir:
      if ((intid & kIntid) < 1020) written = end(1, intid);
      break;
    case kDir:
      if ((vmcr_ & kEoiMode) != 0 && (intid & kIntid) < 1020) written = deactivate(intid);
      break;
    case kApr0: active_[1] = value; break;
    default: break;
  }
  update();
  return written;
}

}  // namespace axvm::sim::aarch64
