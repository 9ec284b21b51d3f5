#pragma once
// State of the engine that its interface does not give: segments with their hidden parts, the
// current privilege level, what it intercepts. A saved context is a header and the engine's own
// structure (QEMU's CPUX86State up to end_reset_fields); its places are looked up and tried out in
// an engine of their own before they are believed.

#include <unicorn/unicorn.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace axvm::sim::x86_64 {

/// A segment register, or a descriptor table's. `flags` are the descriptor's high word, without
/// base and limit.
struct EngineSegment {
  std::uint32_t selector;
  std::uint32_t unused;
  std::uint64_t base;
  std::uint32_t limit;
  std::uint32_t flags;
};
enum SegmentNumber : std::uint8_t { kEs, kCs, kSs, kDs, kFs, kGs };

/// Which segment an instruction's prefix names; DS when there is none.
constexpr SegmentNumber segment_of_prefix(std::uint8_t prefix) noexcept {
  switch (prefix) {
    case 0x26: return kEs;
    case 0x2e: return kCs;
    case 0x36: return kSs;
    case 0x64: return kFs;
    case 0x65: return kGs;
    default: return kDs;
  }
}

/// The beginning of the structure.
struct EngineHead {
  std::uint64_t gpr[16];
  std::uint64_t rip;
  std::uint64_t eflags;  ///< without the bits of cc_* and DF
  std::uint64_t cc_dst;
  std::uint64_t cc_src;
  std::uint64_t cc_src2;
  std::uint32_t cc_op;
  std::int32_t df;
  std::uint32_t hflags;
  std::uint32_t hflags2;
  EngineSegment segments[6];
  EngineSegment ldt;
  EngineSegment tr;
  EngineSegment gdt;
  EngineSegment idt;
  std::uint64_t cr[9];
  std::int32_t a20_mask;
  std::uint32_t unused;
  std::uint64_t bounds[8];
  std::uint64_t bounds_config[3];
  std::uint64_t efer;
};
/// A part near its end.
struct EngineTail {
  std::int32_t error_code;
  std::int32_t exception_is_int;
  std::uint64_t exception_next_eip;
  std::uint64_t dr[8];
  std::uint64_t breakpoints[4];
  std::int32_t old_exception;
  std::uint32_t unused;
  std::uint64_t vmcb;
  std::uint64_t tsc_offset;
  std::uint64_t intercept;  ///< bit n: exit code 0x60 + n
  std::uint16_t intercept_cr_read;
  std::uint16_t intercept_cr_write;
  std::uint16_t intercept_dr_read;
  std::uint16_t intercept_dr_write;
  std::uint32_t intercept_exceptions;
};

/// Bits of `hflags`: what code is translated for.
namespace hflags {
inline constexpr std::uint32_t kCpl = 3U << 0;
inline constexpr std::uint32_t kInhibitIrq = 1U << 3;  ///< in the shadow of STI or MOV SS
inline constexpr std::uint32_t kCs32 = 1U << 4;
inline constexpr std::uint32_t kSs32 = 1U << 5;
inline constexpr std::uint32_t kAddSegment = 1U << 6;
inline constexpr std::uint32_t kPe = 1U << 7;
inline constexpr std::uint32_t kLma = 1U << 14;
inline constexpr std::uint32_t kCs64 = 1U << 15;
inline constexpr std::uint32_t kGuest = 1U << 21;  ///< intercepts count
inline constexpr std::uint32_t kOsfxsr = 1U << 22;
inline constexpr std::uint32_t kSmap = 1U << 23;
}  // namespace hflags

/// MSRs that the engine uses by itself.
enum class EngineMsr : std::uint8_t {
  SysenterCs,
  SysenterEsp,
  SysenterEip,
  Star,
  Lstar,
  Cstar,
  Fmask,
  KernelGsBase,
  TscAux,
};
inline constexpr std::size_t kEngineMsrs = 9;

/// RFLAGS put into the engine's parts.
void set_rflags(EngineHead& head, std::uint64_t rflags) noexcept;
/// The `hflags` that belong to the rest: CR0, CR4, EFER, segments, RFLAGS. `cpl` is the guest's;
/// the interrupt shadow stays as it is.
[[nodiscard]] std::uint32_t hidden_flags(const EngineHead& head, unsigned cpl) noexcept;

class EngineContext {
 public:
  /// Nothing when this version of the engine keeps its state in ways that were not found out.
  static std::optional<EngineContext> of(uc_engine* engine);

  void save() { uc_context_save(engine_, context_.get()); }
  void restore() { uc_context_restore(engine_, context_.get()); }
  /// As saved last.
  [[nodiscard]] EngineHead& head() noexcept { return *at<EngineHead>(kHeader); }
  [[nodiscard]] EngineTail& tail() noexcept;
  [[nodiscard]] std::uint64_t msr(EngineMsr msr) const noexcept;
  void set_msr(EngineMsr msr, std::uint64_t value) noexcept;

 private:
  static constexpr std::size_t kHeader = 40;
  struct Free {
    void operator()(uc_context* context) const noexcept { uc_context_free(context); }
  };
  EngineContext(uc_engine* engine, uc_context* context) noexcept
      : engine_(engine), context_(context) {}
  template <class T>
  [[nodiscard]] T* at(std::size_t place) const noexcept {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): a structure that is not ours
    return reinterpret_cast<T*>(reinterpret_cast<std::byte*>(context_.get()) + place);
  }

  uc_engine* engine_;
  std::unique_ptr<uc_context, Free> context_;
};

}  // namespace axvm::sim::x86_64
