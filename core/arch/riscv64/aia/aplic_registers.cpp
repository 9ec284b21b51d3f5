// Where an APLIC's registers are ("Memory-mapped control region for an interrupt domain", 4.5).

#include <core/arch/riscv64/aia/aplic.hpp>
#include <core/arch/riscv64/aia/source_bits.hpp>
#include <core/arch/riscv64/word_access.hpp>
#include <core/lowest_bit.hpp>

namespace axvm::riscv64 {
namespace {

constexpr std::uint64_t kDomaincfg = 0x0000;
constexpr std::uint64_t kSourcecfgEnd = 0x1000;  // sourcecfg[n] at 4n
constexpr std::uint64_t kSetip = 0x1c00;
constexpr std::uint64_t kSetipnum = 0x1cdc;
constexpr std::uint64_t kInClrip = 0x1d00;
constexpr std::uint64_t kClripnum = 0x1ddc;
constexpr std::uint64_t kSetie = 0x1e00;
constexpr std::uint64_t kSetienum = 0x1edc;
constexpr std::uint64_t kClrie = 0x1f00;
constexpr std::uint64_t kClrienum = 0x1fdc;
constexpr std::uint64_t kSetipnumLe = 0x2000;
constexpr std::uint64_t kSetipnumBe = 0x2004;
constexpr std::uint64_t kGenmsi = 0x3000;
constexpr std::uint64_t kTargets = 0x3000;  // target[n] at 4n from here
/// Bytes of a bit per source.
constexpr std::uint64_t kBitsSize = 0x80;

// domaincfg.
constexpr std::uint32_t kDomaincfgFixed = 0x8000'0000;
constexpr std::uint32_t kInterruptEnable = 1U << 8;
constexpr std::uint32_t kDeliveryMode = 1U << 2;

// Of an interrupt delivery control structure (4.8.1).
constexpr std::uint64_t kIdelivery = 0x00;
constexpr std::uint64_t kIforce = 0x04;
constexpr std::uint64_t kIthreshold = 0x08;
constexpr std::uint64_t kTopi = 0x18;
constexpr std::uint64_t kClaimi = 0x1c;

constexpr bool lies_in(std::uint64_t offset, std::uint64_t begin) noexcept {
  return offset >= begin && offset < begin + kBitsSize;
}
constexpr unsigned word_of(std::uint64_t offset) noexcept {
  return static_cast<unsigned>(offset % kBitsSize / 4);
}

/// `f(source)` for each bit of the word at `offset`.
template <class F>
void for_each_source(std::uint64_t offset, std::uint32_t bits, const F& f) {
  for (; bits != 0; bits &= bits - 1) f(word_of(offset) * 32 + lowest_bit(bits));
}

}  // namespace

std::uint32_t Aplic::inputs(unsigned word) const noexcept {
  std::uint32_t asserted = 0;
  for (unsigned bit = 0; bit < 32; ++bit) {
    if (is_asserted(word * 32 + bit)) asserted |= 1U << bit;
  }
  return asserted;
}

bool Aplic::is_claim(std::uint64_t offset) noexcept {
  return offset >= kIdcs && offset % kIdcStride == kClaimi;
}

std::uint32_t Aplic::read(std::uint64_t offset) noexcept {
  if (offset >= kIdcs) {
    const std::uint64_t hart = (offset - kIdcs) / kIdcStride;
    if (sends_messages() || hart >= idcs_.size()) return 0;
    return read_idc(static_cast<unsigned>(hart), offset % kIdcStride);
  }
  if (offset == kDomaincfg) {
    return kDomaincfgFixed | (enabled_domain_ ? kInterruptEnable : 0) |
           (sends_messages() ? kDeliveryMode : 0);
  }
  if (offset < kSourcecfgEnd) return static_cast<std::uint32_t>(modes_[offset / 4]);
  if (lies_in(offset, kSetip)) return pending_[word_of(offset)];
  if (lies_in(offset, kInClrip)) return inputs(word_of(offset));
  if (lies_in(offset, kSetie)) return enabled_[word_of(offset)];
  if (offset == kGenmsi) return genmsi_;
  if (offset > kTargets) return targets_[(offset - kTargets) / 4];
  return 0;
}

void Aplic::write(std::uint64_t offset, std::uint32_t value) noexcept {
  if (offset >= kIdcs) {
    const std::uint64_t hart = (offset - kIdcs) / kIdcStride;
    if (sends_messages() || hart >= idcs_.size()) return;
    return write_idc(static_cast<unsigned>(hart), offset % kIdcStride, value);
  }
  const auto source = static_cast<std::uint32_t>(offset % 0x1000 / 4);
  if (offset == kDomaincfg) {
    enabled_domain_ = (value & kInterruptEnable) != 0;
    forward_all();
  } else if (offset < kSourcecfgEnd) {
    configure(source, value);
  } else if (offset == kGenmsi) {
    generate(value);
  } else if (offset > kTargets) {
    set_target(source, value);
  } else if (lies_in(offset, kSetip)) {
    for_each_source(offset, value, [this](std::uint32_t n) { set_pending(n); });
  } else if (lies_in(offset, kInClrip)) {
    for_each_source(offset, value, [this](std::uint32_t n) { clear_pending(n); });
  } else if (lies_in(offset, kSetie)) {
    for_each_source(offset, value, [this](std::uint32_t n) { enable(n); });
  } else if (lies_in(offset, kClrie)) {
    for_each_source(offset, value, [this](std::uint32_t n) { disable(n); });
  } else {
    switch (offset) {
      case kSetipnum:
      case kSetipnumLe: return set_pending(value);
      case kSetipnumBe: return set_pending(reverse_bytes(value));
      case kClripnum: return clear_pending(value);
      case kSetienum: return enable(value);
      case kClrienum: return disable(value);
      default: return;
    }
  }
}

std::uint32_t Aplic::read_idc(unsigned hart, std::uint64_t offset) noexcept {
  const Idc& idc = idcs_[hart];
  switch (offset) {
    case kIdelivery: return idc.delivers ? 1 : 0;
    case kIforce: return idc.forces ? 1 : 0;
    case kIthreshold: return idc.threshold;
    case kTopi: return top(hart);
    case kClaimi: return claim(hart);
    default: return 0;
  }
}

void Aplic::write_idc(unsigned hart, std::uint64_t offset, std::uint32_t value) noexcept {
  Idc& idc = idcs_[hart];
  switch (offset) {
    case kIdelivery: idc.delivers = (value & 1) != 0; return;
    case kIforce: idc.forces = (value & 1) != 0; return;
    case kIthreshold: idc.threshold = static_cast<std::uint8_t>(value); return;
    default: return;
  }
}

}  // namespace axvm::riscv64
