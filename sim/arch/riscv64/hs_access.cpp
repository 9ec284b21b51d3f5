// Registers and guest memory as software in HS-mode accesses them.

#include <algorithm>
#include <cstring>
#include <sim/arch/riscv64/guest_core.hpp>

namespace axvm::sim::riscv64 {
namespace {

/// misa: RV64 with A, C, D, F, H, I, M, S and U.
constexpr std::uint64_t kMisa = 2ULL << 62 | 1U << 0 | 1U << 2 | 1U << 3 | 1U << 5 | 1U << 7 |
                                1U << 8 | 1U << 12 | 1U << 18 | 1U << 20;
constexpr std::uint64_t kImplicitLoad = 0x3000;

/// VS-mode's registers that live in the engine.
std::optional<Hidden> hidden_of(Csr csr) noexcept {
  switch (csr) {
    case Csr::vstvec: return Hidden::Stvec;
    case Csr::vsscratch: return Hidden::Sscratch;
    case Csr::vsepc: return Hidden::Sepc;
    case Csr::vscause: return Hidden::Scause;
    case Csr::vstval: return Hidden::Stval;
    default: return std::nullopt;
  }
}

/// What VS-mode's registers can hold: stvec has two modes, sepc is even.
std::uint64_t legal(Hidden word, std::uint64_t value) noexcept {
  switch (word) {
    case Hidden::Stvec: return value & ~2ULL;
    case Hidden::Sepc: return value & ~1ULL;
    default: return value;
  }
}

}  // namespace

std::uint64_t GuestCore::read(Csr csr) {
  if (const auto stored = hs_.read(csr)) return *stored;
  if (const auto word = hidden_of(csr)) return legal(*word, engine_.read(*word));
  switch (csr) {
    case Csr::misa: return kMisa;
    case Csr::time: return Interrupts::ticks(time());
    case Csr::cycle:
    case Csr::instret: return retirement_.total();
    case Csr::fcsr: return engine_.fcsr();
    case Csr::sip: return Interrupts::sip(hs_, time());
    case Csr::hip: return Interrupts::hip(hs_, time());
    case Csr::hgatp: return mmu_.registers().hgatp;
    case Csr::vsatp: return mmu_.registers().vsatp;
    case Csr::vsstatus: return Engine::sstatus_of(engine_.read(Hidden::Mstatus));
    case Csr::vsie: return Interrupts::as_supervisor(hs_, hs_.hie);
    case Csr::vsip: return Interrupts::as_supervisor(hs_, Interrupts::hip(hs_, time()));
    case Csr::vstopi: return Interrupts::vstopi(hs_, time());
    default: return 0;  // there are no guest external interrupts: hgeie, hgeip
  }
}

void GuestCore::write(Csr csr, std::uint64_t value) {
  const std::uint64_t delegated = hs_.hideleg & interrupt::kVirtual;
  const auto merge = [](std::uint64_t old, std::uint64_t now, std::uint64_t mask) {
    return (old & ~mask) | (now & mask);
  };
  if (hs_.write(csr, value)) {
    if (csr == Csr::hstatus) engine_.trap_sret((hs_.hstatus & hstatus::VTSR) != 0);
    if (csr == Csr::henvcfg) mmu_.registers().henvcfg = hs_.henvcfg;
    // MXR decides what the engine has been told that it may load.
    if (csr == Csr::sstatus) forget_translations();
    return;
  }
  if (const auto word = hidden_of(csr)) return engine_.write(*word, legal(*word, value));
  switch (csr) {
    case Csr::fcsr: return engine_.set_fcsr(value);
    case Csr::sip: hs_.ssip = value & interrupt::SSI; return;
    case Csr::hip: hs_.hvip = merge(hs_.hvip, value, interrupt::VSSI); return;
    case Csr::vsie: hs_.hie = merge(hs_.hie, value << 1, delegated); return;
    case Csr::vsip: hs_.hvip = merge(hs_.hvip, value << 1, delegated & interrupt::VSSI); return;
    case Csr::hgatp: return write_hgatp(value);
    case Csr::vsatp:
      // With a mode that there is not, nothing is written.
      if (!levels_of(field(value, 63, 60))) return;
      mmu_.registers().vsatp = value;
      return forget_translations();
    case Csr::vsstatus:
      engine_.change([&](HiddenState::Change& c) {
        c.write(Hidden::Mstatus, Engine::mstatus_with(c.read(Hidden::Mstatus), value));
      });
      return forget_translations();  // SUM and MXR, as above
    default: return;
  }
}

void GuestCore::write_hgatp(std::uint64_t value) {
  // MODE, VMID and the 44 bits of the root's frame number, whose lowest two are 0.
  constexpr std::uint64_t kMode = 15ULL << 60;
  constexpr std::uint64_t kFields = kMode | 0x3fffULL << 44 | (((1ULL << 44) - 1) & ~3ULL);
  std::uint64_t legal = value & kFields;
  std::uint64_t& hgatp = mmu_.registers().hgatp;
  if (!has_g_stage_mode(mmu_.features(), field(value, 63, 60))) {
    legal = (legal & ~kMode) | (hgatp & kMode);
  }
  if (legal == hgatp) return;
  hgatp = legal;
  forget_translations();
}

AccessContext GuestCore::hypervisor_context(Access access, bool hlvx) const {
  const std::uint64_t vsstatus = engine_.read(Hidden::Mstatus);
  return {.access = access,
          .user = (hs_.hstatus & hstatus::SPVP) == 0,
          .sum = (vsstatus & status::SUM) != 0,
          .mxr = (vsstatus & status::MXR) != 0,
          .hs_mxr = (hs_.sstatus & status::MXR) != 0,
          .hlvx = hlvx};
}

void GuestCore::record_hypervisor_fault(const Fault& fault, std::uint64_t va) {
  hs_.scause = static_cast<std::uint64_t>(fault.cause());
  hs_.stval = va;
  hs_.hstatus |= hstatus::GVA;
  hs_.htval = fault.kind == FaultKind::GuestPage ? fault.gpa >> 2 : 0;
  hs_.htinst = fault.implicit ? kImplicitLoad : 0;
}

std::optional<std::uint64_t> GuestCore::locate(std::uint64_t va, const AccessContext& context) {
  const std::uint64_t evictions = statistics_.tlb_evictions;
  const auto t = mmu_.translate(va, context);
  if (statistics_.tlb_evictions != evictions) forget_translations();
  if (!t) {
    record_hypervisor_fault(t.error(), va);
    return std::nullopt;
  }
  const bool answered =
      machine_.memory().at(t->pa) != nullptr || machine_.board().find(t->pa).device != nullptr;
  if (answered) return t->pa;
  record_hypervisor_fault({.kind = FaultKind::Access, .access = context.access, .va = va}, va);
  return std::nullopt;
}

std::optional<std::uint64_t> GuestCore::hypervisor_load(std::uint64_t va, unsigned bytes,
                                                        bool hlvx) {
  const AccessContext context = hypervisor_context(Access::Load, hlvx);
  std::uint64_t value = 0;
  // In one piece, or in two when a misaligned one crosses into the next page.
  for (unsigned done = 0; done < bytes;) {
    const std::uint64_t at = va + done;
    const auto room = static_cast<unsigned>(
        std::min<std::uint64_t>(bytes - done, kPageMask + 1 - (at & kPageMask)));
    const auto pa = locate(at, context);
    if (!pa) return std::nullopt;
    std::uint64_t part = 0;
    if (const std::uint8_t* const p = machine_.memory().at(*pa)) {
      std::memcpy(&part, p, room);
    } else {
      const Board::Hit hit = machine_.board().find(*pa);
      part = hit.device->of_cpu(index_).read(hit.offset, room);
    }
    value |= part << (8 * done);
    done += room;
  }
  return value;
}

std::optional<std::uint64_t> GuestCore::hlv(std::uint64_t va, unsigned bytes) {
  return hypervisor_load(va, bytes, false);
}

std::optional<std::uint16_t> GuestCore::hlvx(std::uint64_t va) {
  const auto value = hypervisor_load(va, 2, true);
  if (!value) return std::nullopt;
  return static_cast<std::uint16_t>(*value);
}

bool GuestCore::hsv(std::uint64_t va, unsigned bytes, std::uint64_t value) {
  const AccessContext context = hypervisor_context(Access::Store, false);
  const auto first = locate(va, context);
  if (!first) return false;
  const unsigned room =
      static_cast<unsigned>(std::min<std::uint64_t>(bytes, kPageMask + 1 - (va & kPageMask)));
  const auto second = room == bytes ? first : locate(va + room, context);
  if (!second) return false;
  const auto store = [&](std::uint64_t pa, unsigned size, std::uint64_t part) {
    if (std::uint8_t* const p = machine_.memory().at(pa)) {
      std::memcpy(p, &part, size);
      machine_.memory_written(pa, size);
    } else {
      const Board::Hit hit = machine_.board().find(pa);
      hit.device->of_cpu(index_).write(hit.offset, size, part);
    }
  };
  store(*first, room, value);
  if (room != bytes) store(*second, bytes - room, value >> (8 * room));
  return true;
}

}  // namespace axvm::sim::riscv64
