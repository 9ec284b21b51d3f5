// The interrupt controller by its registers and its list registers.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <core/arch/aarch64/gic/distributor.hpp>
#include <core/arch/aarch64/gic/gic.hpp>
#include <core/arch/aarch64/gic/redistributor.hpp>
#include <memory>
#include <tests/core/heap.hpp>
#include <vector>

using namespace axvm;
using namespace axvm::aarch64;
using test::Heap;
using test::NoLock;

namespace {

constexpr std::uint64_t kCtlr = 0x0, kTyper = 0x4, kGroup = 0x80, kSetEnable = 0x100,
                        kClearEnable = 0x180, kSetPending = 0x200, kClearPending = 0x280,
                        kSetActive = 0x300, kClearActive = 0x380, kPriority = 0x400,
                        kConfig = 0xc00, kRouter = 0x6000;
constexpr std::uint64_t kSgiFrame = 0x1'0000;

struct World {
  explicit World(unsigned vcpus = 2) : interfaces(vcpus) {
    for (unsigned i = 0; i < vcpus; ++i) {
      interfaces[i] = std::make_unique<VcpuInterface>();
      gic->add_vcpu(i < 16 ? i : 0x100 + i - 16, *interfaces[i]);
    }
    gic->add_distributor();
  }
  std::uint64_t read(std::uint64_t offset, AccessWidth width = AccessWidth::Dword) {
    return *distributor.read(offset, width);
  }
  void write(std::uint64_t offset, std::uint64_t value, AccessWidth width = AccessWidth::Dword) {
    REQUIRE(distributor.write(offset, width, value).has_value());
  }
  std::uint64_t read_private(unsigned vcpu, std::uint64_t offset) {
    return *redistributors.read(vcpu * 0x2'0000 + offset, AccessWidth::Dword);
  }
  void write_private(unsigned vcpu, std::uint64_t offset, std::uint64_t value) {
    REQUIRE(redistributors.write(vcpu * 0x2'0000 + offset, AccessWidth::Dword, value).has_value());
  }
  /// As a guest's driver does it: everything in group 1, enabled groups, one SPI.
  void enable(std::uint32_t intid, std::uint8_t priority = 0xa0) {
    write(kCtlr, 2);
    write(kGroup + intid / 32 * 4, ~0U);
    write(kPriority + intid, priority, AccessWidth::Byte);
    write(kSetEnable + intid / 32 * 4, 1U << (intid % 32));
  }
  std::vector<std::uint32_t> fill(unsigned vcpu, unsigned capacity = 4) {
    held = gic->fill(vcpu, capacity, 0);
    std::vector<std::uint32_t> intids;
    for (unsigned i = 0; i < held.count; ++i) intids.push_back(held.entries[i].intid);
    return intids;
  }

  struct NoMemory final : DeviceHost {};

  Heap heap;
  NoLock lock;
  NoMemory no_memory;
  std::vector<std::unique_ptr<VcpuInterface>> interfaces;
  Box<Gic> gic = std::move(*Gic::try_make(Allocator::of(heap), lock, interfaces.size()));
  Distributor distributor{"gicd", {Bus::Mmio, 0x800'0000, 0x1'0000}, *gic};
  Redistributors redistributors{
      "gicr", {Bus::Mmio, 0x80a'0000, 0x2'0000 * interfaces.size()}, *gic, no_memory};
  ListRegisters held;
};

using Intids = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("gic: a wire's interrupt is delivered when all that has to be enabled is") {
  World w;
  w.gic->set_line(40, true);
  CHECK(w.fill(0).empty());
  w.write(kSetEnable + 4, 1U << 8);
  CHECK(w.fill(0).empty());
  w.write(kCtlr, 2);
  CHECK(w.fill(0).empty());  // of group 0
  w.write(kGroup + 4, 1U << 8);
  CHECK(w.fill(0) == Intids{40});
  CHECK(w.held.entries[0].reports_end);
  CHECK((w.read(kSetPending + 4) & 1U << 8) != 0);
  w.gic->fold(0, w.held, 0);
  w.gic->set_line(40, false);
  CHECK(w.fill(0).empty());
}

TEST_CASE("gic: a level stays pending while the wire is up, an edge is pending once") {
  World w;
  w.enable(40);
  w.enable(41);
  w.write(kConfig + 8, 2U << 18);  // 41: edge
  for (const std::uint32_t intid : {40U, 41U}) w.gic->set_line(intid, true);
  CHECK(w.fill(0) == Intids{40, 41});
  CHECK_FALSE(w.held.entries[1].reports_end);
  for (ListRegister& entry : w.held.entries) entry.pending = false;  // taken and ended
  w.gic->fold(0, w.held, 0);
  CHECK(w.fill(0) == Intids{40});
  w.gic->set_line(41, false);
  w.gic->set_line(41, true);
  w.gic->fold(0, w.held, 0);
  CHECK(w.fill(0) == Intids{40, 41});
}

TEST_CASE("gic: interrupts come by priority, active ones first, then by number") {
  World w;
  w.enable(50, 0x80);
  w.enable(40, 0xa0);
  w.enable(60, 0x20);
  w.enable(45, 0x80);
  for (const std::uint32_t intid : {40U, 45U, 50U, 60U}) w.gic->set_line(intid, true);
  CHECK(w.fill(0, 3) == Intids{60, 45, 50});
  CHECK(w.held.more);
  w.held.entries[2].pending = false;
  w.held.entries[2].active = true;  // 50
  w.gic->fold(0, w.held, 0);
  CHECK(w.fill(0, 3) == Intids{60, 50, 45});
  CHECK((w.read(kSetActive + 4) & 1U << 18) != 0);
}

TEST_CASE("gic: routes lead to a vCPU, and to nobody where there is none") {
  World w;
  w.enable(40);
  w.gic->set_line(40, true);
  w.write(kRouter + 8 * 40, 1, AccessWidth::Qword);
  CHECK(w.read(kRouter + 8 * 40, AccessWidth::Qword) == 1);
  CHECK(w.gic->take_wakes() != 0);
  CHECK(w.fill(0).empty());
  CHECK(w.fill(1) == Intids{40});
  // In a list register there, it is not elsewhere.
  w.write(kRouter + 8 * 40, 0, AccessWidth::Qword);
  CHECK(w.fill(0).empty());
  w.gic->fold(1, w.held, 0);
  CHECK(w.fill(0) == Intids{40});
  w.gic->fold(0, w.held, 0);
  w.write(kRouter + 8 * 40, 0x300, AccessWidth::Qword);
  CHECK(w.fill(0).empty());
  CHECK(w.fill(1).empty());
}

TEST_CASE("gic: what a guest takes back while it is in a list register does not come again") {
  World w;
  w.enable(40);
  w.write(kSetPending + 4, 1U << 8);
  CHECK(w.fill(0) == Intids{40});
  w.write(kClearPending + 4, 1U << 8);
  w.gic->fold(0, w.held, 0);
  CHECK(w.fill(0).empty());

  w.write(kSetPending + 4, 1U << 8);
  CHECK(w.fill(0) == Intids{40});
  w.held.entries[0].pending = false;
  w.held.entries[0].active = true;
  w.gic->fold(0, w.held, 0);
  CHECK(w.fill(0) == Intids{40});
  w.write(kClearActive + 4, 1U << 8);
  w.gic->fold(0, w.held, 0);
  CHECK(w.read(kSetActive + 4) == 0);
  CHECK(w.fill(0).empty());
}

TEST_CASE(
    "gic: an end that no list register knew of ends the active interrupt of highest priority") {
  World w;
  for (std::uint32_t intid = 40; intid < 43; ++intid) {
    w.enable(intid, static_cast<std::uint8_t>(0x80 + 8 * (intid - 40)));
    w.write(kSetActive + 4, 1U << (intid % 32));
  }
  CHECK(w.fill(0, 1) == Intids{40});
  CHECK(w.held.more);
  w.gic->fold(0, w.held, 1);
  CHECK(w.read(kSetActive + 4) == (1U << 8 | 1U << 10));
}

TEST_CASE("gic: software-generated interrupts reach the group they are of") {
  World w(3);
  w.write(kCtlr, 2);
  w.write_private(1, kSgiFrame + kGroup, ~0U);
  w.write_private(1, kSgiFrame + kSetEnable, ~0U);
  static_cast<void>(w.gic->take_wakes());
  w.gic->send(0, SgiRequest(3ULL << 24 | 0b110), true);
  CHECK(w.gic->take_wakes() == 0b010);  // vCPU 2's are of group 0
  CHECK(w.fill(1) == Intids{3});
  CHECK_FALSE(w.held.entries[0].reports_end);
  CHECK(w.fill(2).empty());
  CHECK(w.fill(0).empty());
}

TEST_CASE("gic: the distributor's registers") {
  World w;
  CHECK(w.read(kCtlr) == 0x50);  // DS, ARE
  w.write(kCtlr, ~0U);
  CHECK(w.read(kCtlr) == 0x53);
  CHECK((w.read(kTyper) & 0x1f) == 31);
  CHECK(((w.read(kTyper) >> 19) & 0x1f) == 9);
  CHECK((w.read(0xffe8) >> 4) == 3);
  // Private interrupts are the redistributors'.
  w.write(kSetEnable, ~0U);
  CHECK(w.read(kSetEnable) == 0);
  // There is nothing from 1020 on.
  w.write(kSetEnable + 4 * 31, ~0U);
  CHECK(w.read(kSetEnable + 4 * 31) == 0x0fff'ffff);
  w.write(kClearEnable + 4 * 31, 0xff);
  CHECK(w.read(kSetEnable + 4 * 31) == 0x0fff'ff00);
  // Five bits of priority, byte by byte.
  w.write(kPriority + 41, 0xff, AccessWidth::Byte);
  CHECK(w.read(kPriority + 40) == 0xf800);
  w.write(kPriority + 40, 0x8081'8283);
  CHECK(w.read(kPriority + 40) == 0x8080'8080);
}

TEST_CASE("gic: the redistributors' registers") {
  World w(3);
  CHECK(w.read_private(0, 0xc) == 0);
  CHECK(w.read_private(2, 0xc) == 2);
  CHECK((w.read_private(1, 0x8) & 1U << 4) == 0);
  CHECK((w.read_private(2, 0x8) & 1U << 4) != 0);  // Last
  CHECK(w.read_private(1, 0x14) == 6);             // asleep
  w.write_private(1, 0x14, 0);
  CHECK(w.read_private(1, 0x14) == 0);
  CHECK(w.read_private(0, 0x14) == 6);
  w.write_private(1, kSgiFrame + kSetEnable, 1U << 27);
  CHECK(w.read_private(1, kSgiFrame + kSetEnable) == 1U << 27);
  CHECK(w.read_private(0, kSgiFrame + kSetEnable) == 0);
  CHECK(w.read_private(0, kSgiFrame + kConfig) == 0xaaaa'aaaa);  // SGIs are edge-triggered
  w.write_private(0, kSgiFrame + kConfig, 0);
  CHECK(w.read_private(0, kSgiFrame + kConfig) == 0xaaaa'aaaa);
  w.write_private(0, kSgiFrame + kConfig + 4, ~0U);
  CHECK(w.read_private(0, kSgiFrame + kConfig + 4) == 0xaaaa'aaaa);
  CHECK((w.read_private(0, 0xffe8) >> 4) == 3);
}

TEST_CASE("gic: every access at every offset gets an answer, and breaks nothing") {
  CHECK(rc::check("total", [] {
    World w(3);
    for (int i = 0; i < 300; ++i) {
      Device& device = *rc::gen::arbitrary<bool>() ? static_cast<Device&>(w.distributor)
                                                   : static_cast<Device&>(w.redistributors);
      const auto width = *rc::gen::element(AccessWidth::Byte, AccessWidth::Word, AccessWidth::Dword,
                                           AccessWidth::Qword);
      const auto offset = *rc::gen::inRange<std::uint64_t>(0, device.range().size - 8);
      if (*rc::gen::arbitrary<bool>()) {
        const auto value = device.read(offset, width);
        RC_ASSERT(value.has_value());
        RC_ASSERT(*value == truncate(*value, width));
      } else {
        RC_ASSERT(device.write(offset, width, *rc::gen::arbitrary<std::uint64_t>()).has_value());
      }
      const auto vcpu = *rc::gen::inRange(0U, 3U);
      const ListRegisters held = w.gic->fill(vcpu, *rc::gen::inRange(1U, 17U), 0);
      w.gic->fold(vcpu, held, 0);
    }
  }));
}

TEST_CASE("gic: without a distributor everything is enabled and shared interrupts go to vCPU 0") {
  Heap heap;
  NoLock lock;
  VcpuInterface interface;
  VcpuInterface other;
  auto gic = std::move(*Gic::try_make(Allocator::of(heap), lock, 2));
  gic->add_vcpu(0, interface);
  gic->add_vcpu(1, other);
  gic->set_line(1019, true);
  gic->make_pending(1, 5);
  CHECK(gic->fill(0, 4, 0).entries[0].intid == 1019);
  CHECK(gic->fill(1, 4, 0).entries[0].intid == 5);
}
