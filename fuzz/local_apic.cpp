// Any accesses to local APICs, as memory and as MSRs, messages and the passing of time: every
// access has an answer; what a processor takes was requested and is above what it does; priorities,
// requests and service agree with the registers; timers ask for what is ahead of them; and APICs
// restored from a description go on as the original.

#include <axvm/state.hpp>
#include <core/arch/x86_64/local_apic/local_apic_device.hpp>
#include <fuzz/input.hpp>
#include <fuzz/state.hpp>
#include <optional>
#include <tests/core/heap.hpp>

namespace {

using namespace axvm;
using namespace axvm::x86_64;
using fuzz::Input;
using fuzz::require;

constexpr unsigned kVcpus = 3;

struct Clock final : DeviceHost {
  std::uint64_t nanoseconds() override { return now; }
  std::uint64_t now = 0;
};

struct Listener final : EndOfInterruptListener {
  void end_of_interrupt(std::uint8_t vector) override {
    require(vector >= 16, "interrupts that end have a legal vector");
    ++ended;
  }
  unsigned ended = 0;
};

struct World {
  World() { apics->attach(listener); }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  test::Heap heap;
  test::NoLock lock;
  Clock clock;
  Listener listener;
  Box<LocalApics> apics =
      std::move(*LocalApics::try_make(Allocator::of(heap), lock, kVcpus, 2'100'000'000));
  LocalApicDevice device{"local apics", *apics, clock};
};

/// Few vectors, so that they meet; some are illegal.
std::uint8_t vector_from(Input& input) {
  constexpr std::uint8_t kVectors[] = {0x03, 0x10, 0x1f, 0x20, 0x2f, 0x80, 0xf0, 0xff};
  return input.one_of(kVectors);
}

unsigned register_from(Input& input) {
  constexpr unsigned kRegisters[] = {0x02, 0x03, 0x08, 0x0a, 0x0b, 0x0d, 0x0e, 0x0f, 0x20, 0x28,
                                     0x30, 0x31, 0x32, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3e, 0x3f};
  return input.once_in(8) ? input.below(256) : input.one_of(kRegisters);
}

std::uint64_t value_from(Input& input, unsigned number) {
  using namespace apic_register;
  if (input.once_in(8)) return input.take<std::uint64_t>();
  switch (number) {
    case kSpuriousVector: return 0x100U | vector_from(input);
    case kTaskPriority: return input.below(256);
    case kEndOfInterrupt:
    case kErrorStatus: return 0;
    case kLogicalDestination: return std::uint64_t{input.take<std::uint8_t>()} << 24;
    case kDestinationFormat: return input.below(2) != 0 ? 0xffff'ffff : 0x0fff'ffff;
    case kCommandHigh: return std::uint64_t{input.below(8)} << 24;
    case kCommand:
      return std::uint64_t{input.below(8)} << 32 | (input.take<std::uint32_t>() & 0xc'cf00) |
             vector_from(input);
    case kInitialCount: return input.take<std::uint16_t>();
    case kDivideConfiguration: return input.below(16);
    default: return (input.take<std::uint32_t>() & 0x7'a700) | vector_from(input);
  }
}

/// A step that all worlds go through: what it answers.
class Step {
 public:
  explicit Step(Input& input)
      : kind_(input.below(12)),
        vcpu_(input.below(kVcpus)),
        number_(register_from(input)),
        value_(value_from(input, number_)),
        extra_(input.take<std::uint16_t>()) {}

  std::uint64_t carry_out(World& world) const {
    constexpr std::uint64_t kRefused = ~std::uint64_t{0} - 1;
    world.device.set_accessor(VcpuId(vcpu_));
    LocalApics& apics = *world.apics;
    const std::uint64_t now = world.clock.now;
    switch (kind_) {
      case 0:
      case 1: return world.device.read(offset(), AccessWidth::Dword).value_or(kRefused);
      case 2:
      case 3:
      case 4: return write(world);
      case 5: return apics.read_msr(vcpu_, 0x800 + number_, now).value_or(kRefused);
      case 6: return apics.write_msr(vcpu_, 0x800 + number_, value_, now) ? 1 : 0;
      case 7: return mode(world);
      case 8:
        static_cast<void>(apics.take_wakes());
        apics.send(InterruptMessage::of_write(kApicBase | (value_ & 0xf'f00c), extra_));
        require((apics.take_wakes() & ~news(world)) == 0, "who is told has something to take");
        return news(world);
      case 9: apics.trigger(vcpu_, static_cast<LocalVector>(extra_ % 6)); return news(world);
      case 10:
        world.clock.now += extra_;
        world.device.poll();
        return world.device.deadline().value_or(kRefused);
      default: return take(world);
    }
  }

 private:
  [[nodiscard]] std::uint64_t offset() const { return std::uint64_t{number_} * 16 % kPageSize; }

  /// Who has something to take, one bit each.
  static std::uint64_t news(World& world) {
    std::uint64_t all = 0;
    for (unsigned n = 0; n < kVcpus; ++n) {
      const bool has = world.apics->with_apic(n, [](LocalApic& apic) { return apic.has_news(); });
      all |= std::uint64_t{has} << n;
    }
    return all;
  }

  std::uint64_t write(World& world) const {
    constexpr AccessWidth kWidths[] = {AccessWidth::Byte, AccessWidth::Word, AccessWidth::Qword};
    const AccessWidth width = extra_ % 64 < 3 ? kWidths[extra_ % 64] : AccessWidth::Dword;
    const bool done = world.device.write(offset(), width, value_).has_value();
    require(!done || width == AccessWidth::Dword, "whole registers can be written, and no others");
    return done ? news(world) : ~std::uint64_t{0};
  }
  /// Modes change, and deadlines are set.
  std::uint64_t mode(World& world) const {
    constexpr std::uint64_t kBases[] = {0xfee0'0000, 0xfee0'0800, 0xfee0'0c00, 0xfee0'0400};
    LocalApics& apics = *world.apics;
    if (extra_ % 4 != 0) return apics.write_msr(vcpu_, 0x6e0, value_ % 0x1'0000, world.clock.now);
    const bool done = apics.write_msr(vcpu_, 0x1b, kBases[extra_ / 4 % 4], world.clock.now);
    return std::uint64_t{done} << 32 | *apics.read_msr(vcpu_, 0x1b, world.clock.now);
  }
  [[nodiscard]] std::uint64_t take(World& world) const {
    return world.apics->with_apic(vcpu_, [&](LocalApic& apic) -> std::uint64_t {
      const auto before = apic.processor_priority();
      const auto promised = apic.deliverable();
      const auto taken = apic.acknowledge();
      require(taken == promised, "what is deliverable is delivered");
      if (taken) {
        require(*taken >> 4 > before >> 4, "an interrupt is above what it interrupts");
        require(apic.processor_priority() >> 4 == *taken >> 4, "what is taken is in service");
        const auto next = apic.deliverable();
        require(!next || *next >> 4 > *taken >> 4, "nothing of its class interrupts it");
      }
      if (apic.take_init()) apic.init();
      return taken.value_or(0) | std::uint64_t{apic.take_nmi()} << 8 |
             std::uint64_t{apic.take_startup().value_or(0)} << 16;
    });
  }

  unsigned kind_;
  unsigned vcpu_;
  unsigned number_;
  std::uint64_t value_;
  std::uint16_t extra_;
};

fuzz::State state_of(World& world) { return fuzz::state_of<StateVisitor>(*world.apics); }

void restore(std::optional<World>& to, World& from) {
  const fuzz::State saved = state_of(from);
  to.emplace();
  to->clock.now = from.clock.now;
  fuzz::Restore<StateVisitor> visitor(saved);
  to->apics->describe(visitor);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  std::optional<World> original(std::in_place);
  std::optional<World> restored(std::in_place);
  while (!input.empty()) {
    if (input.once_in(32)) restore(restored, *original);
    if (input.once_in(64)) {
      // Nonsense, restored, is some state.
      fuzz::RestoreAnything<StateVisitor> anything(input);
      original->apics->describe(anything);
      restore(restored, *original);
    }
    const Step step(input);
    require(step.carry_out(*original) == step.carry_out(*restored),
            "original and restored APICs answer alike");
    require(state_of(*original) == state_of(*restored), "the description says all of the state");
  }
  return 0;
}
