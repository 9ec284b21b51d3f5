#include <core/arch/aarch64/gic/identification.hpp>
#include <core/arch/aarch64/gic/redistributor.hpp>
#include <core/devices/register_words.hpp>

namespace axvm::aarch64 {
namespace {

constexpr std::uint64_t kFrame = 0x1'0000;

// RD_base.
constexpr std::uint64_t kIidr = 0x4;
constexpr std::uint64_t kTyper = 0x8;
constexpr std::uint64_t kTyperHigh = 0xc;
constexpr std::uint64_t kWaker = 0x14;

constexpr std::uint32_t kProcessorSleep = 1U << 1;
constexpr std::uint32_t kChildrenAsleep = 1U << 2;

}  // namespace

/// GICR_TYPER (12.11.35).
std::uint64_t Redistributors::type(unsigned vcpu) const noexcept {
  constexpr std::uint64_t kPhysicalLpis = 1ULL << 0;
  constexpr std::uint64_t kLast = 1ULL << 4;
  const std::uint64_t affinity = gic_.affinity(vcpu);
  const std::uint64_t packed = (affinity & 0xff'ffff) | (affinity >> 32 & 0xff) << 24;
  return packed << 32 | std::uint64_t{vcpu} << 8 | (vcpu + 1 == gic_.vcpu_count() ? kLast : 0) |
         (lpis_ ? kPhysicalLpis : 0);
}

std::uint32_t Redistributors::read_register(std::uint64_t offset) {
  const auto vcpu = static_cast<unsigned>(offset / kStride);
  if (vcpu >= gic_.vcpu_count()) return 0;
  const std::uint64_t at = offset % kFrame;
  if (const auto id = gic_identification(at, kFrame, 3)) return *id;
  if (offset % kStride >= kFrame) {
    return Gic::bank_of(at) == 0U ? gic_.read_bank(vcpu, at) : 0;
  }
  switch (at) {
    case kIidr: return kGicImplementer;
    case kTyper: return static_cast<std::uint32_t>(type(vcpu));
    case kTyperHigh: return static_cast<std::uint32_t>(type(vcpu) >> 32);
    case kWaker: return (awake_ >> vcpu & 1) != 0 ? 0 : kProcessorSleep | kChildrenAsleep;
    default: return lpis_ ? lpis_->read(vcpu, at).value_or(0) : 0;
  }
}

void Redistributors::write_register(std::uint64_t offset, std::uint32_t value, std::uint32_t mask) {
  const auto vcpu = static_cast<unsigned>(offset / kStride);
  if (vcpu >= gic_.vcpu_count()) return;
  const std::uint64_t at = offset % kFrame;
  if (offset % kStride >= kFrame) {
    if (Gic::bank_of(at) == 0U) gic_.write_bank(vcpu, at, value, mask);
    return;
  }
  if (at == kWaker && (mask & kProcessorSleep) != 0) {
    const std::uint64_t bit = std::uint64_t{1} << vcpu;
    awake_ = (value & kProcessorSleep) != 0 ? awake_ & ~bit : awake_ | bit;
  }
  if (lpis_) lpis_->write(vcpu, at, value, mask);
}

Result<std::uint64_t> Redistributors::read(std::uint64_t offset, AccessWidth width) {
  return read_words(offset, width, [this](std::uint64_t at) { return read_register(at); });
}

Result<> Redistributors::write(std::uint64_t offset, AccessWidth width, std::uint64_t value) {
  write_words(offset, width, value, [this](std::uint64_t at, std::uint32_t v, std::uint32_t mask) {
    write_register(at, v, mask);
  });
  return {};
}

void Redistributors::reset() {
  awake_ = 0;
  if (lpis_) lpis_->reset();
}

void Redistributors::describe(StateVisitor& visitor) {
  visitor.value("awake"sv, awake_);
  if (lpis_) lpis_->describe(visitor);
}

}  // namespace axvm::aarch64
