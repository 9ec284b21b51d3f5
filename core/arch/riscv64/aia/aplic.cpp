#include <core/arch/riscv64/aia/aplic.hpp>
#include <core/arch/riscv64/aia/source_bits.hpp>
#include <core/lowest_bit.hpp>
#include <span>

namespace axvm::riscv64 {
namespace {

// Fields of target and genmsi (AIA, 4.5.15 and 4.5.16).
constexpr unsigned kHartShift = 18;
constexpr std::uint32_t kHart = 0xffff'ffffU << kHartShift;
constexpr std::uint32_t kPriority = 0xff;
constexpr std::uint32_t kIdentity = 0x7ff;
/// sourcecfg.D: to a child domain, of which there is none.
constexpr std::uint32_t kDelegate = 1U << 10;

/// Whether sourcecfg.SM may be that.
constexpr bool is_mode(std::uint32_t value) noexcept {
  return value < 8 && value != 2 && value != 3;
}

}  // namespace

Result<Box<Aplic>> Aplic::try_make(Allocator allocator, std::size_t harts,
                                   Array<InterruptFile>& files) {
  auto idcs = Array<Idc>::try_make(allocator, harts);
  if (!idcs) return std::unexpected(idcs.error());
  while (!idcs->full()) idcs->emplace_back();
  return Box<Aplic>::try_make(allocator, std::move(*idcs), files);
}

void Aplic::reset() noexcept {
  enabled_domain_ = false;
  modes_ = {};
  targets_ = {};
  genmsi_ = 0;
  wires_ = pending_ = pulsed_ = enabled_ = {};
  for (Idc& idc : idcs_) idc = {};
}

// --- sources -------------------------------------------------------------------------------------

bool Aplic::is_asserted(std::uint32_t source) const noexcept {
  const bool high = has_source(wires_, source);
  switch (modes_[source]) {
    case Mode::Edge1:
    case Mode::Level1: return high;
    case Mode::Edge0:
    case Mode::Level0: return !high;
    case Mode::Inactive:
    case Mode::Detached: break;
  }
  return false;
}

bool Aplic::set_wire(std::uint32_t source, bool high) noexcept {
  if (!exists(source) || has_source(wires_, source) == high) return false;
  put_source(wires_, source, high);
  if (is_asserted(source)) {
    put_source(pending_, source, true);
    forward(source);
  } else if (is_level(source)) {
    put_source(pending_, source, has_source(pulsed_, source));
  }
  return true;
}

void Aplic::pulse_wire(std::uint32_t source) noexcept {
  if (!exists(source)) return;
  if (is_level(source)) {
    put_source(pulsed_, source, true);
    put_source(pending_, source, true);
    return forward(source);
  }
  const bool high = has_source(wires_, source);
  set_wire(source, !high);
  set_wire(source, high);
}

// "Precise effects on interrupt-pending bits" (4.7): a level is pending while it is asserted, and
// what the guest writes matters only where it has been sent as a message.
void Aplic::set_pending(std::uint32_t source) noexcept {
  if (!is_active(source)) return;
  if (is_level(source) && (!sends_messages() || !is_asserted(source))) return;
  put_source(pending_, source, true);
  forward(source);
}

void Aplic::clear_pending(std::uint32_t source) noexcept {
  if (!is_active(source) || (is_level(source) && !sends_messages())) return;
  put_source(pending_, source, false);
  put_source(pulsed_, source, false);
}

void Aplic::enable(std::uint32_t source) noexcept {
  if (!is_active(source)) return;
  put_source(enabled_, source, true);
  forward(source);
}

void Aplic::disable(std::uint32_t source) noexcept {
  if (exists(source)) put_source(enabled_, source, false);
}

void Aplic::configure(std::uint32_t source, std::uint32_t value) noexcept {
  if (!exists(source)) return;
  const std::uint32_t mode = value & 7;
  const bool legal = (value & kDelegate) == 0 && is_mode(mode);
  const bool was_active = is_active(source);
  modes_[source] = legal ? static_cast<Mode>(mode) : Mode::Inactive;
  put_source(pulsed_, source, false);
  if (!is_active(source)) {
    put_source(pending_, source, false);
    put_source(enabled_, source, false);
    targets_[source] = 0;
    return;
  }
  if (!was_active) set_target(source, 0);
  if (is_level(source)) put_source(pending_, source, is_asserted(source));
  forward(source);
}

void Aplic::set_target(std::uint32_t source, std::uint32_t value) noexcept {
  if (!is_active(source)) return;
  if (sends_messages()) {
    targets_[source] = value & (kHart | kIdentity);
    return;
  }
  const std::uint32_t priority = value & kPriority;
  targets_[source] = (value & kHart) | (priority == 0 ? 1 : priority);
}

// --- messages ------------------------------------------------------------------------------------

void Aplic::forward(std::uint32_t source) noexcept {
  if (!sends_messages() || !enabled_domain_) return;
  if (!has_source(pending_, source) || !has_source(enabled_, source)) return;
  put_source(pending_, source, false);
  put_source(pulsed_, source, false);
  send(targets_[source]);
}

void Aplic::forward_all() noexcept {
  for (std::uint32_t word = 0; word < kWords; ++word) {
    std::uint32_t waiting = pending_[word] & enabled_[word];
    for (; waiting != 0; waiting &= waiting - 1) forward(word * 32 + lowest_bit(waiting));
  }
}

void Aplic::generate(std::uint32_t value) noexcept {
  if (!sends_messages()) return;
  genmsi_ = value & (kHart | kIdentity);
  send(genmsi_);
}

void Aplic::send(std::uint32_t target) noexcept {
  const std::uint32_t hart = target >> kHartShift;
  if (hart < files_.size()) files_[hart].receive(target & kIdentity);
}

// --- direct delivery -----------------------------------------------------------------------------

std::uint32_t Aplic::top(unsigned hart) const noexcept {
  std::uint32_t found = 0;
  std::uint32_t best = idcs_[hart].threshold == 0 ? kPriority + 1 : idcs_[hart].threshold;
  for (std::uint32_t word = 0; word < kWords; ++word) {
    std::uint32_t candidates = pending_[word] & enabled_[word];
    for (; candidates != 0; candidates &= candidates - 1) {
      const std::uint32_t source = word * 32 + lowest_bit(candidates);
      const std::uint32_t priority = targets_[source] & kPriority;
      if (targets_[source] >> kHartShift != hart || priority >= best) continue;
      best = priority;
      found = source << 16 | priority;
    }
  }
  return found;
}

std::uint32_t Aplic::claim(unsigned hart) noexcept {
  const std::uint32_t claimed = top(hart);
  if (claimed == 0) {
    idcs_[hart].forces = false;
  } else {
    const std::uint32_t source = claimed >> 16;
    put_source(pulsed_, source, false);
    put_source(pending_, source, is_level(source) && is_asserted(source));
  }
  return claimed;
}

bool Aplic::is_signaling(unsigned hart) const noexcept {
  const Idc& idc = idcs_[hart];
  if (sends_messages() || !enabled_domain_ || !idc.delivers) return false;
  return idc.forces || top(hart) != 0;
}

// --- state ---------------------------------------------------------------------------------------

void Aplic::describe(StateVisitor& visitor) {
  const auto bits = [&](std::string_view name, Bits& of) {
    visitor.bytes(name, std::as_writable_bytes(std::span(of)));
    of[0] &= ~1U;  // a restored state may be anything
  };
  visitor.value("ie"sv, enabled_domain_);
  visitor.bytes("sourcecfg"sv, std::as_writable_bytes(std::span(modes_)));
  visitor.bytes("target"sv, std::as_writable_bytes(std::span(targets_)));
  visitor.value("genmsi"sv, genmsi_);
  bits("wires"sv, wires_);
  bits("pending"sv, pending_);
  bits("pulsed"sv, pulsed_);
  bits("enabled"sv, enabled_);
  for (Idc& idc : idcs_) {
    visitor.value("idelivery"sv, idc.delivers);
    visitor.value("iforce"sv, idc.forces);
    visitor.value("ithreshold"sv, idc.threshold);
  }
  make_legal();
}

void Aplic::make_legal() noexcept {
  for (std::uint32_t source = 1; source < kSources; ++source) {
    const bool was_pending = has_source(pending_, source);
    const bool was_enabled = has_source(enabled_, source);
    const std::uint32_t target = targets_[source];
    const auto mode = static_cast<std::uint32_t>(modes_[source]);
    modes_[source] = is_mode(mode) ? modes_[source] : Mode::Inactive;
    const bool active = is_active(source);
    targets_[source] = 0;
    set_target(source, target);
    put_source(enabled_, source, active && was_enabled);
    put_source(pending_, source, active && was_pending);
    const bool pulsed = is_level(source) && has_source(pulsed_, source);
    put_source(pulsed_, source, pulsed);
    if (is_level(source) && (!sends_messages() || !is_asserted(source))) {
      put_source(pending_, source, pulsed || is_asserted(source));
    }
  }
  modes_[0] = Mode::Inactive;
  targets_[0] = 0;
  genmsi_ = sends_messages() ? genmsi_ & (kHart | kIdentity) : 0;
}

}  // namespace axvm::riscv64
