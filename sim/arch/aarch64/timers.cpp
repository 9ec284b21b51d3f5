#include <sim/arch/aarch64/timers.hpp>

namespace axvm::sim::aarch64 {
namespace {

constexpr SysReg kCntpct(3, 3, 14, 0, 1);
constexpr SysReg kCntvct(3, 3, 14, 0, 2);

}  // namespace

std::optional<std::uint64_t> Timers::read(SysReg r, std::uint64_t ns,
                                          std::uint64_t offset) const noexcept {
  switch (r.encoding) {
    case kCntpct.encoding: return counter(kPhysical, ns, offset);
    case kCntvct.encoding: return counter(kVirtual, ns, offset);
    default: break;
  }
  const auto field = field_of(r);
  if (!field) return std::nullopt;
  return read(*field, ns, offset);
}

bool Timers::write(SysReg r, std::uint64_t value, std::uint64_t ns, std::uint64_t offset) noexcept {
  const auto field = field_of(r);
  if (!field) return false;
  Timer& timer = timers_[field->timer];
  switch (field->op2) {
    case 0: timer.set_tval(value, counter(field->timer, ns, offset)); break;
    case 1: timer.control = value & 3; break;
    default: timer.compare = value; break;
  }
  return true;
}

std::uint64_t Timers::next_assertion(Id id, std::uint64_t ns, std::uint64_t offset) const noexcept {
  const Timer& timer = timers_[id];
  if (!timer.enabled()) return kNever;
  const std::uint64_t now = counter(id, ns, offset);
  if (timer.output(now)) return ns;
  const std::uint64_t left = timer.compare - now;
  if (left > kNever / kNanosecondsPerTick - ticks(ns)) return kNever;
  return (ticks(ns) + left) * kNanosecondsPerTick;
}

void Timers::describe(StateVisitor& v) {
  v.field("CNTV_CTL", timers_[kVirtual].control);
  v.field("CNTV_CVAL", timers_[kVirtual].compare);
  v.field("CNTP_CTL", timers_[kPhysical].control);
  v.field("CNTP_CVAL", timers_[kPhysical].compare);
  v.field("CNTHP_CTL", timers_[kHypervisor].control);
  v.field("CNTHP_CVAL", timers_[kHypervisor].compare);
}

}  // namespace axvm::sim::aarch64
