// The controller of a VM that sees a GICv2: the distributor's registers (IHI 0048B, 4.3), and what
// list registers get.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <core/arch/aarch64/gic/distributor_v2.hpp>
#include <core/arch/aarch64/gic/gic.hpp>
#include <core/arch/aarch64/registers.hpp>
#include <memory>
#include <tests/core/heap.hpp>
#include <vector>

using namespace axvm;
using namespace axvm::aarch64;
using test::Heap;
using test::NoLock;

namespace {

constexpr std::uint64_t kCtlr = 0x0, kTyper = 0x4, kGroup = 0x80, kSetEnable = 0x100,
                        kSetPending = 0x200, kClearPending = 0x280, kSetActive = 0x300,
                        kPriority = 0x400, kTargets = 0x800, kConfig = 0xc00, kSgir = 0xf00,
                        kClearSgi = 0xf10, kSetSgi = 0xf20;

struct World {
  explicit World(unsigned vcpus = 4) : interfaces(vcpus) {
    for (unsigned i = 0; i < vcpus; ++i) {
      interfaces[i] = std::make_unique<VcpuInterface>();
      gic->add_vcpu(0x100 * i, *interfaces[i]);
    }
    gic->add_distributor_v2();
    for (unsigned i = 0; i < vcpus; ++i) write(i, kSetEnable, ~0U);
    write(0, kCtlr, 1);
  }
  std::uint64_t read(unsigned vcpu, std::uint64_t offset, AccessWidth width = AccessWidth::Dword) {
    distributor.set_accessor(VcpuId(vcpu));
    return *distributor.read(offset, width);
  }
  void write(unsigned vcpu, std::uint64_t offset, std::uint64_t value,
             AccessWidth width = AccessWidth::Dword) {
    distributor.set_accessor(VcpuId(vcpu));
    REQUIRE(distributor.write(offset, width, value).has_value());
  }
  void enable(std::uint32_t intid, std::uint8_t targets) {
    write(0, kTargets + intid, targets, AccessWidth::Byte);
    write(0, kSetEnable + intid / 32 * 4, 1U << (intid % 32));
  }
  /// What the guest would acknowledge, in order: sender << 10 | INTID.
  std::vector<std::uint32_t> fill(unsigned vcpu, unsigned capacity = 4) {
    held = gic->fill(vcpu, capacity, 0);
    std::vector<std::uint32_t> intids;
    for (unsigned i = 0; i < held.count; ++i) intids.push_back(held.entries[i].virtual_intid());
    return intids;
  }
  /// The guest has acknowledged the first one; then, or else, ended it.
  void fold_acknowledged(unsigned vcpu) {
    held.entries[0].pending = false;
    held.entries[0].active = true;
    gic->fold(vcpu, held, 0);
  }
  void fold_ended(unsigned vcpu) {
    held.entries[0].pending = held.entries[0].active = false;
    gic->fold(vcpu, held, 0);
  }
  void fold(unsigned vcpu) { gic->fold(vcpu, held, 0); }

  Heap heap;
  NoLock lock;
  std::vector<std::unique_ptr<VcpuInterface>> interfaces;
  Box<Gic> gic = std::move(*Gic::try_make(Allocator::of(heap), lock, interfaces.size()));
  DistributorV2 distributor{"gicd", {Bus::Mmio, 0x800'0000, 0x1000}, *gic};
  ListRegisters held;
};

using Intids = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("gicv2: a shared interrupt goes to the first CPU of its targets") {
  World w;
  w.enable(40, 0b1100);
  w.gic->set_line(40, true);
  CHECK(w.fill(0).empty());
  CHECK(w.fill(3).empty());
  CHECK(w.fill(2) == Intids{40});
  w.fold(2);
  w.write(0, kTargets + 40, 0b1000, AccessWidth::Byte);
  CHECK(w.fill(2).empty());
  CHECK(w.fill(3) == Intids{40});
  w.fold(3);
  w.write(0, kTargets + 40, 0, AccessWidth::Byte);
  for (unsigned vcpu = 0; vcpu < 4; ++vcpu) CHECK(w.fill(vcpu).empty());
  // CPUs that do not exist are none.
  w.write(0, kTargets + 40, 0xf2, AccessWidth::Byte);
  CHECK(w.read(0, kTargets + 40) == 0x02);
}

TEST_CASE("gicv2: a uniprocessor's interrupts need no targets") {
  World w(1);
  w.write(0, kSetEnable + 4, 1U << 8);
  w.gic->set_line(40, true);
  CHECK(w.fill(0) == Intids{40});
  w.write(0, kTargets + 40, 1, AccessWidth::Byte);
  CHECK(w.read(0, kTargets + 40) == 0);
  CHECK(w.read(0, kTargets) == 0);
}

TEST_CASE("gicv2: private interrupts name the CPU that asks, and stay its own") {
  World w;
  CHECK(w.read(0, kTargets) == 0x0101'0101);
  CHECK(w.read(2, kTargets + 28) == 0x0404'0404);
  w.write(2, kTargets, 0);
  CHECK(w.read(2, kTargets) == 0x0404'0404);
  w.write(1, kPriority + 27, 0x40, AccessWidth::Byte);
  CHECK(w.read(1, kPriority + 24) == 0x4000'0000);
  CHECK(w.read(0, kPriority + 24) == 0);
  w.gic->set_private_line(1, 27, true);
  CHECK((w.read(1, kSetPending) >> 27) == 1);
  CHECK(w.read(0, kSetPending) == 0);
  CHECK(w.fill(0).empty());
  CHECK(w.fill(1) == Intids{27});
}

TEST_CASE("gicv2: GICD_SGIR sends to a list, to all others, or to oneself") {
  World w;
  static_cast<void>(w.gic->take_wakes());
  w.write(1, kSgir, 0b1001U << 16 | 5);
  CHECK(w.gic->take_wakes() == 0b1001);
  w.write(1, kSgir, 1U << 24 | 6);
  CHECK(w.gic->take_wakes() == 0b1101);
  w.write(1, kSgir, 2U << 24 | 7);
  CHECK(w.gic->take_wakes() == 0b0010);
  w.write(1, kSgir, 3U << 24 | 0xf << 16 | 8);
  CHECK(w.gic->take_wakes() == 0);
  CHECK(w.fill(0) == Intids{5 | 1 << 10, 6 | 1 << 10});
  CHECK(w.fill(1) == Intids{7 | 1 << 10});
  CHECK(w.fill(2) == Intids{6 | 1 << 10});
}

TEST_CASE("gicv2: the same SGI from several CPUs comes once from each") {
  World w;
  for (const unsigned sender : {3U, 1U, 2U, 1U}) w.write(sender, kSgir, 1U << 16 | 5);
  CHECK(w.read(0, kSetSgi + 4) == 0b1110 << 8);
  for (const std::uint32_t sender : {1U, 2U, 3U}) {
    CHECK(w.fill(0) == Intids{5 | sender << 10});
    // Its end brings the next one.
    CHECK(w.held.entries[0].reports_end == (sender != 3));
    w.fold_ended(0);
  }
  CHECK(w.fill(0).empty());
  CHECK(w.read(0, kSetSgi + 4) == 0);
}

TEST_CASE("gicv2: while an SGI is active it keeps its sender, and others wait") {
  World w;
  w.write(1, kSgir, 1U << 16 | 5);
  CHECK(w.fill(0) == Intids{5 | 1 << 10});
  w.fold_acknowledged(0);
  CHECK(w.read(0, kSetActive) == 1U << 5);
  w.write(2, kSgir, 1U << 16 | 5);
  CHECK((w.read(0, kSetPending) & 1U << 5) != 0);
  CHECK(w.fill(0) == Intids{5 | 1 << 10});
  CHECK(w.held.entries[0].active);
  CHECK_FALSE(w.held.entries[0].pending);
  CHECK(w.held.entries[0].reports_end);
  w.fold_ended(0);
  CHECK(w.fill(0) == Intids{5 | 2 << 10});
}

TEST_CASE("gicv2: one that a CPU takes back unseen is still its sender's") {
  World w;
  w.write(3, kSgir, 1U << 16 | 5);
  CHECK(w.fill(0) == Intids{5 | 3 << 10});
  w.fold(0);  // not acknowledged
  CHECK(w.read(0, kClearSgi + 4) == 0b1000 << 8);
  CHECK(w.fill(0) == Intids{5 | 3 << 10});
}

TEST_CASE("gicv2: SGIs become pending and cease to be by sender, and by nothing else") {
  World w;
  w.write(0, kSetPending, 0xffff);
  CHECK(w.read(0, kSetPending) == 0);
  w.write(0, kSetSgi + 5, 0xff, AccessWidth::Byte);
  CHECK(w.read(0, kSetSgi + 4) == 0x0f00);  // of four CPUs
  CHECK(w.read(1, kSetSgi + 4) == 0);
  w.write(0, kClearPending, 0xffff);
  CHECK(w.read(0, kSetPending) == 1U << 5);
  w.write(0, kClearSgi + 5, 0b0101, AccessWidth::Byte);
  CHECK(w.read(0, kClearSgi + 4) == 0x0a00);
  w.write(0, kClearSgi + 4, ~0U);
  CHECK(w.read(0, kSetPending) == 0);
  CHECK(w.fill(0).empty());
  w.write(0, kSetPending, 1U << 27);  // others are not senders'
  CHECK(w.fill(0) == Intids{27});
}

TEST_CASE("gicv2: an SGI from outside comes from the CPU that it is for") {
  World w;
  w.gic->make_pending(2, 5);
  CHECK(w.fill(2) == Intids{5 | 2 << 10});
}

TEST_CASE("gicv2: groups decide what is enabled, not who gets an SGI") {
  World w;
  w.write(1, kGroup, 1U << 5);
  w.write(0, kSgir, 0b10U << 16 | 5);
  CHECK(w.fill(1).empty());
  w.write(0, kCtlr, 2);
  CHECK(w.fill(1) == Intids{5});
  CHECK(w.held.entries[0].group1);
}

TEST_CASE("gicv2: the distributor's other registers") {
  World w;
  CHECK(w.read(0, kCtlr) == 1);
  w.write(0, kCtlr, ~0U);
  CHECK(w.read(0, kCtlr) == 3);
  CHECK(w.read(0, kTyper) == (31 | 3 << 5));
  CHECK(w.read(0, 0x8) == 0x43b);
  CHECK((w.read(0, 0xfe8) >> 4) == 2);
  CHECK(w.read(0, kConfig) == 0xaaaa'aaaa);
  CHECK(w.read(0, kSgir) == 0);
  // There is nothing from 1020 on.
  w.write(0, kTargets + 1016, 0x0101'0101'0101'0101, AccessWidth::Qword);
  CHECK(w.read(0, kTargets + 1016, AccessWidth::Qword) == 0x0101'0101);
}

TEST_CASE("gicv2: the distributor has no feature register, a GICv3's has") {
  constexpr auto kPfr0 = static_cast<std::uint16_t>(SysReg::ID_AA64PFR0_EL1);
  World w;
  CHECK(guest_gic_feature(*w.interfaces[0], kPfr0) == 0);
  CHECK(w.interfaces[0]->is_in_memory());
}

TEST_CASE("gicv2: every access at every offset gets an answer, and breaks nothing") {
  CHECK(rc::check("total", [] {
    World w(*rc::gen::inRange(1U, kGicv2Cpus + 1));
    for (int i = 0; i < 300; ++i) {
      const auto vcpu = *rc::gen::inRange(0U, w.gic->vcpu_count());
      const auto width = *rc::gen::element(AccessWidth::Byte, AccessWidth::Word, AccessWidth::Dword,
                                           AccessWidth::Qword);
      const auto offset = *rc::gen::inRange<std::uint64_t>(0, DistributorV2::kSize - 8);
      if (*rc::gen::arbitrary<bool>()) {
        const auto value = w.read(vcpu, offset, width);
        RC_ASSERT(value == truncate(value, width));
      } else {
        w.write(vcpu, offset, *rc::gen::arbitrary<std::uint64_t>(), width);
      }
      const ListRegisters held = w.gic->fill(vcpu, *rc::gen::inRange(1U, 17U), 0);
      for (unsigned n = 0; n < held.count; ++n) RC_ASSERT(held.entries[n].is_valid());
      w.gic->fold(vcpu, held, 0);
    }
  }));
}
