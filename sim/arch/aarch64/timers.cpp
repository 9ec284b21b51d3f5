#include <sim/arch/aarch64/timers.hpp>

namespace axvm::sim::aarch64 {
namespace {

constexpr SysReg kCntpct(3, 3, 14, 0, 1);
constexpr SysReg kCntvct(3, 3, 14, 0, 2);
constexpr SysReg kCntpctss(3, 3, 14, 0, 5);
constexpr SysReg kCntvctss(3, 3, 14, 0, 6);
constexpr SysReg kCntpTval(3, 3, 14, 2, 0);
constexpr SysReg kCntpCtl(3, 3, 14, 2, 1);
constexpr SysReg kCntpCval(3, 3, 14, 2, 2);
constexpr SysReg kCntvTval(3, 3, 14, 3, 0);
constexpr SysReg kCntvCtl(3, 3, 14, 3, 1);
constexpr SysReg kCntvCval(3, 3, 14, 3, 2);

}  // namespace

std::optional<std::uint64_t> Timers::read(SysReg r, std::uint64_t ns,
                                          std::uint64_t offset) const noexcept {
  const std::uint64_t physical = ticks(ns);
  const std::uint64_t virt = physical - offset;
  switch (r.encoding) {
    case kCntpct.encoding:
    case kCntpctss.encoding: return physical;
    case kCntvct.encoding:
    case kCntvctss.encoding: return virt;
    case kCntpTval.encoding: return physical_.tval(physical);
    case kCntpCtl.encoding: return physical_.ctl(physical);
    case kCntpCval.encoding: return physical_.compare;
    case kCntvTval.encoding: return virtual_.tval(virt);
    case kCntvCtl.encoding: return virtual_.ctl(virt);
    case kCntvCval.encoding: return virtual_.compare;
    default: return std::nullopt;
  }
}

bool Timers::write(SysReg r, std::uint64_t value, std::uint64_t ns, std::uint64_t offset) noexcept {
  const std::uint64_t physical = ticks(ns);
  switch (r.encoding) {
    case kCntpTval.encoding: physical_.set_tval(value, physical); return true;
    case kCntpCtl.encoding: physical_.control = value & 3; return true;
    case kCntpCval.encoding: physical_.compare = value; return true;
    case kCntvTval.encoding: virtual_.set_tval(value, physical - offset); return true;
    case kCntvCtl.encoding: virtual_.control = value & 3; return true;
    case kCntvCval.encoding: virtual_.compare = value; return true;
    default: return false;
  }
}

void Timers::describe(StateVisitor& v) {
  v.field("CNTV_CTL", virtual_.control);
  v.field("CNTV_CVAL", virtual_.compare);
  v.field("CNTP_CTL", physical_.control);
  v.field("CNTP_CVAL", physical_.compare);
}

}  // namespace axvm::sim::aarch64
