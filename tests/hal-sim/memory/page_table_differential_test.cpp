// What the VMM believes about a mapping, what the machine's MMU makes of the same bytes, and what a
// map of intervals says.

#include <doctest/doctest.h>
#include <rapidcheck.h>
#include <core/arch/aarch64/arch.hpp>
#include <core/arch/riscv64/arch.hpp>
#include <core/memory/page_table.hpp>
#include <cstdint>
#include <fuzz/g_stage_machine.hpp>
#include <fuzz/stage2_machine.hpp>
#include <fuzz/stage2_model.hpp>
#include <set>
#include <sim/arch/aarch64/mmu.hpp>
#include <sim/arch/riscv64/mmu.hpp>
#include <utility>
#include <vector>

using namespace axvm;

namespace {

constexpr std::uint64_t k2M = 2ULL << 20;
constexpr std::uint64_t k1G = 1ULL << 30;

template <class Duty, class Tlb>
bool flush(Result<Duty> changed, Tlb& tlb) {
  if (changed) std::move(*changed).flush(tlb);
  return changed.has_value();
}

/// A CPU with stage 2 on and stage 1 off, and the table that the VMM gives it.
struct Stage2Machine {
  using Table = PageTable<aarch64::Stage2Format, fuzz::Frames>;
  using Access = sim::aarch64::Access;
  using FaultKind = sim::aarch64::FaultKind;
  static constexpr Access kAccesses[] = {Access::Read, Access::Write, Access::Fetch};

  /// PARange: 36 to 48 bits.
  explicit Stage2Machine(std::uint64_t pa_range = *rc::gen::inRange<std::uint64_t>(1, 6))
      : pa_bits(aarch64::physical_address_bits(pa_range)),
        table(*Table::try_make(frames, aarch64::stage2_geometry(pa_range))) {
    auto& r = mmu.registers();
    r.hcr_el2 = aarch64::hcr::VM;
    r.vtcr_el2 = controls.vtcr;
    r.vttbr_el2 = controls.vttbr;
  }
  /// What a mapping permits.
  static MappingFlags permitted(MappingFlags flags) { return flags; }
  auto walk(std::uint64_t gpa, Access access) {
    sim::aarch64::NoObserver nobody;
    return mmu.walk_stage2(gpa, access, nobody);
  }
  static FaultKind fault(bool mapped) {
    return mapped ? FaultKind::Permission : FaultKind::Translation;
  }

  fuzz::Frames frames;
  unsigned pa_bits;
  Table table;
  aarch64::VmControls controls{aarch64::vtcr_el2(table.geometry(), pa_bits),
                               aarch64::vttbr_el2(table.root(), Vmid(3))};
  sim::Statistics statistics;
  sim::aarch64::Mmu mmu{frames.memory, 64, statistics, {.pa_bits = pa_bits}};
  fuzz::MaintenanceCpu cpu{mmu};
  aarch64::Stage2Tlb<fuzz::MaintenanceCpu> tlb{cpu, controls};
  fuzz::Stage2Model model;
};

/// A hart with the G-stage on and the VS-stage off, likewise.
struct GStageMachine {
  using Table = PageTable<riscv64::GStageFormat, fuzz::Frames>;
  using Access = sim::riscv64::Access;
  using FaultKind = sim::riscv64::FaultKind;
  static constexpr Access kAccesses[] = {Access::Load, Access::Store, Access::Fetch};

  explicit GStageMachine(PageTableGeometry geometry = *rc::gen::element(riscv64::kSv39x4,
                                                                        riscv64::kSv48x4,
                                                                        riscv64::kSv57x4))
      : table(*Table::try_make(frames, geometry)) {
    mmu.registers().hgatp = controls.hgatp;
  }
  static MappingFlags permitted(MappingFlags flags) {
    return has_any(flags, MappingFlags::Write) ? flags | MappingFlags::Read : flags;
  }
  auto walk(std::uint64_t gpa, Access access) {
    sim::riscv64::NoObserver nobody;
    return mmu.walk_g_stage(gpa, access, nobody);
  }
  static FaultKind fault(bool) { return FaultKind::GuestPage; }

  fuzz::Frames frames;
  Table table;
  riscv64::VmControls controls{riscv64::hgatp_value(table.geometry(), table.root(), Vmid(3))};
  sim::Statistics statistics;
  sim::riscv64::Mmu mmu{frames.memory, 64, statistics};
  fuzz::MaintenanceHart cpu{mmu};
  riscv64::GStageTlb<fuzz::MaintenanceHart> tlb{cpu, controls};
  fuzz::Stage2Model model;
};

/// All three agree about `gpa`, with a walk and with whatever the TLB holds.
template <class Machine>
void agree(Machine& m, std::uint64_t gpa) {
  const auto wanted = m.model.find(gpa);
  const auto found = m.table.query(GuestPhysAddr(gpa));
  RC_ASSERT(found.has_value() == wanted.has_value());
  if (found) RC_ASSERT(found->hpa.value == wanted->hpa);
  for (const auto access : Machine::kAccesses) {
    const bool permitted =
        wanted && has_all(Machine::permitted(wanted->flags), fuzz::flag_of(access));
    if (found) RC_ASSERT(has_all(found->flags, fuzz::flag_of(access)) == permitted);
    for (const auto& seen : {m.walk(gpa, access), m.mmu.translate(gpa, {.access = access})}) {
      RC_ASSERT(seen.has_value() == permitted);
      if (seen) {
        RC_ASSERT(seen->pa == wanted->hpa);
      } else {
        RC_ASSERT(seen.error().kind == Machine::fault(wanted.has_value()));
      }
    }
  }
}

GuestPhysRange draw_range() {
  const std::uint64_t unit = *rc::gen::elementOf(std::vector<std::uint64_t>{kPageSize, k2M, k1G});
  const std::uint64_t border = *rc::gen::elementOf(std::vector<std::uint64_t>{2 * k2M, 2 * k1G});
  const std::uint64_t first = border < unit ? 0 : border / unit - 2;
  const std::uint64_t at = first + *rc::gen::inRange<std::uint64_t>(0, 4);
  return {GuestPhysAddr(at * unit), *rc::gen::inRange<std::uint64_t>(1, 4) * unit};
}
MappingFlags draw_flags() {
  return static_cast<MappingFlags>(*rc::gen::inRange(1U, 8U)) |
         *rc::gen::element(MappingFlags::None, MappingFlags::Device, MappingFlags::Uncached);
}

}  // namespace

TEST_CASE_TEMPLATE("look-up, hardware walk and reference agree after any maps, unmaps and protects",
                   Machine, Stage2Machine, GStageMachine) {
  CHECK(rc::check("random mappings and permissions", [] {
    Machine m;
    std::set<std::uint64_t> borders;
    const int steps = *rc::gen::inRange(1, 16);
    for (int step = 0; step < steps; ++step) {
      const GuestPhysRange at = draw_range();
      const std::uint64_t begin = at.base.value;
      const std::uint64_t end = at.end().value;
      const auto flags = draw_flags();
      const std::uint64_t hpa =
          begin + *rc::gen::elementOf(std::vector<std::uint64_t>{0, kPageSize, k2M, k1G});
      switch (*rc::gen::inRange(0, 5)) {
        case 0:
        case 1: {
          const bool free = !m.model.overlaps(begin, end);
          RC_ASSERT(flush(m.table.map(at, HostPhysAddr(hpa), flags), m.tlb) == free);
          if (free) m.model.map(begin, end, hpa, flags);
          break;
        }
        case 2:
          RC_ASSERT(flush(m.table.unmap(at, m.tlb), m.tlb));
          m.model.unmap(begin, end);
          break;
        case 3:
          RC_ASSERT(flush(m.table.protect(at, flags, m.tlb), m.tlb));
          m.model.protect(begin, end, flags);
          break;
        default:
          RC_ASSERT(flush(m.table.remap(at, HostPhysAddr(hpa), flags, m.tlb), m.tlb));
          m.model.unmap(begin, end);
          m.model.map(begin, end, hpa, flags);
      }
      borders.insert({begin, end});
      for (const std::uint64_t border : borders) {
        agree(m, border);
        if (border > 0) agree(m, border - 1);
      }
    }
  }));
}
