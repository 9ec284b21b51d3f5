// The same as delivery_test.cpp for a guest that sees a GICv2: the core's controller over the
// machine's GICV_* registers, where SGIs are told by their senders.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <core/arch/aarch64/gic/distributor_v2.hpp>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "machine_vcpu.hpp"

using namespace axvm;
using namespace axvm::test;

namespace {

constexpr std::uint32_t kTimer = 27;
constexpr std::uint32_t kFirstLevel = 32, kFirstEdge = 40, kEnd = 48;
constexpr unsigned kCpus = 3;
constexpr std::uint64_t kIar = 0xc, kEoir = 0x10;

/// vCPU 0 of three; the others send.
struct World {
  World() {
    gic->add_vcpu(0, vcpu.interface);
    for (VcpuInterface& other : others)
      gic->add_vcpu(1 + static_cast<unsigned>(&other - others), other);
    gic->add_distributor_v2();
    write(0x0, 1);
    write(0x100, ~0U);
    write(0x104, ~0U);
    write(0xc08, 0xaaaa'0000);  // 40..47: edge
    for (std::uint32_t intid = kFirstLevel; intid < kEnd; ++intid) {
      write(0x800 + intid, 1, AccessWidth::Byte);
    }
    load_interface(cpu, vcpu.interface);
    cpu.interface.write_frame(0x4, 0xf8);
    cpu.interface.write_frame(0x0, 1);
  }
  void write(std::uint64_t offset, std::uint64_t value, AccessWidth width = AccessWidth::Dword,
             unsigned by = 0) {
    distributor.set_accessor(VcpuId(by));
    REQUIRE(distributor.write(offset, width, value).has_value());
  }
  void set_priority(std::uint32_t intid, std::uint8_t priority) {
    priorities[intid] = priority;
    write(0x400 + intid, priority, AccessWidth::Byte);
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
  void send(unsigned sender, std::uint32_t intid) {
    if (sender == 0) interrupts.synchronize();
    write(0xf00, 1U << 16 | intid, AccessWidth::Dword, sender);
    edges.insert(intid | sender << 10);
  }
  /// The guest takes an SGI back that it has not acknowledged.
  void take_back(unsigned sender, std::uint32_t intid) {
    interrupts.synchronize();
    write(0xf10 + intid, 1U << sender, AccessWidth::Byte);
    edges.erase(intid | sender << 10);
  }
  void fire_timer() {
    if (!vm.active_physical.insert(kTimer).second) return;
    cpu.set(SysReg::CNTV_CTL_EL0, 5);
    interrupts.forward(kTimer);
    edges.insert(kTimer);
  }

  // --- the hardware, between two instructions -------------------------------------------------
  void settle() {
    if (cpu.interface.maintenance()) interrupts.forward(kMaintenanceIntid);
    interrupts.present();
    RC_ASSERT(!cpu.interface.maintenance());
    RC_ASSERT(!cpu.interface.fiq());
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
    const std::uint32_t id = cpu.interface.read_frame(kIar);
    RC_ASSERT(next.has_value() == (id != VirtualCpuInterface::kSpurious));
    if (!next) return;
    // Of several of one priority, any may come first.
    RC_ASSERT(waiting().contains(id));
    RC_ASSERT(priority_of(id) == priority_of(*next));
    edges.erase(id);
    stack.push_back(id);
  }
  void end() {
    if (stack.empty()) return;
    const std::uint32_t id = stack.back();
    stack.pop_back();
    if (id == kTimer) cpu.set(SysReg::CNTV_CTL_EL0, 1);
    const auto written = cpu.interface.write_frame(kEoir, id);
    // After a migration the physical interrupt may have ended before.
    if (written.deactivated) vm.active_physical.erase(*written.deactivated);
  }

  [[nodiscard]] std::uint8_t priority_of(std::uint32_t id) const {
    return priorities.at(id & 0x3ff);
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
        *std::ranges::min_element(all, {}, [this](std::uint32_t id) { return priority_of(id); });
    for (const std::uint32_t active : stack) {
      if (priority_of(active) <= priority_of(first)) return std::nullopt;
    }
    return first;
  }

  Heap heap;
  NoLock lock;
  Cpu cpu;
  Vcpu vcpu;
  VcpuInterface others[kCpus - 1];
  Vm vm;
  Box<Gic> gic = std::move(*Gic::try_make(Allocator::of(heap), lock, kCpus));
  DistributorV2 distributor{"gicd", {Bus::Mmio, 0x800'0000, 0x1000}, *gic};
  GuestInterrupts<Vm, Cpu> interrupts{vm, vcpu, cpu};

  std::map<std::uint32_t, std::uint8_t> priorities;
  std::set<std::uint32_t> lines;     ///< of level-sensitive interrupts, that are up
  std::set<std::uint32_t> edges;     ///< that are pending; SGIs by sender << 10
  std::vector<std::uint32_t> stack;  ///< that are active, the last one running
};

}  // namespace

TEST_CASE("interrupts: a guest with a GICv2 gets what is due, once per sender, by priority") {
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
      switch (*rc::gen::inRange(0, 11)) {
        case 0: w.set_line(*rc::gen::inRange(kFirstLevel, kFirstEdge), true); break;
        case 1: w.set_line(*rc::gen::inRange(kFirstLevel, kFirstEdge), false); break;
        case 2: w.pulse(*rc::gen::inRange(kFirstEdge, kEnd)); break;
        case 3:
        case 4: w.send(*rc::gen::inRange(0U, kCpus), *rc::gen::inRange(0U, 4U)); break;
        case 5: w.take_back(*rc::gen::inRange(0U, kCpus), *rc::gen::inRange(0U, 4U)); break;
        case 6: w.fire_timer(); break;
        case 7: w.migrate(); break;
        case 8: w.end(); break;
        default: w.acknowledge(); break;
      }
      w.settle();
    }
  }));
}
