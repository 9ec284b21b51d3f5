// Any accesses to a PLIC's registers, wires and edges: every access has an answer, a hart hears of
// an interrupt exactly when one that it has enabled is pending above its threshold, a source that
// is claimed is not pending, and a controller restored from a description goes on as the original.

#include <array>
#include <axvm/state.hpp>
#include <core/arch/riscv64/plic/plic_device.hpp>
#include <cstdlib>
#include <fuzz/input.hpp>
#include <fuzz/state.hpp>
#include <optional>
#include <tests/core/heap.hpp>

namespace {

using namespace axvm;
using namespace axvm::riscv64;
using fuzz::Input;
using fuzz::require;

constexpr unsigned kHarts = 3;

struct World {
  World() {
    for (VcpuInterrupts& hart : harts) plic->add_vcpu(0, hart);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void restore(const fuzz::State& saved) {
    fuzz::Restore<StateVisitor> visitor(saved);
    describe(visitor);
  }
  void describe(StateVisitor& visitor) {
    for (VcpuInterrupts& hart : harts) hart.describe(visitor);
    plic->describe(visitor);
  }

  test::Heap heap;
  test::NoLock lock;
  std::array<VcpuInterrupts, kHarts> harts;
  Box<Plic> plic = std::move(*Plic::try_make(Allocator::of(heap), lock, kHarts));
  PlicDevice device{"plic", {Bus::Mmio, 0xc00'0000, PlicDevice::size(kHarts)}, *plic};
};

/// Few sources, so that accesses are about the same ones.
std::uint32_t source_from(Input& input) {
  constexpr std::uint32_t kSources[] = {1, 2, 31, 32, 33, 1023};
  return input.once_in(8) ? input.take<std::uint16_t>() % (kSourceCount + 8)
                          : input.one_of(kSources);
}

std::uint64_t offset_from(Input& input) {
  const std::uint64_t context = input.below(2 * kHarts + 1);
  switch (input.below(8)) {
    case 0:
    case 1: return 4ULL * source_from(input);
    case 2: return 0x1000 + input.below(0x100);
    case 3:
    case 4: return 0x2000 + 0x80 * context + source_from(input) / 32 * 4;
    case 5: return input.take<std::uint32_t>() % PlicDevice::size(kHarts);
    default: return 0x20'0000 + 0x1000 * context + input.below(4) * 4;
  }
}

AccessWidth width_from(Input& input) {
  constexpr AccessWidth kOthers[] = {AccessWidth::Byte, AccessWidth::Word, AccessWidth::Qword};
  return input.once_in(16) ? input.one_of(kOthers) : AccessWidth::Dword;
}

void check_claims(World& world, unsigned hart) {
  const std::uint64_t claim = 0x20'1004 + 0x2000ULL * hart;
  const std::uint32_t source =
      static_cast<std::uint32_t>(world.device.read(claim, AccessWidth::Dword).value_or(~0ULL));
  require(source < kSourceCount, "what is claimed exists");
  if (source == 0) {
    require(!world.harts[hart].external(), "a hart that hears of an interrupt can claim one");
    return;
  }
  require((world.plic->enabled(hart, source / 32) >> source % 32 & 1) != 0,
          "what is claimed is enabled");
  require((world.plic->pending(source / 32) >> source % 32 & 1) == 0,
          "what is claimed is not pending");
}

/// Whether a source is pending that makes itself heard in this hart.
bool should_hear(World& world, unsigned hart) {
  for (std::uint32_t source = 1; source < kSourceCount; ++source) {
    const std::uint32_t bit = 1U << source % 32;
    const bool candidate = (world.plic->pending(source / 32) & bit) != 0 &&
                           (world.plic->enabled(hart, source / 32) & bit) != 0;
    if (candidate && world.plic->priority(source) > world.plic->threshold(hart)) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  std::optional<World> original(std::in_place);
  std::optional<World> restored(std::in_place);
  bool is_sound = true;  // the external interrupts are the controller's, not a damaged snapshot's
  while (!input.empty()) {
    switch (input.below(8)) {
      default: {
        const std::uint64_t offset = offset_from(input);
        const AccessWidth width = width_from(input);
        const auto first = original->device.read(offset, width);
        const auto second = restored->device.read(offset, width);
        require(first.has_value() == second.has_value() && first.value_or(0) == second.value_or(0),
                "original and restored controller read the same");
        break;
      }
      case 0:
      case 1:
      case 2: {
        const std::uint64_t offset = offset_from(input);
        const AccessWidth width = width_from(input);
        const std::uint64_t value =
            input.below(2) != 0 ? source_from(input) : input.take<std::uint32_t>();
        const bool done = original->device.write(offset, width, value).has_value();
        require(done == restored->device.write(offset, width, value).has_value(),
                "original and restored controller answer alike");
        require(done == (width == AccessWidth::Dword && offset % 4 == 0),
                "whole registers can be written, and nothing else");
        break;
      }
      case 3: {
        const std::uint32_t source = source_from(input);
        const unsigned what = input.below(3);
        for (World* world : {&*original, &*restored}) {
          if (what == 2) world->plic->make_pending(0, source);
          if (what < 2) world->plic->set_line(source, what != 0);
        }
        break;
      }
      case 4: {
        restored.emplace();
        restored->restore(fuzz::state_of<StateVisitor>(*original));
        break;
      }
      case 5: {
        if (!input.once_in(4)) break;
        fuzz::RestoreAnything<StateVisitor> anything(input);
        original->describe(anything);
        restored->restore(fuzz::state_of<StateVisitor>(*original));
        is_sound = false;
        break;
      }
      case 6: {
        const unsigned hart = input.below(kHarts);
        if (is_sound) check_claims(*original, hart);
        if (is_sound) check_claims(*restored, hart);
        break;
      }
    }
    require(fuzz::state_of<StateVisitor>(*original) == fuzz::state_of<StateVisitor>(*restored),
            "the description says all of the state");
    for (unsigned hart = 0; hart < kHarts && is_sound; ++hart) {
      require(original->harts[hart].external() == should_hear(*original, hart),
              "a hart hears of what is pending for it, and of nothing else");
    }
  }
  return 0;
}
