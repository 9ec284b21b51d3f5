#include <core/arch/aarch64/gic/identification.hpp>
#include <core/arch/aarch64/gic/its.hpp>
#include <core/devices/register_words.hpp>

namespace axvm::aarch64 {
namespace {

constexpr std::uint64_t kFrame = 0x1'0000;
constexpr std::uint64_t kCtlr = 0x0;
constexpr std::uint64_t kIidr = 0x4;
constexpr std::uint64_t kTyper = 0x8;
constexpr std::uint64_t kCbaser = 0x80;
constexpr std::uint64_t kCwriter = 0x88;
constexpr std::uint64_t kCreader = 0x90;
constexpr std::uint64_t kBaser0 = 0x100;
constexpr std::uint64_t kBaser1 = 0x108;

constexpr std::uint32_t kEnabled = 1U << 0;
constexpr std::uint32_t kQuiescent = 1U << 31;

/// GITS_TYPER (12.19): physical LPIs, entries of 8 bytes for events, targets by processor number
/// (PTA 0), 16 bits of collection (CIL 0), all collections in memory (HCC 0).
constexpr std::uint64_t kType =
    1U << 0 | (kItsEntrySize - 1) << 4 | (kItsEventBits - 1) << 8 | (kItsDeviceBits - 1) << 13;

/// Between two polls for what an access has left over, in nanoseconds.
constexpr std::uint64_t kPause = 1000;

constexpr unsigned shift_of(std::uint64_t offset) { return (offset & 4) != 0 ? 32 : 0; }
constexpr std::uint64_t whole(std::uint64_t offset) { return offset & ~std::uint64_t{4}; }

}  // namespace

Its::Its(std::string_view name, BusRange range, Gic& gic, LpiRegisters& lpis,
         DeviceHost& host) noexcept
    : Device(name, range, IsInterruptController::Yes),
      gic_(gic),
      lpis_(lpis),
      host_(host),
      map_(host, gic.vcpu_count()) {}

// --- registers -----------------------------------------------------------------------------------

ItsTable* Its::table_at(std::uint64_t offset) noexcept {
  switch (whole(offset)) {
    case kBaser0: return &map_.devices();
    case kBaser1: return &map_.collections();
    default: return nullptr;
  }
}

std::uint32_t Its::read_register(std::uint64_t offset) noexcept {
  if (offset >= kFrame) return 0;  // GITS_TRANSLATER is write-only
  if (const auto id = gic_identification(offset, kFrame, 3)) return *id;
  if (offset == kCtlr) return enabled_ ? kEnabled : kQuiescent;
  if (offset == kIidr) return kGicImplementer;
  const unsigned shift = shift_of(offset);
  if (const ItsTable* table = table_at(offset)) {
    return static_cast<std::uint32_t>(table->base() >> shift);
  }
  switch (whole(offset)) {
    case kTyper: return static_cast<std::uint32_t>(kType >> shift);
    case kCbaser: return static_cast<std::uint32_t>(queue_.base() >> shift);
    case kCwriter: return static_cast<std::uint32_t>(queue_.writer() >> shift);
    case kCreader: return static_cast<std::uint32_t>(queue_.reader() >> shift);
    default: return 0;
  }
}

void Its::write_register(std::uint64_t offset, std::uint32_t value, std::uint32_t mask) {
  if (offset >= kFrame) return;
  const unsigned shift = shift_of(offset);
  const auto merged = [&](std::uint64_t reg) {
    const std::uint64_t bits = std::uint64_t{mask} << shift;
    return (reg & ~bits) | ((std::uint64_t{value} << shift) & bits);
  };
  if (offset == kCtlr) {
    if ((mask & kEnabled) != 0) enabled_ = (value & kEnabled) != 0;
  } else if (whole(offset) == kCwriter) {
    queue_.set_writer(merged(queue_.writer()));
  } else if (enabled_) {
    return;  // where tables and queue are must not change now (12.19)
  } else if (ItsTable* table = table_at(offset)) {
    table->set_base(merged(table->base()));
  } else if (whole(offset) == kCbaser) {
    queue_.set_base(merged(queue_.base()));
  }
}

Result<std::uint64_t> Its::read(std::uint64_t offset, AccessWidth width) {
  return read_words(offset, width, [this](std::uint64_t at) { return read_register(at); });
}

Result<> Its::write(std::uint64_t offset, AccessWidth width, std::uint64_t value) {
  write_words(offset, width, value, [this](std::uint64_t at, std::uint32_t v, std::uint32_t mask) {
    write_register(at, v, mask);
  });
  work();
  return {};
}

std::optional<std::uint64_t> Its::deadline() {
  if (!enabled_ || !queue_.has_work()) return std::nullopt;
  return left_over_since_ + kPause;
}

// --- state ---------------------------------------------------------------------------------------

void Its::reset() {
  enabled_ = false;
  queue_.reset();
  map_.reset();
  left_over_since_ = 0;
}

void Its::describe(StateVisitor& visitor) {
  std::uint64_t enabled = enabled_ ? 1 : 0;
  visitor.field("enabled"sv, enabled);
  enabled_ = enabled != 0;
  queue_.describe(visitor);
  map_.describe(visitor);
  visitor.field("left_over_since"sv, left_over_since_);
}

}  // namespace axvm::aarch64
