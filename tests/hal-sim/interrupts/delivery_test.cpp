// The core's interrupt controller over the machine's list registers, against a model of what a
// guest may see: nothing is lost, nothing comes twice, everything comes in the order of priorities.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <core/arch/aarch64/gic/distributor.hpp>
#include <core/arch/aarch64/interrupts.hpp>
#include <map>
#include <optional>
#include <set>
#include <sim/arch/aarch64/virtual_cpu_interface.hpp>
#include <tests/core/fake_hal.hpp>
#include <vector>

using namespace axvm;
using namespace axvm::aarch64;
using axvm::test::FakeCpu;
using sim::aarch64::VirtualCpuInterface;

namespace {

constexpr std::uint32_t kTimer = 27;
constexpr std::uint32_t kFirstLevel = 32, kFirstEdge = 40, kEnd = 48;

/// A CPU whose ICH_*_EL2 are the machine's.
struct Cpu : FakeCpu {
  template <SysReg R>
  std::uint64_t read() {
    const auto value = interface.read_el2(sim::aarch64::SysReg(static_cast<std::uint16_t>(R)));
    return value ? *value : FakeCpu::read<R>();
  }
  template <SysReg R>
  void write(std::uint64_t value) {
    if (interface.write_el2(sim::aarch64::SysReg(static_cast<std::uint16_t>(R)), value)) return;
    FakeCpu::write<R>(value);
  }
  VirtualCpuInterface interface;
};

struct Residence {
  void forward(std::uint32_t intid) { bits |= 1U << intid; }
  [[nodiscard]] bool is_forwarded(std::uint32_t intid) const { return ((bits >> intid) & 1) != 0; }
  [[nodiscard]] std::uint32_t forwarded() const { return bits; }
  bool take_forwarded(std::uint32_t intid) {
    const bool was = is_forwarded(intid);
    bits &= ~(1U << intid);
    return was;
  }
  std::uint32_t bits = 0;
};

struct Vcpu {
  VcpuInterface& interrupts() { return interface; }
  Residence* residence() { return &place; }
  VcpuInterface interface;
  Residence place;
};

struct Vm {
  using VCpuType = Vcpu;
  [[nodiscard]] static bool emulates_interrupts() { return true; }
  void end_irq(std::uint32_t intid) { active_physical.erase(intid); }
  void deliver_wakes() {}
  std::set<std::uint32_t> active_physical;
};

struct NoLock final : AnyLock {};
struct Heap {
  static void* allocate(std::size_t size, std::size_t) { return std::malloc(size); }
  static void deallocate(void* p, std::size_t, std::size_t) { std::free(p); }
};

struct World {
  World() {
    gic->add_vcpu(0, vcpu.interface);
    gic->add_distributor();
    write(0x0, 2, AccessWidth::Dword);
    write(0x84, ~0U, AccessWidth::Dword);
    write(0x104, ~0U, AccessWidth::Dword);
    gic->write_bank(0, 0x80, ~0U, ~0U);
    gic->write_bank(0, 0x100, ~0U, ~0U);
    write(0xc0c - 4, 0xaaaa'0000, AccessWidth::Dword);  // 40..47: edge
    load_interface(cpu, vcpu.interface);
    cpu.interface.write({3, 0, 4, 6, 0}, 0xf8);
    cpu.interface.write({3, 0, 12, 12, 7}, 1);
  }
  void write(std::uint64_t offset, std::uint64_t value, AccessWidth width) {
    REQUIRE(distributor.write(offset, width, value).has_value());
  }
  void set_priority(std::uint32_t intid, std::uint8_t priority) {
    priorities[intid] = priority;
    if (intid >= 32) return write(0x400 + intid, priority, AccessWidth::Byte);
    const unsigned shift = intid % 4 * 8;
    gic->write_bank(0, 0x400 + intid / 4 * 4, std::uint32_t{priority} << shift, 0xffU << shift);
  }

  // --- the outside --------------------------------------------------------------------------
  void set_line(std::uint32_t intid, bool high) {
    gic->set_line(intid, high);
    if (high) {
      lines.insert(intid);
    } else {
      lines.erase(intid);
    }
  }
  void pulse(std::uint32_t intid) {
    gic->make_pending(0, intid);
    edges.insert(intid);
  }
  void fire_timer() {
    if (!vm.active_physical.insert(kTimer).second) return;
    cpu.set(SysReg::CNTV_CTL_EL0, 5);
    interrupts.forward(kTimer);
    edges.insert(kTimer);
  }

  /// The guest writes GICD_ICPENDR.
  void take_back(std::uint32_t intid) {
    interrupts.synchronize();
    write(0x280 + intid / 32 * 4, 1U << (intid % 32), AccessWidth::Dword);
    edges.erase(intid);
  }

  // --- the hardware, between two instructions -------------------------------------------------
  void settle() {
    if (cpu.interface.maintenance()) interrupts.forward(kMaintenanceIntid);
    interrupts.present();
    RC_ASSERT(!cpu.interface.maintenance());
    RC_ASSERT(cpu.interface.irq() == expected().has_value());
  }
  void migrate() {
    fold_list_registers(cpu, vcpu.interface,
                        [this](std::uint32_t intid) { vcpu.place.take_forwarded(intid); });
    save_interface(cpu, vcpu.interface);
    load_interface(cpu, vcpu.interface);
    vcpu.interface.mark_changed();
  }

  // --- the guest ----------------------------------------------------------------------------
  void acknowledge() {
    const auto next = expected();
    const auto intid = static_cast<std::uint32_t>(*cpu.interface.read({3, 0, 12, 12, 0}));
    RC_ASSERT(next.has_value() == (intid != VirtualCpuInterface::kSpurious));
    if (!next) return;
    // Of several of one priority, any may come first (4.8).
    RC_ASSERT(waiting().contains(intid));
    RC_ASSERT(priorities.at(intid) == priorities.at(*next));
    edges.erase(intid);
    stack.push_back(intid);
  }
  void end() {
    if (stack.empty()) return;
    const std::uint32_t intid = stack.back();
    stack.pop_back();
    if (intid == kTimer) cpu.set(SysReg::CNTV_CTL_EL0, 1);
    const auto written = cpu.interface.write({3, 0, 12, 12, 1}, intid);
    RC_ASSERT(written.taken);
    // After a migration the physical interrupt may have ended before.
    if (written.deactivated) vm.active_physical.erase(*written.deactivated);
  }

  [[nodiscard]] std::set<std::uint32_t> waiting() const {
    std::set<std::uint32_t> all = lines;
    all.insert(edges.begin(), edges.end());
    for (const std::uint32_t active : stack) all.erase(active);
    return all;
  }
  /// What the guest has to get now.
  [[nodiscard]] std::optional<std::uint32_t> expected() const {
    const std::set<std::uint32_t> all = waiting();
    if (all.empty()) return std::nullopt;
    const std::uint32_t first =
        *std::ranges::min_element(all, {}, [this](std::uint32_t i) { return priorities.at(i); });
    for (const std::uint32_t active : stack) {
      if (priorities.at(active) <= priorities.at(first)) return std::nullopt;
    }
    return first;
  }

  Heap heap;
  NoLock lock;
  Cpu cpu;
  Vcpu vcpu;
  Vm vm;
  Box<Gic> gic = std::move(*Gic::try_make(Allocator::of(heap), lock, 1));
  Distributor distributor{"gicd", {Bus::Mmio, 0x800'0000, 0x1'0000}, *gic};
  GuestInterrupts<Vm, Cpu> interrupts{vm, vcpu, cpu};

  std::map<std::uint32_t, std::uint8_t> priorities;
  std::set<std::uint32_t> lines;     ///< of level-sensitive interrupts, that are up
  std::set<std::uint32_t> edges;     ///< that are pending
  std::vector<std::uint32_t> stack;  ///< that are active, the last one running
};

}  // namespace

TEST_CASE("interrupts: whatever happens, the guest gets what is due, once, by priority") {
  CHECK(rc::check("delivery", [] {
    World w;
    w.set_priority(kTimer, *rc::gen::element<std::uint8_t>(0x40, 0x80, 0xa0));
    for (std::uint32_t intid = 0; intid < 4; ++intid) {
      w.set_priority(intid, *rc::gen::element<std::uint8_t>(0x20, 0x80, 0xa0));
    }
    for (std::uint32_t intid = kFirstLevel; intid < kEnd; ++intid) {
      w.set_priority(intid, *rc::gen::element<std::uint8_t>(0x20, 0x40, 0x60, 0x80, 0xa0));
    }
    for (int i = 0; i < 200; ++i) {
      switch (*rc::gen::inRange(0, 10)) {
        case 0: w.set_line(*rc::gen::inRange(kFirstLevel, kFirstEdge), true); break;
        case 1: w.set_line(*rc::gen::inRange(kFirstLevel, kFirstEdge), false); break;
        case 2: w.pulse(*rc::gen::inRange(kFirstEdge, kEnd)); break;
        case 3: w.pulse(*rc::gen::inRange(0U, 4U)); break;
        case 4: w.fire_timer(); break;
        case 5: w.migrate(); break;
        case 6: w.end(); break;
        case 7: w.take_back(*rc::gen::inRange(kFirstEdge, kEnd)); break;
        default: w.acknowledge(); break;
      }
      w.settle();
    }
  }));
}

TEST_CASE("interrupts: what a guest takes back while it is in a list register does not come") {
  World w;
  w.set_priority(kFirstEdge, 0x80);
  w.gic->make_pending(0, kFirstEdge);
  w.interrupts.present();
  CHECK(w.cpu.interface.irq());
  w.take_back(kFirstEdge);
  w.interrupts.present();
  CHECK_FALSE(w.cpu.interface.irq());
}
