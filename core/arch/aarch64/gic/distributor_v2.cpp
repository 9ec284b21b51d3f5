#include <core/arch/aarch64/gic/distributor_v2.hpp>
#include <core/arch/aarch64/gic/identification.hpp>
#include <core/arch/aarch64/gic/interrupt_bits.hpp>
#include <core/devices/register_words.hpp>

namespace axvm::aarch64 {
namespace {

constexpr std::uint64_t kCtlr = 0x0;
constexpr std::uint64_t kTyper = 0x4;
constexpr std::uint64_t kIidr = 0x8;
constexpr std::uint64_t kPending = 0x200;
constexpr std::uint64_t kClearPending = 0x280;
constexpr std::uint64_t kTargets = 0x800;
constexpr std::uint64_t kSgir = 0xf00;
constexpr std::uint64_t kClearPendingSgi = 0xf10;
constexpr std::uint64_t kSetPendingSgi = 0xf20;
constexpr std::uint64_t kEndOfPendingSgi = 0xf30;

constexpr bool is_within(std::uint64_t offset, std::uint64_t base, std::uint64_t size) {
  return offset >= base && offset - base < size;
}
/// Calls `f` with the place of each byte of a word that is in `mask`, and the byte.
template <class F>
void for_each_byte(std::uint32_t value, std::uint32_t mask, F&& f) {
  for (unsigned i = 0; i < 4; ++i) {
    if (((mask >> (8 * i)) & 0xff) != 0) f(i, static_cast<std::uint8_t>(value >> (8 * i)));
  }
}
/// A word of four bytes, `f(i)` each.
template <class F>
std::uint32_t word_of(F&& f) {
  std::uint32_t word = 0;
  for (unsigned i = 0; i < 4; ++i) word |= std::uint32_t{f(i)} << (8 * i);
  return word;
}

}  // namespace

std::uint8_t DistributorV2::targets(std::uint32_t intid) {
  if (gic_.vcpu_count() == 1) return 0;
  return intid < kPrivateCount ? static_cast<std::uint8_t>(1U << accessor().value)
                               : gic_.targets(intid);
}

std::uint32_t DistributorV2::read_register(std::uint64_t offset) {
  if (offset == kCtlr) return gic_.groups_enabled();
  if (offset == kTyper) {
    constexpr std::uint32_t kLines = (kIntidCount + 4) / 32 - 1;  // ITLinesNumber
    return kLines | (gic_.vcpu_count() - 1) << 5;
  }
  if (offset == kIidr) return kGicImplementer;
  if (Gic::bank_of(offset)) return gic_.read_bank(accessor().value, offset);
  if (is_within(offset, kTargets, kIntidCount)) {
    const auto first = static_cast<std::uint32_t>(offset - kTargets);
    return word_of([&](unsigned i) { return targets(first + i); });
  }
  if (is_within(offset, kClearPendingSgi, kEndOfPendingSgi - kClearPendingSgi)) {
    const auto first = static_cast<std::uint32_t>(offset % kSgiCount);
    return word_of([&](unsigned i) { return gic_.sgi_senders(accessor().value, first + i); });
  }
  return gic_identification(offset, kSize, 2).value_or(0);
}

void DistributorV2::write_register(std::uint64_t offset, std::uint32_t value, std::uint32_t mask) {
  if (offset == kCtlr) {
    if ((mask & 3) != 0) gic_.enable_groups(value & 3);
    return;
  }
  if (offset == kSgir) return send(value & mask);
  // SGIs are made pending by their own registers.
  if (offset == kPending || offset == kClearPending) mask &= ~kSgis;
  if (Gic::bank_of(offset)) return gic_.write_bank(accessor().value, offset, value, mask);
  if (is_within(offset, kTargets + kPrivateCount, kIntidCount - kPrivateCount)) {
    const auto first = static_cast<std::uint32_t>(offset - kTargets);
    return for_each_byte(value, mask,
                         [&](unsigned i, std::uint8_t byte) { gic_.set_targets(first + i, byte); });
  }
  if (!is_within(offset, kClearPendingSgi, kEndOfPendingSgi - kClearPendingSgi)) return;
  const auto first = static_cast<std::uint32_t>(offset % kSgiCount);
  for_each_byte(value, mask, [&](unsigned i, std::uint8_t senders) {
    if (offset < kSetPendingSgi) {
      gic_.remove_sgi_senders(accessor().value, first + i, senders);
    } else {
      gic_.add_sgi_senders(accessor().value, first + i, senders);
    }
  });
}

/// GICD_SGIR (4.3.15): to a list, to all others, to the CPU that writes.
void DistributorV2::send(std::uint32_t value) {
  const auto self = static_cast<std::uint8_t>(1U << accessor().value);
  const std::uint32_t intid = value & 0xf;
  switch ((value >> 24) & 3) {
    case 0: return gic_.send_v2(accessor().value, static_cast<std::uint8_t>(value >> 16), intid);
    case 1: return gic_.send_v2(accessor().value, static_cast<std::uint8_t>(~self), intid);
    case 2: return gic_.send_v2(accessor().value, self, intid);
    default: return;
  }
}

Result<std::uint64_t> DistributorV2::read(std::uint64_t offset, AccessWidth width) {
  return read_words(offset, width, [this](std::uint64_t at) { return read_register(at); });
}

Result<> DistributorV2::write(std::uint64_t offset, AccessWidth width, std::uint64_t value) {
  write_words(offset, width, value, [this](std::uint64_t at, std::uint32_t v, std::uint32_t mask) {
    write_register(at, v, mask);
  });
  return {};
}

}  // namespace axvm::aarch64
