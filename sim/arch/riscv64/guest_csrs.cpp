// CSRs as the guest's own instructions access them, where the engine does not do that right ("CSR
// Access" of the hypervisor extension; Sstc; Smstateen; Ssaia).

#include <algorithm>
#include <array>
#include <sim/arch/riscv64/guest_core.hpp>

namespace axvm::sim::riscv64 {
namespace {

constexpr std::uint16_t number(Csr csr) noexcept { return static_cast<std::uint16_t>(csr); }

/// Supervisor CSRs that there are: VS-mode has its own in their places, but for three.
constexpr std::array kSupervisor{Csr::sstatus,   Csr::sie,       Csr::stvec,     Csr::scounteren,
                                 Csr::senvcfg,   Csr::sstateen0, Csr::sstateen1, Csr::sstateen2,
                                 Csr::sstateen3, Csr::sscratch,  Csr::sepc,      Csr::scause,
                                 Csr::stval,     Csr::sip,       Csr::stimecmp,  Csr::satp,
                                 Csr::siselect,  Csr::sireg,     Csr::stopei,    Csr::stopi};
/// The hypervisor's and the virtual supervisor's: VS-mode has neither.
constexpr std::array kHypervisor{
    Csr::hstatus,  Csr::hedeleg,  Csr::hideleg,   Csr::hie,       Csr::htimedelta, Csr::hcounteren,
    Csr::hgeie,    Csr::henvcfg,  Csr::hstateen0, Csr::hstateen1, Csr::hstateen2,  Csr::hstateen3,
    Csr::htval,    Csr::hip,      Csr::hvip,      Csr::htinst,    Csr::hgatp,      Csr::hgeip,
    Csr::vsstatus, Csr::vsie,     Csr::vstvec,    Csr::vsscratch, Csr::vsepc,      Csr::vscause,
    Csr::vstval,   Csr::vsip,     Csr::vstimecmp, Csr::vsatp,     Csr::hvien,      Csr::hvictl,
    Csr::hviprio1, Csr::hviprio2, Csr::vsiselect, Csr::vsireg,    Csr::vstopei,    Csr::vstopi};

constexpr bool is_among(const auto& list, std::uint16_t csr) noexcept {
  return std::ranges::find(list, static_cast<Csr>(csr)) != list.end();
}
constexpr bool is_counter(std::uint16_t csr) noexcept {
  return csr >= number(Csr::cycle) && csr <= number(Csr::hpmcounter31);
}
constexpr bool is_floating(std::uint16_t csr) noexcept {
  return csr >= number(Csr::fflags) && csr <= number(Csr::fcsr);
}

/// hcounteren.TM.
constexpr std::uint64_t kTime = 1U << 1;
/// What vsiselect names that is there, but without guest interrupt files out of reach (AIA, 2.3):
/// priorities, and registers of interrupt files.
constexpr bool is_inaccessible(std::uint64_t select) noexcept {
  return (select >= 0x30 && select < 0x40) || (select >= 0x70 && select < 0x100);
}

}  // namespace

GuestCore::Outcome GuestCore::permit(std::uint16_t csr, bool write) const {
  if (write && is_read_only(csr)) return Outcome::Illegal;
  if (is_counter(csr)) return permit_counter(csr);
  if (is_floating(csr)) {
    const std::uint64_t mstatus = engine_.read(Hidden::Mstatus);
    return (mstatus & status::FS) != 0 ? Outcome::Done : Outcome::Illegal;
  }
  // What HS-mode could access here is its to emulate; the rest is illegal.
  if (is_among(kHypervisor, csr)) return Outcome::Virtual;
  if (!is_among(kSupervisor, csr)) return Outcome::Illegal;
  if (engine_.privilege() == Privilege::User) return Outcome::Virtual;
  bool allowed = true;
  const bool injected = (hs_.hvictl & hvictl::VTI) != 0;
  switch (static_cast<Csr>(csr)) {
    case Csr::satp: allowed = (hs_.hstatus & hstatus::VTVM) == 0; break;
    case Csr::stimecmp:
      allowed = Interrupts::has_vstimecmp(hs_) && (hs_.hcounteren & kTime) != 0;
      // It could take back an interrupt that is the hypervisor's to take back.
      if (write && injected) allowed = false;
      break;
    case Csr::sie:
    case Csr::sip: allowed = !injected; break;
    case Csr::senvcfg: allowed = (hs_.hstateen0 & hstateen0::ENVCFG) != 0; break;
    case Csr::sstateen0: allowed = (hs_.hstateen0 & hstateen0::SE0) != 0; break;
    // hstateen1 to 3 are read-only zero.
    case Csr::sstateen1:
    case Csr::sstateen2:
    case Csr::sstateen3: allowed = false; break;
    case Csr::siselect: allowed = (hs_.hstateen0 & hstateen0::CSRIND) != 0; break;
    case Csr::stopi: allowed = (hs_.hstateen0 & hstateen0::AIA) != 0; break;
    case Csr::sireg:
      if ((hs_.hstateen0 & hstateen0::CSRIND) != 0 && !is_inaccessible(hs_.vsiselect)) {
        return Outcome::Illegal;
      }
      allowed = false;
      break;
    case Csr::stopei: allowed = false; break;
    default: break;
  }
  return allowed ? Outcome::Done : Outcome::Virtual;
}

GuestCore::Outcome GuestCore::permit_counter(std::uint16_t csr) const {
  const std::uint64_t counter = 1ULL << (csr & 31);
  const bool user = engine_.privilege() == Privilege::User;
  const bool allowed =
      (hs_.hcounteren & counter) != 0 && (!user || (hs_.scounteren & counter) != 0);
  return allowed ? Outcome::Done : Outcome::Virtual;
}

std::uint64_t GuestCore::counter(std::uint16_t csr) {
  switch (static_cast<Csr>(csr)) {
    case Csr::time: return Interrupts::guest_ticks(hs_, exact_time());
    // One instruction takes one cycle; idling takes none.
    case Csr::cycle:
    case Csr::instret: return retirement_.total();
    default: return 0;
  }
}

std::uint64_t GuestCore::read_as_guest(std::uint16_t csr) {
  if (is_counter(csr)) return counter(csr);
  switch (static_cast<Csr>(csr)) {
    case Csr::fflags: return engine_.fcsr() & 0x1f;
    case Csr::frm: return engine_.fcsr() >> 5 & 7;
    case Csr::fcsr: return engine_.fcsr();
    case Csr::sstatus: return read(Csr::vsstatus);
    case Csr::sie: return read(Csr::vsie);
    case Csr::sip: return Interrupts::as_supervisor(hs_, Interrupts::hip(hs_, exact_time()));
    case Csr::stvec: return read(Csr::vstvec);
    case Csr::sscratch: return read(Csr::vsscratch);
    case Csr::sepc: return read(Csr::vsepc);
    case Csr::scause: return read(Csr::vscause);
    case Csr::stval: return read(Csr::vstval);
    case Csr::stimecmp: return hs_.vstimecmp;
    case Csr::siselect: return hs_.vsiselect;
    case Csr::stopi: return Interrupts::vstopi(hs_, exact_time());
    case Csr::satp: return read(Csr::vsatp);
    case Csr::scounteren: return hs_.scounteren;
    case Csr::senvcfg: return hs_.senvcfg;
    default: return 0;
  }
}

void GuestCore::write_as_guest(std::uint16_t csr, std::uint64_t value) {
  switch (static_cast<Csr>(csr)) {
    case Csr::fflags: return write_fcsr((engine_.fcsr() & ~0x1fULL) | (value & 0x1f));
    case Csr::frm: return write_fcsr((engine_.fcsr() & 0x1f) | (value & 7) << 5);
    case Csr::fcsr: return write_fcsr(value & 0xff);
    case Csr::sstatus: write(Csr::vsstatus, value); break;
    case Csr::sie: write(Csr::vsie, value); break;
    case Csr::sip: write(Csr::vsip, value); break;
    case Csr::stvec: return write(Csr::vstvec, value);
    case Csr::sscratch: return write(Csr::vsscratch, value);
    case Csr::sepc: return write(Csr::vsepc, value);
    case Csr::scause: return write(Csr::vscause, value);
    case Csr::stval: return write(Csr::vstval, value);
    case Csr::stimecmp: write(Csr::vstimecmp, value); break;
    case Csr::siselect: return write(Csr::vsiselect, value);
    case Csr::satp: write(Csr::vsatp, value); return refresh_timing();
    case Csr::scounteren: return write(Csr::scounteren, value);
    case Csr::senvcfg: return write(Csr::senvcfg, value);
    default: return;
  }
  // What is pending and enabled may be another interrupt now: it is evaluated before the next
  // instruction.
  evaluate_interrupts_next_ = true;
}

void GuestCore::write_fcsr(std::uint64_t value) {
  engine_.set_fcsr(value);
  // The engine forgets SD.
  const std::uint64_t mstatus = engine_.read(Hidden::Mstatus);
  engine_.write(Hidden::Mstatus, mstatus | status::FS | status::SD);
}

}  // namespace axvm::sim::riscv64
