// Rows of interrupt controllers: which one they name, and what is wrong with them.
#include <doctest/doctest.h>
#include <core/arch/riscv64/interrupt_setup.hpp>
#include <memory>
#include <tests/core/heap.hpp>
#include <vector>

using namespace axvm;
using namespace axvm::riscv64;

namespace {

using Arguments = std::vector<std::uint64_t>;

struct World {
  explicit World(unsigned vcpus) {
    for (unsigned n = 0; n < vcpus; ++n) {
      interrupts.push_back(std::make_unique<VcpuInterrupts>());
      (*controller).add_vcpu(n, *interrupts.back());
    }
  }
  /// The ranges of the row's devices.
  Result<std::vector<BusRange>> make(std::uint64_t base, std::uint64_t length,
                                     const Arguments& arguments) {
    const EmulatedDeviceConfig config{
        "intc", GuestPhysAddr(base), length, 0, EmulatedDeviceType::InterruptController, arguments};
    std::vector<BusRange> ranges;
    const auto done = make_controller_devices(Allocator::of(heap), *controller, config, "intc",
                                              [&](Box<Device> device) -> Result<> {
                                                ranges.push_back(device->range());
                                                CHECK(device->is_interrupt_controller());
                                                return {};
                                              });
    if (!done) return std::unexpected(done.error());
    return ranges;
  }

  axvm::test::Heap heap;
  axvm::test::NoLock lock;
  std::vector<std::unique_ptr<VcpuInterrupts>> interrupts;
  Box<InterruptController> controller =
      std::move(*InterruptController::try_make(Allocator::of(heap), lock, 4));
};

bool refuses(std::uint64_t base, std::uint64_t length, const Arguments& arguments) {
  const auto made = World(4).make(base, length, arguments);
  return !made && made.error().kind == ErrorKind::InvalidInput && !made.error().detail.empty();
}

}  // namespace

TEST_CASE("a row without arguments, or with 1, is a PLIC") {
  const std::vector<BusRange> expected{{Bus::Mmio, 0xc00'0000, 0x20'8000}};
  CHECK(World(4).make(0xc00'0000, 0x20'8000, {}) == expected);
  CHECK(World(4).make(0xc00'0000, 0x400'0000, {1}) == expected);
  CHECK(refuses(0xc00'0000, 0x20'7fff, {}));
  CHECK(refuses(0xc00'0000, 0x400'0000, {1, 2}));
}

TEST_CASE("2 is an APLIC, with interrupt files where their base says so") {
  const BusRange aplic{Bus::Mmio, 0xd00'0000, 0x5000};
  const BusRange files{Bus::Mmio, 0x2800'0000, 0x4000};
  CHECK(World(4).make(0xd00'0000, 0x8000, {2}) == std::vector{aplic});
  World world(4);
  CHECK(world.make(0xd00'0000, 0x5000, {2, 0x2800'0000}) == std::vector{aplic, files});
  CHECK(world.interrupts[3]->aia() != nullptr);
  CHECK(world.interrupts[3]->index() == 3);
  CHECK(refuses(0xd00'0000, 0x4fff, {2}));
  CHECK(refuses(0xd00'0800, 0x8000, {2}));
  CHECK(refuses(0xd00'0000, 0x8000, {2, 0x2800'2000}));  // four files lie in 16 KiB
  CHECK(refuses(0xd00'0000, 0x8000, {2, 0x2800'0000, 0}));
}

TEST_CASE("3 is an SSWI, beside a controller or alone") {
  const std::vector<BusRange> expected{{Bus::Mmio, 0x2f0'0000, 0x4000}};
  World world(4);
  CHECK(world.make(0x2f0'0000, 0x4000, {3}) == expected);
  CHECK(world.make(0xd00'0000, 0x8000, {2}).has_value());
  CHECK(refuses(0x2f0'0000, 0x3fff, {3}));
  CHECK(refuses(0x2f0'0000, 0x4000, {3, 0}));
}

TEST_CASE("there is nothing else, and no more than one") {
  CHECK(refuses(0xd00'0000, 0x400'0000, {0}));
  CHECK(refuses(0xd00'0000, 0x400'0000, {4}));
  for (const Arguments& first : {Arguments{1}, Arguments{2}}) {
    for (const Arguments& second : {Arguments{1}, Arguments{2}}) {
      World world(4);
      CHECK(world.make(0xd00'0000, 0x400'0000, first).has_value());
      CHECK(world.make(0xc00'0000, 0x400'0000, second).error().kind == ErrorKind::InvalidInput);
    }
  }
}

TEST_CASE("ranges beside the row's own are those of interrupt files") {
  const Arguments with_files{2, 0x2800'0000}, alone{2};
  EmulatedDeviceConfig config{
      "aplic",   GuestPhysAddr(0xd00'0000), 0x8000, 0, EmulatedDeviceType::InterruptController,
      with_files};
  CHECK(controller_ranges(config, 4)[0] == GuestPhysRange{GuestPhysAddr(0x2800'0000), 0x4000});
  CHECK(controller_ranges(config, 4)[1].size == 0);
  config.cfg_list = alone;
  CHECK(controller_ranges(config, 4)[0].size == 0);
}
