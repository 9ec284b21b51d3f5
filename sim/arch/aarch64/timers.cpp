#include <sim/arch/aarch64/timers.hpp>

namespace axvm::sim::aarch64 {
namespace {

constexpr SysReg kCntpct(3, 3, 14, 0, 1);
constexpr SysReg kCntvct(3, 3, 14, 0, 2);
// The TVAL register of each timer; CTL and CVAL follow it.
constexpr SysReg kCntp(3, 3, 14, 2, 0);
constexpr SysReg kCntv(3, 3, 14, 3, 0);
constexpr SysReg kCnthp(3, 4, 14, 2, 0);

}  // namespace

std::optional<Timers::Field> Timers::field_of(SysReg r) noexcept {
  if (r.op2() > 2) return std::nullopt;
  switch (r.encoding & ~7U) {
    case kCntv.encoding: return Field{kVirtual, r.op2()};
    case kCntp.encoding: return Field{kPhysical, r.op2()};
    case kCnthp.encoding: return Field{kHypervisor, r.op2()};
    default: return std::nullopt;
  }
}

std::optional<std::uint64_t> Timers::read(SysReg r, std::uint64_t ns,
                                          std::uint64_t offset) const noexcept {
  switch (r.encoding) {
    case kCntpct.encoding: return counter(kPhysical, ns, offset);
    case kCntvct.encoding: return counter(kVirtual, ns, offset);
    default: break;
  }
  const auto field = field_of(r);
  if (!field) return std::nullopt;
  const Timer& timer = timers_[field->timer];
  const std::uint64_t now = counter(field->timer, ns, offset);
  switch (field->op2) {
    case 0: return timer.tval(now);
    case 1: return timer.ctl(now);
    default: return timer.compare;
  }
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
