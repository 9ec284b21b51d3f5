#pragma once
// The virtual machine control block as the processor reads and writes it (APM Vol. 2, appendix B).

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <sim/arch/x86_64/exit_code.hpp>
#include <sim/bits.hpp>

namespace axvm::sim::x86_64 {

/// Where fields are, in bytes: of the control area, and of the state save area behind it.
namespace vmcb {
inline constexpr unsigned kCrIntercepts = 0x000;  ///< reads, and writes in bits 31:16
inline constexpr unsigned kDrIntercepts = 0x004;
inline constexpr unsigned kExceptionIntercepts = 0x008;
inline constexpr unsigned kIntercepts = 0x00c;     ///< bit n: exit code 0x60 + n
inline constexpr unsigned kSvmIntercepts = 0x010;  ///< bit n: exit code 0x80 + n
inline constexpr unsigned kIopmBase = 0x040;
inline constexpr unsigned kMsrpmBase = 0x048;
inline constexpr unsigned kTscOffset = 0x050;
inline constexpr unsigned kAsid = 0x058;
inline constexpr unsigned kTlbControl = 0x05c;
inline constexpr unsigned kVirtualInterrupt = 0x060;
inline constexpr unsigned kInterruptShadow = 0x068;
inline constexpr unsigned kExitCode = 0x070;
inline constexpr unsigned kExitInfo1 = 0x078;
inline constexpr unsigned kExitInfo2 = 0x080;
inline constexpr unsigned kExitIntInfo = 0x088;
inline constexpr unsigned kNestedControl = 0x090;  ///< bit 0: NP_ENABLE
inline constexpr unsigned kEventInjection = 0x0a8;
inline constexpr unsigned kNestedCr3 = 0x0b0;
inline constexpr unsigned kNextRip = 0x0c8;

inline constexpr unsigned kSave = 0x400;
inline constexpr unsigned kEs = kSave + 0x000;  ///< CS, SS, DS, FS, GS follow, 16 bytes each
inline constexpr unsigned kFs = kSave + 0x040;
inline constexpr unsigned kGdtr = kSave + 0x060;
inline constexpr unsigned kLdtr = kSave + 0x070;
inline constexpr unsigned kIdtr = kSave + 0x080;
inline constexpr unsigned kTr = kSave + 0x090;
inline constexpr unsigned kCpl = kSave + 0x0cb;
inline constexpr unsigned kEfer = kSave + 0x0d0;
inline constexpr unsigned kCr4 = kSave + 0x148;
inline constexpr unsigned kCr3 = kSave + 0x150;
inline constexpr unsigned kCr0 = kSave + 0x158;
inline constexpr unsigned kDr7 = kSave + 0x160;
inline constexpr unsigned kDr6 = kSave + 0x168;
inline constexpr unsigned kRflags = kSave + 0x170;
inline constexpr unsigned kRip = kSave + 0x178;
inline constexpr unsigned kRsp = kSave + 0x1d8;
inline constexpr unsigned kRax = kSave + 0x1f8;
inline constexpr unsigned kStar = kSave + 0x200;
inline constexpr unsigned kLstar = kSave + 0x208;
inline constexpr unsigned kCstar = kSave + 0x210;
inline constexpr unsigned kSfmask = kSave + 0x218;
inline constexpr unsigned kKernelGsBase = kSave + 0x220;
inline constexpr unsigned kSysenterCs = kSave + 0x228;
inline constexpr unsigned kSysenterEsp = kSave + 0x230;
inline constexpr unsigned kSysenterEip = kSave + 0x238;
inline constexpr unsigned kCr2 = kSave + 0x240;
inline constexpr unsigned kPat = kSave + 0x268;
}  // namespace vmcb

/// A segment as the save area has it: attributes are bits 55:52 and 47:40 of a descriptor.
struct VmcbSegment {
  std::uint16_t selector = 0;
  std::uint16_t attributes = 0;
  std::uint32_t limit = 0;
  std::uint64_t base = 0;

  friend bool operator==(const VmcbSegment&, const VmcbSegment&) = default;
};
static_assert(sizeof(VmcbSegment) == 16);

/// One in memory, a frame of its own.
class Vmcb {
 public:
  explicit Vmcb(std::uint8_t* frame) noexcept : frame_(frame) {}

  template <class T = std::uint64_t>
  [[nodiscard]] T read(unsigned offset) const noexcept {
    T value{};
    std::memcpy(&value, frame_ + offset, sizeof value);
    return value;
  }
  template <class T>
  void write(unsigned offset, T value) noexcept {
    std::memcpy(frame_ + offset, &value, sizeof value);
  }

 private:
  std::uint8_t* frame_;
};

/// EVENTINJ and EXITINTINFO (15.20): an event to take, or that was being taken.
struct Event {
  enum class Type : std::uint8_t { Interrupt = 0, Nmi = 2, Exception = 3, Software = 4 };

  Type type = Type::Exception;
  std::uint8_t vector = 0;
  bool has_error = false;
  std::uint32_t error = 0;

  [[nodiscard]] constexpr std::uint64_t encoded() const noexcept {
    return std::uint64_t{error} << 32 | 1ULL << 31 | (has_error ? 1ULL << 11 : 0) |
           std::uint64_t{static_cast<std::uint8_t>(type)} << 8 | vector;
  }
};

/// The control area as VMRUN has read it.
struct Controls {
  std::uint32_t cr_intercepts = 0;
  std::uint32_t dr_intercepts = 0;
  std::uint32_t exception_intercepts = 0;
  std::uint32_t intercepts = 0;
  std::uint32_t svm_intercepts = 0;
  std::uint64_t iopm = 0;
  std::uint64_t msrpm = 0;
  std::uint64_t tsc_offset = 0;
  std::uint32_t asid = 0;
  std::uint8_t tlb_control = 0;
  bool nested = false;
  std::uint64_t nested_cr3 = 0;

  Controls() = default;
  explicit Controls(const Vmcb& v) noexcept
      : cr_intercepts(v.read<std::uint32_t>(vmcb::kCrIntercepts)),
        dr_intercepts(v.read<std::uint32_t>(vmcb::kDrIntercepts)),
        exception_intercepts(v.read<std::uint32_t>(vmcb::kExceptionIntercepts)),
        intercepts(v.read<std::uint32_t>(vmcb::kIntercepts)),
        svm_intercepts(v.read<std::uint32_t>(vmcb::kSvmIntercepts)),
        iopm(v.read(vmcb::kIopmBase) & 0x000f'ffff'ffff'f000),
        msrpm(v.read(vmcb::kMsrpmBase) & 0x000f'ffff'ffff'f000),
        tsc_offset(v.read(vmcb::kTscOffset)),
        asid(v.read<std::uint32_t>(vmcb::kAsid)),
        tlb_control(v.read<std::uint8_t>(vmcb::kTlbControl)),
        nested((v.read(vmcb::kNestedControl) & 1) != 0),
        nested_cr3(v.read(vmcb::kNestedCr3)) {}

  /// Whether the guest is left for this, bitmaps of ports and MSRs aside.
  [[nodiscard]] constexpr bool wants(ExitCode exit) const noexcept {
    const auto code = static_cast<unsigned>(exit);
    // Reads and writes of control registers are beside each other, as are those of DRs.
    if (code < 0x20) return bit(cr_intercepts, code);
    if (code < 0x40) return bit(dr_intercepts, code - 0x20);
    if (code < 0x60) return bit(exception_intercepts, code - 0x40);
    if (code < 0x80) return bit(intercepts, code - 0x60);
    return code < 0xa0 && bit(svm_intercepts, code - 0x80);
  }
};

}  // namespace axvm::sim::x86_64
