#include <core/arch/aarch64/gic/lpi_registers.hpp>
#include <core/smaller.hpp>
#include <span>

namespace axvm::aarch64 {
namespace {

constexpr std::uint64_t kCtlr = 0x0;
constexpr std::uint64_t kConfigurationBase = 0x70;
constexpr std::uint64_t kPendingBase = 0x78;

constexpr std::uint32_t kEnableLpis = 1U << 0;
constexpr std::uint32_t kCanBeDisabled = 1U << 1;  // GICR_CTLR.CES

/// GICR_PROPBASER: OuterCache, Physical_Address, Shareability, InnerCache, IDbits.
constexpr std::uint64_t kConfigurationBaseFields = 0x070f'ffff'ffff'ff9f;
constexpr std::uint64_t kConfigurationAddress = 0x000f'ffff'ffff'f000;
constexpr std::uint64_t kIdBits = 0x1f;
/// GICR_PENDBASER: PTZ, OuterCache, Physical_Address, Shareability, InnerCache.
constexpr std::uint64_t kPendingBaseFields = 0x470f'ffff'ffff'0f80;
constexpr std::uint64_t kPendingAddress = 0x000f'ffff'ffff'0000;
constexpr std::uint64_t kPendingTableIsZero = 1ULL << 62;  // reads as zero

constexpr std::uint64_t kPendingOfLpis = kFirstLpi / 8;  // bytes before them
constexpr std::size_t kChunk = 512;

void assign(std::uint64_t& reg, std::uint64_t offset, std::uint32_t value, std::uint32_t mask,
            std::uint64_t fields) {
  const unsigned shift = (offset & 4) != 0 ? 32 : 0;
  const std::uint64_t bits = (std::uint64_t{mask} << shift) & fields;
  reg = (reg & ~bits) | ((std::uint64_t{value} << shift) & bits);
}

}  // namespace

std::uint32_t LpiRegisters::end_of_tables() const noexcept {
  const std::uint64_t bits = (configuration_base_ & kIdBits) + 1;
  return bits < kLpiIntidBits ? 0 : kEndOfLpis;
}

std::optional<std::uint32_t> LpiRegisters::read(unsigned vcpu, std::uint64_t offset) noexcept {
  const unsigned shift = (offset & 4) != 0 ? 32 : 0;
  if (offset == kCtlr) return kCanBeDisabled | (gic_.are_lpis_enabled(vcpu) ? kEnableLpis : 0);
  switch (offset & ~std::uint64_t{4}) {
    case kConfigurationBase: return static_cast<std::uint32_t>(configuration_base_ >> shift);
    case kPendingBase:
      return static_cast<std::uint32_t>((pending_bases_[vcpu] & ~kPendingTableIsZero) >> shift);
    default: return std::nullopt;
  }
}

void LpiRegisters::write(unsigned vcpu, std::uint64_t offset, std::uint32_t value,
                         std::uint32_t mask) {
  if (offset == kCtlr) {
    if ((mask & kEnableLpis) == 0) return;
    const bool wanted = (value & kEnableLpis) != 0;
    if (wanted == gic_.are_lpis_enabled(vcpu)) return;
    return wanted ? enable(vcpu) : disable(vcpu);
  }
  switch (offset & ~std::uint64_t{4}) {
    case kConfigurationBase:
      if (gic_.are_lpis_enabled()) return;
      return assign(configuration_base_, offset, value, mask, kConfigurationBaseFields);
    case kPendingBase:
      if (gic_.are_lpis_enabled(vcpu)) return;
      return assign(pending_bases_[vcpu], offset, value, mask, kPendingBaseFields);
    default: return;
  }
}

// --- tables --------------------------------------------------------------------------------------

void LpiRegisters::enable(unsigned vcpu) {
  reload_all();
  LpiBits pending{};
  const std::uint64_t base = pending_bases_[vcpu];
  if ((base & kPendingTableIsZero) == 0 && end_of_tables() != 0) {
    const GuestPhysAddr table((base & kPendingAddress) + kPendingOfLpis);
    if (!host_.read_memory(table, std::as_writable_bytes(std::span(pending)))) pending = {};
  }
  gic_.enable_lpis(vcpu, pending);
}

void LpiRegisters::disable(unsigned vcpu) {
  const LpiBits pending = gic_.disable_lpis(vcpu);
  if (end_of_tables() == 0) return;
  const GuestPhysAddr table((pending_bases_[vcpu] & kPendingAddress) + kPendingOfLpis);
  // Where there is no table, nobody will look for it.
  [[maybe_unused]] const auto written =
      host_.write_memory(table, std::as_bytes(std::span(pending)));
}

void LpiRegisters::reload(std::uint32_t intid) {
  std::uint8_t configuration = 0;
  const GuestPhysAddr at((configuration_base_ & kConfigurationAddress) + (intid - kFirstLpi));
  if (intid >= end_of_tables() ||
      !host_.read_memory(at, std::as_writable_bytes(std::span(&configuration, 1)))) {
    configuration = 0;
  }
  gic_.configure_lpis(intid, std::span(&configuration, 1));
}

void LpiRegisters::reload_all() {
  std::array<std::uint8_t, kChunk> chunk{};
  for (std::uint32_t intid = kFirstLpi; intid < kEndOfLpis; intid += kChunk) {
    const GuestPhysAddr at((configuration_base_ & kConfigurationAddress) + (intid - kFirstLpi));
    if (intid >= end_of_tables() ||
        !host_.read_memory(at, std::as_writable_bytes(std::span(chunk)))) {
      chunk.fill(0);
    }
    gic_.configure_lpis(intid, chunk);
  }
}

// --- state ---------------------------------------------------------------------------------------

void LpiRegisters::reset() noexcept {
  configuration_base_ = 0;
  pending_bases_ = {};
}

void LpiRegisters::describe(StateVisitor& visitor) {
  visitor.field("propbaser"sv, configuration_base_);
  configuration_base_ &= kConfigurationBaseFields;
  for (unsigned i = 0; i < gic_.vcpu_count(); ++i) {
    visitor.field("pendbaser"sv, pending_bases_[i]);
    pending_bases_[i] &= kPendingBaseFields;
  }
}

}  // namespace axvm::aarch64
