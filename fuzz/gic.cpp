// The interrupt controller of a VM, as a GICv2 or a GICv3, over the machine's list registers: any
// accesses to its registers, interrupts from anywhere, and guests that take and end them as they
// like. Every access has an answer, list registers never hold what the architecture forbids, and a
// controller restored from a description goes on as the original does.

#include <core/arch/aarch64/gic/distributor.hpp>
#include <core/arch/aarch64/gic/distributor_v2.hpp>
#include <core/arch/aarch64/gic/redistributor.hpp>
#include <fuzz/input.hpp>
#include <fuzz/state.hpp>
#include <memory>
#include <optional>
#include <tests/hal-sim/interrupts/machine_vcpu.hpp>

namespace {

using namespace axvm;
using namespace axvm::test;
using fuzz::Input;
using fuzz::require;

constexpr AccessWidth kWidths[] = {AccessWidth::Byte, AccessWidth::Word, AccessWidth::Dword,
                                   AccessWidth::Qword};
/// Where there are registers, by their first offsets (GICD_*; GICR_* of SGI_base are a part).
constexpr std::uint64_t kRegisters[] = {0x0,   0x80,  0x100, 0x180,  0x200, 0x280, 0x300,
                                        0x380, 0x400, 0x800, 0xc00,  0xf00, 0xf10, 0xf20,
                                        0x420, 0x820, 0xfd0, 0x6100, 0x8,   0x14,  0xffd0};

/// One vCPU, and the CPU where it is all the time.
struct Place {
  Cpu cpu;
  Vcpu vcpu;
  Vm vm;
  GuestInterrupts<Vm, Cpu> interrupts{vm, vcpu, cpu};
  std::uint32_t taken = 0;  ///< what the guest has acknowledged last
};

struct World {
  World(bool is_v2, unsigned vcpus) : v2(is_v2), places(vcpus) {
    for (unsigned i = 0; i < vcpus; ++i) {
      places[i] = std::make_unique<Place>();
      gic->add_vcpu(i < 2 ? i : 0x100 * i, places[i]->vcpu.interface);
    }
    if (v2) {
      gic->add_distributor_v2();
    } else {
      gic->add_distributor();
    }
    for (const auto& place : places) load_interface(place->cpu, place->vcpu.interface);
  }

  template <class Visitor>
  void describe(Visitor& visitor) {
    gic->describe(visitor);
    for (const auto& place : places) place->vcpu.interface.describe(visitor);
    redistributors.describe(visitor);
  }
  /// As `other` is, whose core's part is restored from its description.
  void become(World& other) {
    fuzz::Restore<StateVisitor> restore(state = fuzz::state_of<StateVisitor>(other));
    describe(restore);
    for (unsigned i = 0; i < places.size(); ++i) {
      const Place& from = *other.places[i];
      places[i]->cpu = from.cpu;
      places[i]->vcpu.place = from.vcpu.place;
      places[i]->vm = from.vm;
      places[i]->taken = from.taken;
    }
  }

  const bool v2;
  Heap heap;
  NoLock lock;
  std::vector<std::unique_ptr<Place>> places;
  Box<Gic> gic = std::move(*Gic::try_make(Allocator::of(heap), lock, places.size()));
  Distributor v3_distributor{"gicd", {Bus::Mmio, 0x800'0000, Distributor::kSize}, *gic};
  struct NoMemory final : DeviceHost {};
  NoMemory host;  // only LPIs ask it for memory, and there are none
  Redistributors redistributors{
      "gicr", {Bus::Mmio, 0x80a'0000, Redistributors::kStride* places.size()}, *gic, host};
  DistributorV2 v2_distributor{"gicd", {Bus::Mmio, 0x800'0000, DistributorV2::kSize}, *gic};
  fuzz::State state;
};

/// What happens next, decided once for both worlds.
struct Step {
  unsigned kind = 0;
  unsigned vcpu = 0;
  bool flag = false;
  bool redistributor = false;
  AccessWidth width = AccessWidth::Dword;
  std::uint64_t offset = 0;
  std::uint64_t value = 0;
  std::uint32_t intid = 0;

  Step(Input& input, const World& world)
      : kind(input.below(16)),
        vcpu(input.below(static_cast<unsigned>(world.places.size()))),
        flag(input.below(2) != 0) {
    if (kind >= 5) {
      redistributor = !world.v2 && input.below(2) != 0;
      width = input.one_of(kWidths);
      offset = input.one_of(kRegisters) + input.take<std::uint8_t>();
      if (redistributor && input.below(4) != 0) offset += 0x1'0000;
    }
    const auto any = input.take<std::uint8_t>();
    value =
        any < 0xc0 ? std::uint64_t{any} * 0x0101'0101'0101'0101ULL : input.take<std::uint64_t>();
    intid = any % 4 == 0 ? input.take<std::uint16_t>() % kIntidCount : any % 48U;
  }
};

std::uint64_t access(World& world, const Step& step, std::optional<std::uint64_t> value) {
  Device& device = world.v2             ? static_cast<Device&>(world.v2_distributor)
                   : step.redistributor ? static_cast<Device&>(world.redistributors)
                                        : static_cast<Device&>(world.v3_distributor);
  const std::uint64_t last = device.range().size - bytes(step.width);
  const std::uint64_t base = step.redistributor ? Redistributors::kStride * step.vcpu : 0;
  const std::uint64_t offset = std::min(base + step.offset, last);
  world.places[step.vcpu]->interrupts.synchronize();
  device.set_accessor(VcpuId(step.vcpu));
  if (value) {
    require(device.write(offset, step.width, *value).has_value(), "every write has an answer");
    return 0;
  }
  const auto read = device.read(offset, step.width);
  require(read.has_value(), "every read has an answer");
  require(*read == truncate(*read, step.width), "a value is no wider than the access");
  return *read;
}

/// The guest uses its CPU interface.
std::uint64_t use_interface(World& world, const Step& step) {
  Place& place = *world.places[step.vcpu];
  VirtualCpuInterface& interface = place.cpu.interface;
  VirtualCpuInterface::Written written;
  std::uint64_t read = 0;
  const bool ends = (step.value & 1) != 0;
  const auto ended = static_cast<std::uint32_t>(step.flag ? place.taken : step.value);
  if (world.v2) {
    constexpr std::uint64_t kFrame[] = {0x0, 0x4, 0x8, 0x10, 0x1c, 0x24, 0xd0, 0x1000};
    constexpr std::uint64_t kReads[] = {0xc, 0xc, 0x20, 0x14, 0x18, 0x28, 0x0, 0xd0};
    const std::size_t n = step.value / 2 % 8;
    if (ends) {
      written = interface.write_frame(kFrame[n], ended);
    } else {
      read = interface.read_frame(kReads[n]);
      if (n < 3 && read < 1020) place.taken = static_cast<std::uint32_t>(read);
    }
  } else {
    using Reg = sim::aarch64::SysReg;
    constexpr Reg kWrites[] = {{3, 0, 12, 12, 1}, {3, 0, 12, 8, 1},  {3, 0, 12, 11, 1},
                               {3, 0, 4, 6, 0},   {3, 0, 12, 12, 7}, {3, 0, 12, 8, 3},
                               {3, 0, 12, 12, 4}, {3, 0, 12, 9, 0}};
    constexpr Reg kReads[] = {
        {3, 0, 12, 12, 0}, {3, 0, 12, 8, 0}, {3, 0, 12, 12, 2}, {3, 0, 12, 11, 3}};
    const std::size_t n = step.value / 2 % 8;
    if (ends) {
      written = interface.write(kWrites[n], ended);
    } else {
      read = interface.read(kReads[n % 4]).value_or(0);
      if (n % 4 < 2 && read < 1020) place.taken = static_cast<std::uint32_t>(read);
    }
  }
  if (written.deactivated) place.vm.active_physical.erase(*written.deactivated);
  return read;
}

/// One step in one world; what it showed.
std::uint64_t take(World& world, const Step& step) {
  Place& place = *world.places[step.vcpu];
  switch (step.kind) {
    case 0: world.gic->set_line(step.intid, step.flag); return 0;
    case 1: world.gic->make_pending(step.vcpu, step.intid); return 0;
    case 2:
      if (!world.v2) place.interrupts.send(SgiRequest(step.value), step.flag);
      return 0;
    case 3: {
      const std::uint32_t timer = step.flag ? 27 : 30;
      if (!place.vm.active_physical.insert(timer).second) return 0;
      place.cpu.set(step.flag ? SysReg::CNTV_CTL_EL0 : SysReg::CNTP_CTL_EL0, step.value % 8);
      place.interrupts.forward(timer);
      return 0;
    }
    case 4:
      fold_list_registers(place.cpu, place.vcpu.interface,
                          [&](std::uint32_t i) { place.vcpu.place.take_forwarded(i); });
      save_interface(place.cpu, place.vcpu.interface);
      load_interface(place.cpu, place.vcpu.interface);
      place.vcpu.interface.mark_changed();
      return 0;
    case 5:
    case 6:
    case 7: return access(world, step, std::nullopt);
    case 8:
    case 9:
    case 10:
    case 11: return access(world, step, step.value);
    default: return use_interface(world, step);
  }
}

ListRegister list_register(World& world, unsigned vcpu, unsigned n) {
  const std::uint64_t value = read_list_register(world.places[vcpu]->cpu, n);
  return world.v2 ? ListRegister::of_gicv2(value) : ListRegister(value);
}

void check_enabled(World& world, unsigned vcpu, const ListRegister& entry) {
  const std::uint32_t bit = 1U << (entry.intid % 32);
  const std::uint64_t word = entry.intid / 32 * 4;
  require((world.gic->read_bank(vcpu, 0x100 + word) & bit) != 0, "what waits is enabled");
  const bool group1 = (world.gic->read_bank(vcpu, 0x80 + word) & bit) != 0;
  require(group1 == entry.group1, "an interrupt is of the group that its register says");
  require((world.gic->groups_enabled() >> (group1 ? 1 : 0) & 1) != 0, "its group is enabled");
}

/// The vCPU is about to be entered.
void enter(World& world, unsigned vcpu) {
  Place& place = *world.places[vcpu];
  if (place.cpu.interface.maintenance()) place.interrupts.forward(kMaintenanceIntid);
  place.interrupts.present();
}

/// IHI 0069, 12.4.6.
void check(World& world, unsigned vcpu) {
  require(!world.places[vcpu]->cpu.interface.maintenance(), "an entry is not left at once");
  for (unsigned n = 0; n < VirtualCpuInterface::kListRegisters; ++n) {
    const ListRegister entry = list_register(world, vcpu, n);
    if (!entry.is_valid()) continue;
    require(entry.intid < kIntidCount, "list registers hold interrupts");
    require(!(entry.hardware && entry.pending && entry.active), "HW is not pending and active");
    require(!entry.hardware || is_timer_interrupt(entry.intid), "HW is a timer's");
    require(!world.v2 || entry.intid < kSgiCount || entry.source == 0, "only SGIs have senders");
    for (unsigned m = 0; m < n; ++m) {
      const ListRegister other = list_register(world, vcpu, m);
      require(!other.is_valid() || other.intid != entry.intid, "no interrupt is there twice");
    }
    for (unsigned i = 0; i < world.places.size() && entry.intid >= 32; ++i) {
      for (unsigned m = 0; i != vcpu && m < VirtualCpuInterface::kListRegisters; ++m) {
        const ListRegister other = list_register(world, i, m);
        require(!other.is_valid() || other.intid != entry.intid, "a shared one is on one CPU");
      }
    }
    if (entry.pending) check_enabled(world, vcpu, entry);
  }
}

void require_same_state(World& a, World& b) {
  require(fuzz::state_of<StateVisitor>(a) == fuzz::state_of<StateVisitor>(b),
          "the description says all of the state");
}

void damage(World& world, Input& input) {
  fuzz::RestoreAnything<StateVisitor> anything(input);
  world.describe(anything);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const bool v2 = input.below(2) != 0;
  const unsigned vcpus = 1 + input.below(v2 ? kGicv2Cpus : 4);
  World original(v2, vcpus);
  World restored(v2, vcpus);
  bool is_damaged = false;
  while (!input.empty()) {
    const unsigned what = input.below(32);
    if (what == 0) restored.become(original);
    if (what == 1 && input.once_in(8)) {
      damage(original, input);
      is_damaged = true;
      restored.become(original);
    }
    const Step step(input, original);
    const bool enters = input.below(2) != 0;
    require(take(original, step) == take(restored, step), "both show the same");
    if (enters) {
      enter(original, step.vcpu);
      enter(restored, step.vcpu);
      if (!is_damaged) check(original, step.vcpu);
    }
    if (what < 2) require_same_state(original, restored);
    for (unsigned i = 0; i < vcpus; ++i) {
      for (unsigned n = 0; n < VirtualCpuInterface::kListRegisters; ++n) {
        require(read_list_register(original.places[i]->cpu, n) ==
                    read_list_register(restored.places[i]->cpu, n),
                "both have the same in their list registers");
      }
    }
  }
  require_same_state(original, restored);
  return 0;
}
