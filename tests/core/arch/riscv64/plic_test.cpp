// The PLIC by its registers: RISC-V Platform-Level Interrupt Controller Specification 1.0.0.
#include <doctest/doctest.h>
#include <rapidcheck.h>
#include <algorithm>
#include <array>
#include <core/arch/riscv64/plic/plic_device.hpp>
#include <map>
#include <memory>
#include <set>
#include <tests/core/heap.hpp>
#include <vector>

using namespace axvm;
using namespace axvm::riscv64;

namespace {

struct World {
  static constexpr std::uint64_t kPending = 0x1000, kEnable = 0x2000, kContext = 0x20'0000;

  explicit World(unsigned vcpus = 2) {
    for (unsigned n = 0; n < vcpus; ++n) {
      interrupts.push_back(std::make_unique<VcpuInterrupts>());
      plic->add_vcpu(n, *interrupts.back());
    }
  }
  std::uint32_t read(std::uint64_t offset) {
    return static_cast<std::uint32_t>(*device.read(offset, AccessWidth::Dword));
  }
  void write(std::uint64_t offset, std::uint64_t value) {
    REQUIRE(device.write(offset, AccessWidth::Dword, value).has_value());
  }
  static std::uint64_t context(unsigned hart) { return kContext + 0x1000 * (2 * hart + 1); }
  std::uint32_t claim(unsigned hart) { return read(context(hart) + 4); }
  void complete(unsigned hart, std::uint32_t source) { write(context(hart) + 4, source); }
  void set_threshold(unsigned hart, std::uint32_t value) { write(context(hart), value); }
  /// Lets `hart` hear of `source`.
  void enable(unsigned hart, std::uint32_t source, std::uint32_t priority = 1) {
    write(4ULL * source, priority);
    const std::uint64_t word = kEnable + 0x80 * (2 * hart + 1) + source / 32 * 4;
    write(word, read(word) | 1U << source % 32);
  }
  bool hears(unsigned hart) { return interrupts[hart]->external(); }

  axvm::test::Heap heap;
  axvm::test::NoLock lock;
  std::vector<std::unique_ptr<VcpuInterrupts>> interrupts;
  Box<Plic> plic = std::move(*Plic::try_make(Allocator::of(heap), lock, 4));
  PlicDevice device{"plic", {Bus::Mmio, 0xc00'0000, PlicDevice::size(4)}, *plic};
};

}  // namespace

TEST_CASE("a source interrupts the harts that have enabled it, until one claims it") {
  World world;
  world.enable(0, 10);
  world.enable(1, 10);
  static_cast<void>(world.plic->take_wakes());
  world.plic->set_line(10, true);
  CHECK(world.hears(0));
  CHECK(world.hears(1));
  CHECK(world.plic->take_wakes() == 3);
  CHECK(world.plic->take_wakes() == 0);
  CHECK(world.read(World::kPending) == 1 << 10);
  CHECK(world.claim(1) == 10);
  CHECK_FALSE(world.hears(0));
  CHECK_FALSE(world.hears(1));
  CHECK(world.claim(0) == 0);
  CHECK(world.read(World::kPending) == 0);
}

TEST_CASE("a wire that is still up at the completion interrupts again") {
  World world;
  world.enable(0, 10);
  world.plic->set_line(10, true);
  CHECK(world.claim(0) == 10);
  CHECK_FALSE(world.hears(0));
  world.complete(0, 10);
  CHECK(world.hears(0));
  CHECK(world.claim(0) == 10);
  world.plic->set_line(10, false);
  world.complete(0, 10);
  CHECK_FALSE(world.hears(0));
}

TEST_CASE("a request stays when its wire goes down before it is claimed") {
  World world;
  world.enable(0, 10);
  world.plic->set_line(10, true);
  world.plic->set_line(10, false);
  CHECK(world.hears(0));
  CHECK(world.claim(0) == 10);
  world.complete(0, 10);
  CHECK_FALSE(world.hears(0));
}

TEST_CASE("an edge during the handling of the one before is not lost, two are one") {
  World world;
  world.enable(0, 5);
  world.plic->make_pending(0, 5);
  CHECK(world.claim(0) == 5);
  world.plic->make_pending(0, 5);
  world.plic->make_pending(1, 5);
  CHECK_FALSE(world.hears(0));
  world.complete(0, 5);
  CHECK(world.claim(0) == 5);
  world.complete(0, 5);
  CHECK(world.claim(0) == 0);
}

TEST_CASE("the highest priority comes first, of equal ones the lowest number; 0 never") {
  World world;
  for (const std::uint32_t source : {3U, 40U, 900U, 7U}) world.enable(0, source, 2);
  world.write(4 * 40, 7);
  world.write(4 * 7, 0);
  for (const std::uint32_t source : {3U, 7U, 40U, 900U}) world.plic->set_line(source, true);
  CHECK(world.claim(0) == 40);
  CHECK(world.claim(0) == 3);
  CHECK(world.claim(0) == 900);
  CHECK(world.claim(0) == 0);
  world.write(4 * 7, 1);
  CHECK(world.hears(0));
}

TEST_CASE("a threshold keeps interrupts back, but not claims") {
  World world;
  world.enable(0, 10, 3);
  world.set_threshold(0, 3);
  world.plic->set_line(10, true);
  CHECK_FALSE(world.hears(0));
  world.set_threshold(0, 2);
  CHECK(world.hears(0));
  world.set_threshold(0, 7);
  CHECK(world.claim(0) == 10);
}

TEST_CASE("a completion counts where the source is enabled, whoever has claimed it") {
  World world;
  world.enable(0, 10);
  world.plic->set_line(10, true);
  CHECK(world.claim(0) == 10);
  world.complete(1, 10);
  CHECK_FALSE(world.hears(0));
  world.complete(0, 11);
  world.complete(0, 0);
  world.complete(0, 5000);
  CHECK_FALSE(world.hears(0));
  world.complete(0, 10);
  CHECK(world.hears(0));
}

TEST_CASE("registers keep what there is of them, and M-mode's are not there") {
  World world;
  world.write(4 * 10, 0xffff'ffff);
  CHECK(world.read(4 * 10) == 7);
  world.write(0, 5);
  CHECK(world.read(0) == 0);  // source 0 does not exist
  world.write(World::kEnable + 0x80, 0xffff'ffff);
  CHECK(world.read(World::kEnable + 0x80) == 0xffff'fffe);
  world.write(World::kEnable, 0xffff'ffff);  // context 0: M-mode of hart 0
  CHECK(world.read(World::kEnable) == 0);
  world.write(World::kContext, 3);
  CHECK(world.read(World::kContext) == 0);
  CHECK(world.read(World::kContext + 4) == 0);
  world.set_threshold(1, 0xff);
  CHECK(world.read(World::context(1)) == 7);
  world.write(World::kPending, 2);
  CHECK(world.read(World::kPending) == 0);
  CHECK(world.read(0x1080) == 0);                    // reserved
  CHECK(world.read(World::context(2)) == 0);         // no such vCPU
  CHECK(world.read(World::context(0) + 0x20) == 0);  // reserved
}

TEST_CASE("a PLIC has accesses of whole registers only") {
  World world;
  for (const auto width : {AccessWidth::Byte, AccessWidth::Word, AccessWidth::Qword}) {
    CHECK(world.device.read(0, width).error().kind == ErrorKind::Unsupported);
    CHECK(world.device.write(0, width, 0).error().kind == ErrorKind::Unsupported);
  }
  CHECK_FALSE(world.device.read(2, AccessWidth::Dword).has_value());
  CHECK(world.plic->send_message(1, 2).error().kind == ErrorKind::Unsupported);
}

TEST_CASE("after a reset nothing is pending or enabled, and every wire is down") {
  World world;
  world.enable(0, 10);
  world.plic->set_line(10, true);
  world.plic->reset();
  CHECK_FALSE(world.hears(0));
  CHECK(world.plic->take_wakes() == 0);
  CHECK(world.read(4 * 10) == 0);
  world.enable(0, 10);
  CHECK_FALSE(world.hears(0));
  world.plic->set_line(10, true);
  CHECK(world.hears(0));
}

namespace {

/// What the specification says of sources and harts, with sets.
struct Model {
  std::map<std::uint32_t, std::uint32_t> priority;
  std::set<std::uint32_t> level, pending, claimed;
  std::array<std::set<std::uint32_t>, 2> enabled;
  std::array<std::uint32_t, 2> threshold{};

  void raise(std::uint32_t source) {
    if (!claimed.contains(source)) pending.insert(source);
  }
  std::uint32_t best(unsigned hart, std::uint32_t above) {
    std::uint32_t found = 0;
    for (const std::uint32_t source : pending) {
      if (!enabled[hart].contains(source) || priority[source] <= above) continue;
      if (found == 0 || priority[source] > priority[found]) found = source;
    }
    return found;
  }
};

}  // namespace

TEST_CASE("the PLIC does what its specification says") {
  rc::check([](const std::vector<std::tuple<std::uint8_t, std::uint8_t, std::uint8_t>>& steps) {
    World world;
    Model model;
    for (const auto& [what, which, value] : steps) {
      const std::uint32_t source = 1 + which % 3 * 31;  // 1, 32, 63
      const unsigned hart = value & 1;
      switch (what % 6) {
        case 0:
          world.write(4ULL * source, value);
          model.priority[source] = value & 7;
          break;
        case 1: {
          const bool up = (value & 2) != 0;
          world.plic->set_line(source, up);
          if (up && model.level.insert(source).second) model.raise(source);
          if (!up) model.level.erase(source);
          break;
        }
        case 2:
          world.enable(hart, source, model.priority[source]);
          model.enabled[hart].insert(source);
          break;
        case 3:
          world.set_threshold(hart, value);
          model.threshold[hart] = value & 7;
          break;
        case 4: {
          const std::uint32_t claimed = model.best(hart, 0);
          RC_ASSERT(world.claim(hart) == claimed);
          model.pending.erase(claimed);
          if (claimed != 0) model.claimed.insert(claimed);
          break;
        }
        default:
          world.complete(hart, source);
          if (!model.enabled[hart].contains(source)) break;
          if (model.claimed.erase(source) != 0 && model.level.contains(source)) {
            model.raise(source);
          }
      }
      for (const unsigned n : {0U, 1U}) {
        RC_ASSERT(world.hears(n) == (model.best(n, model.threshold[n]) != 0));
      }
    }
  });
}
