// Any driver of an ITS and its redistributors, with tables and a queue in memory that it writes as
// it likes: what it does has an answer and an end, CPUs get interrupts that exist, and a controller
// that is restored from a description goes on as the original does.

#include <axvm/state.hpp>
#include <core/arch/aarch64/gic/distributor.hpp>
#include <core/arch/aarch64/gic/its.hpp>
#include <core/arch/aarch64/gic/redistributor.hpp>
#include <fuzz/input.hpp>
#include <fuzz/state.hpp>
#include <optional>
#include <tests/core/guest_ram.hpp>
#include <tests/core/heap.hpp>

namespace {

using namespace axvm;
using namespace axvm::aarch64;
using fuzz::Input;
using fuzz::require;
using test::Heap;
using test::NoLock;

constexpr unsigned kVcpus = 3;
constexpr std::uint64_t kValid = 1ULL << 63;

struct Guest final : test::GuestRam<64 << 10> {
  std::uint64_t nanoseconds() override { return 5; }
  template <class T>
  void put(std::uint64_t at, const T& value) {
    if (inside(GuestPhysAddr(at), sizeof value))
      std::memcpy(&ram[at - kBase], &value, sizeof value);
  }
};

constexpr std::uint64_t kRam = Guest::kBase;
constexpr std::size_t kRamSize = Guest::kSize;

struct World {
  World() {
    for (unsigned i = 0; i < kVcpus; ++i) gic->add_vcpu(i, interfaces[i]);
    require(gic->add_lpis(Allocator::of(heap)).has_value(), "there is memory");
    gic->add_distributor();
    redistributors.emplace("gicr", BusRange{Bus::Mmio, 0x80a'0000, 0x2'0000ULL * kVcpus}, *gic,
                           guest);
    its.emplace("its", BusRange{Bus::Mmio, 0x808'0000, Its::kSize}, *gic, redistributors->lpis(),
                guest);
    gic->attach(*its);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void describe(StateVisitor& visitor) {
    gic->describe(visitor);
    redistributors->describe(visitor);
    its->describe(visitor);
  }
  void put(Device& device, std::uint64_t offset, AccessWidth width, std::uint64_t value) {
    require(device.write(offset, width, value).has_value(), "writes have answers");
  }

  Guest guest;
  Heap heap;
  NoLock lock;
  std::array<VcpuInterface, kVcpus> interfaces;
  Box<Gic> gic = std::move(*Gic::try_make(Allocator::of(heap), lock, kVcpus));
  Distributor distributor{"gicd", {Bus::Mmio, 0x800'0000, 0x1'0000}, *gic};
  std::optional<Redistributors> redistributors;
  std::optional<Its> its;
};

fuzz::State state_of(World& world) { return fuzz::state_of<StateVisitor>(world); }

constexpr std::uint64_t kItsRegisters[] = {0x0,  0x8,   0x80,  0x84,  0x88,  0x8c,
                                           0x90, 0x100, 0x104, 0x108, 0x10c, 0x1'0040};
constexpr std::uint64_t kPrivateRegisters[] = {0x0,  0x8,  0x14, 0x70, 0x74,     0x78,
                                               0x7c, 0xa0, 0xb0, 0xc0, 0x1'0100, 0x1'0200};
constexpr AccessWidth kWidths[] = {AccessWidth::Byte, AccessWidth::Word, AccessWidth::Dword,
                                   AccessWidth::Qword};

// Where a driver puts things: at the beginning of a page of memory, mostly.
std::uint64_t address_from(Input& input) {
  if (input.once_in(16)) return input.take<std::uint64_t>();
  return kRam + 0x1000 * input.below(16);
}

// All of it on, with tables that overlap as they may.
void start(World& world, Input& input) {
  world.put(world.distributor, 0, AccessWidth::Dword, 2);
  world.put(*world.its, 0, AccessWidth::Dword, 0);
  for (unsigned i = 0; i < kVcpus; ++i) {
    const std::uint64_t frame = 0x2'0000ULL * i;
    world.put(*world.redistributors, frame, AccessWidth::Dword, 0);
    world.put(*world.redistributors, frame + 0x70, AccessWidth::Qword, kRam | 13);
    world.put(*world.redistributors, frame + 0x78, AccessWidth::Qword, kRam);
    world.put(*world.redistributors, frame, AccessWidth::Dword, 1);
  }
  const std::uint64_t levels = input.once_in(4) ? 1ULL << 62 : 0;
  world.put(*world.its, 0x100, AccessWidth::Qword, kValid | levels | (kRam + 0x4000));
  world.put(*world.its, 0x108, AccessWidth::Qword, kValid | (kRam + 0x5000));
  world.put(*world.its, 0x80, AccessWidth::Qword, kValid | (kRam + 0x6000));
  world.put(*world.its, 0, AccessWidth::Dword, 1);
}

std::uint64_t command_from(Input& input, std::array<std::uint64_t, 4>& words) {
  const std::uint64_t small = input.take<std::uint8_t>();
  words[0] = (small & 0xf) | std::uint64_t{input.below(8)} << 32;
  words[1] = input.below(8) | (8190ULL + input.below(16)) << 32;
  words[2] = input.below(4) | std::uint64_t{input.below(4)} << 16 | address_from(input) |
             (input.once_in(4) ? 0 : kValid);
  if ((small & 0xf) == 0x9) words[2] &= kValid | 0x3'0003;  // MAPC: no address
  words[3] = std::uint64_t{input.below(4)} << 16;
  if ((small >> 4) == 15) words[input.below(4)] = input.take<std::uint64_t>();
  return small;
}

// Puts commands where the queue is read next, and tells.
void give_commands(World& world, Input& input) {
  std::uint64_t writer = *world.its->read(0x88, AccessWidth::Dword);
  const std::uint64_t base = *world.its->read(0x80, AccessWidth::Qword);
  const std::uint64_t size = ((base & 0xff) + 1) * 4096;
  for (unsigned n = 1 + input.below(8); n > 0; --n) {
    std::array<std::uint64_t, 4> words{};
    command_from(input, words);
    world.guest.put((base & 0x000f'ffff'ffff'f000) + writer, words);
    writer = (writer + 32) % size;
  }
  world.put(*world.its, 0x88, AccessWidth::Qword, writer | (input.once_in(4) ? 1 : 0));
}

void run_cpu(World& world, Input& input) {
  const unsigned vcpu = input.below(kVcpus);
  const unsigned capacity = 1 + input.below(kMaxListRegisters);
  ListRegisters held = world.gic->fill(vcpu, capacity, 0);
  require(held.count <= capacity, "list registers are not more than there are");
  for (unsigned i = 0; i < held.count; ++i) {
    ListRegister& entry = held.entries[i];
    require(entry.intid < kIntidCount || is_lpi(entry.intid), "interrupts exist");
    for (unsigned j = 0; j < i; ++j) {
      require(held.entries[j].intid != entry.intid, "an interrupt is there once");
    }
    if (input.once_in(2)) entry.pending = entry.active = false;
  }
  if (input.once_in(2)) give_commands(world, input);
  world.gic->fold(vcpu, held, input.below(3));
}

void step(World& world, Input& input) {
  switch (input.below(10)) {
    case 0: {
      Device& device = input.once_in(2) ? static_cast<Device&>(*world.its)
                                        : static_cast<Device&>(*world.redistributors);
      const std::uint64_t offset = input.take<std::uint32_t>() % (device.range().size - 8);
      const AccessWidth width = input.one_of(kWidths);
      if (input.once_in(2)) return world.put(device, offset, width, input.take<std::uint64_t>());
      const auto value = device.read(offset, width);
      require(value.has_value() && *value == truncate(*value, width), "reads have answers");
      return;
    }
    case 1: {
      const std::uint64_t value =
          input.once_in(2) ? address_from(input) | kValid | input.below(16) : input.below(4);
      return world.put(*world.its, input.one_of(kItsRegisters), input.one_of(kWidths), value);
    }
    case 2: {
      const std::uint64_t offset = 0x2'0000ULL * input.below(kVcpus);
      const std::uint64_t value =
          input.once_in(2) ? address_from(input) | input.below(16) : input.below(4);
      return world.put(*world.redistributors, offset + input.one_of(kPrivateRegisters),
                       input.one_of(kWidths), value);
    }
    case 3: {
      const std::uint64_t at = kRam + 8 * (input.take<std::uint16_t>() % (kRamSize / 8));
      return world.guest.put(at, input.take<std::uint64_t>());
    }
    case 4: return world.its->poll();
    case 5: static_cast<void>(world.gic->send_message(input.below(8), input.below(8))); return;
    case 6: return run_cpu(world, input);
    default: return give_commands(world, input);
  }
}

// An access: so many commands, each with its queue, two tables of two levels and an event; or those
// that read all of the configuration. Twice: a step is two accesses at most.
constexpr std::uint64_t kMostAccesses = 3ULL * Its::kWorkPerAccess * 12;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  World world;
  start(world, input);
  while (!input.empty()) {
    world.guest.accesses = 0;
    switch (input.below(64)) {
      case 0: start(world, input); break;
      case 1: {
        fuzz::RestoreAnything<StateVisitor> anything(input);
        world.its->describe(anything);
        world.redistributors->describe(anything);
        if (input.once_in(4)) world.gic->describe(anything);
        break;
      }
      case 2: {  // two that are told the same do the same
        World other;
        other.guest.ram = world.guest.ram;
        const fuzz::State saved = state_of(world);
        fuzz::Restore<StateVisitor> restore(saved);
        other.describe(restore);
        require(state_of(other) == saved, "the description says all of the state");
        Input same = input;
        step(other, same);
        step(world, input);
        require(state_of(other) == state_of(world), "a restored one goes on as the original");
        require(other.guest.ram == world.guest.ram, "and writes the same");
        break;
      }
      default: step(world, input);
    }
    require(world.guest.accesses <= kMostAccesses, "work has an end");
  }
  return 0;
}
