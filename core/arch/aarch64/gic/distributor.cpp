#include <core/arch/aarch64/gic/distributor.hpp>
#include <core/arch/aarch64/gic/identification.hpp>
#include <core/devices/register_words.hpp>
#include <optional>

namespace axvm::aarch64 {
namespace {

constexpr std::uint64_t kCtlr = 0x0;
constexpr std::uint64_t kTyper = 0x4;
constexpr std::uint64_t kIidr = 0x8;
constexpr std::uint64_t kFirstRouter = 0x6000 + 8 * kPrivateCount;
constexpr std::uint64_t kEndOfRouters = 0x6000 + 8 * kIntidCount;

constexpr std::uint32_t kAffinityRouting = 1U << 4;   // GICD_CTLR.ARE, always
constexpr std::uint32_t kOneSecurityState = 1U << 6;  // GICD_CTLR.DS, always
/// GICD_IROUTER<n>: Aff3 and Aff2..Aff0; no routing to any one of several (GICD_TYPER.No1N).
constexpr std::uint64_t kAffinityFields = 0xff'00ff'ffffULL;

/// The interrupt whose route has a half at `offset`.
std::optional<std::uint32_t> routed_at(std::uint64_t offset) {
  if (offset < kFirstRouter || offset >= kEndOfRouters) return std::nullopt;
  return static_cast<std::uint32_t>((offset - 0x6000) / 8);
}

}  // namespace

std::uint32_t Distributor::type() const noexcept {
  constexpr std::uint32_t kLines = (kIntidCount + 4) / 32 - 1;  // ITLinesNumber
  constexpr std::uint32_t kAff3Valid = 1U << 24;
  constexpr std::uint32_t kNo1N = 1U << 25;
  constexpr std::uint32_t kLpis = 1U << 17;
  const std::uint32_t cpus = gic_.vcpu_count() < 8 ? gic_.vcpu_count() - 1 : 7;
  const std::uint32_t intid_bits = gic_.has_lpis() ? kLpiIntidBits : 10;
  return kLines | cpus << 5 | (gic_.has_lpis() ? kLpis : 0) | (intid_bits - 1) << 19 | kAff3Valid |
         kNo1N;
}

std::uint32_t Distributor::read_register(std::uint64_t offset) {
  if (offset == kCtlr) return gic_.groups_enabled() | kAffinityRouting | kOneSecurityState;
  if (offset == kTyper) return type();
  if (offset == kIidr) return kGicImplementer;
  // With affinity routing, private interrupts are the redistributors'.
  if (const auto bank = Gic::bank_of(offset)) return *bank == 0 ? 0 : gic_.read_bank(0, offset);
  if (const auto intid = routed_at(offset)) {
    return static_cast<std::uint32_t>(gic_.route(*intid) >> ((offset & 4) != 0 ? 32 : 0));
  }
  return gic_identification(offset, kSize, 3).value_or(0);
}

void Distributor::write_register(std::uint64_t offset, std::uint32_t value, std::uint32_t mask) {
  if (offset == kCtlr) {
    if ((mask & 3) != 0) gic_.enable_groups(value & 3);
    return;
  }
  if (const auto bank = Gic::bank_of(offset)) {
    if (*bank != 0) gic_.write_bank(0, offset, value, mask);
    return;
  }
  if (const auto intid = routed_at(offset)) {
    const unsigned shift = (offset & 4) != 0 ? 32 : 0;
    const std::uint64_t bits = std::uint64_t{mask} << shift;
    const std::uint64_t written = std::uint64_t{value} << shift;
    gic_.set_route(*intid, ((gic_.route(*intid) & ~bits) | (written & bits)) & kAffinityFields);
  }
}

Result<std::uint64_t> Distributor::read(std::uint64_t offset, AccessWidth width) {
  return read_words(offset, width, [this](std::uint64_t at) { return read_register(at); });
}

Result<> Distributor::write(std::uint64_t offset, AccessWidth width, std::uint64_t value) {
  write_words(offset, width, value, [this](std::uint64_t at, std::uint32_t v, std::uint32_t mask) {
    write_register(at, v, mask);
  });
  return {};
}

}  // namespace axvm::aarch64
