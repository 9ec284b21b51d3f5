// Any accesses to an APLIC's registers, to interrupt files by their pages and by CSRs, wires and
// edges, with interrupt files or without: every access has an answer, a hart hears of an interrupt
// exactly when its registers say that there is one, what is claimed is pending no more, and a
// controller restored from a description goes on as the original.

#include <array>
#include <axvm/state.hpp>
#include <core/arch/riscv64/aia/aplic_device.hpp>
#include <core/arch/riscv64/aia/imsic_device.hpp>
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
constexpr std::uint64_t kDomaincfg = 0, kInterruptEnable = 1U << 8;
constexpr std::uint64_t kEidelivery = 0x70;

struct World {
  explicit World(bool with_files)
      : has_files(with_files),
        aia(std::move(*Aia::try_make(Allocator::of(heap), lock, kHarts, with_files))) {
    for (VcpuInterrupts& hart : harts) aia->add_vcpu(hart);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void restore(const fuzz::State& saved) {
    fuzz::Restore<StateVisitor> visitor(saved);
    describe(visitor);
  }
  void describe(StateVisitor& visitor) {
    for (VcpuInterrupts& hart : harts) hart.describe(visitor);
    aia->describe(visitor);
  }
  /// What a hart's registers say: by its interrupt file, or by its structure in the APLIC.
  [[nodiscard]] bool should_hear(unsigned hart) {
    if (has_files) {
      return aia->read_file(hart, kEidelivery).value_or(0) == 1 && aia->top(hart) != 0;
    }
    const std::uint64_t idc = 0x4000 + 32 * hart;
    const bool is_enabled = (aia->read_aplic(kDomaincfg) & kInterruptEnable) != 0;
    const bool is_forced = aia->read_aplic(idc + 4) != 0;
    return is_enabled && aia->read_aplic(idc) != 0 &&
           (is_forced || aia->read_aplic(idc + 0x18) != 0);
  }

  bool has_files;
  test::Heap heap;
  test::NoLock lock;
  std::array<VcpuInterrupts, kHarts> harts;
  Box<Aia> aia;
  AplicDevice aplic{"aplic", {Bus::Mmio, 0xd00'0000, Aplic::size(kHarts)}, *aia};
  ImsicDevice imsic{"imsic", {Bus::Mmio, 0x2800'0000, ImsicDevice::size(kHarts)}, *aia};
};

/// Few sources and identities, so that accesses are about the same ones.
std::uint32_t number_from(Input& input) {
  constexpr std::uint32_t kNumbers[] = {1, 2, 31, 32, 63, 64, 255, 1023};
  return input.once_in(8) ? input.take<std::uint16_t>() % (Aplic::kSources + 8)
                          : input.one_of(kNumbers);
}

std::uint64_t offset_from(Input& input) {
  constexpr std::uint64_t kNumbered[] = {0x1cdc, 0x1ddc, 0x1edc, 0x1fdc, 0x2000, 0x2004, 0x3000};
  constexpr std::uint64_t kBits[] = {0x1c00, 0x1d00, 0x1e00, 0x1f00};
  switch (input.below(8)) {
    case 0: return 4ULL * (number_from(input) % Aplic::kSources);
    case 1: return 0x3000 + 4ULL * (number_from(input) % Aplic::kSources);
    case 2: return input.one_of(kNumbered);
    case 3: return input.one_of(kBits) + number_from(input) % Aplic::kSources / 32 * 4;
    case 4: return kDomaincfg;
    case 5: return input.take<std::uint32_t>() % Aplic::size(kHarts);
    default: return 0x4000 + 32ULL * input.below(kHarts + 1) + 4ULL * input.below(8);
  }
}

std::uint32_t value_from(Input& input) {
  constexpr std::uint32_t kModes[] = {0, 1, 2, 4, 5, 6, 7};
  switch (input.below(4)) {
    case 0: return input.one_of(kModes);
    case 1: return input.below(kHarts + 1) << 18 | number_from(input);
    case 2: return number_from(input);
    default: return input.take<std::uint32_t>();
  }
}

AccessWidth width_from(Input& input) {
  constexpr AccessWidth kOthers[] = {AccessWidth::Byte, AccessWidth::Word, AccessWidth::Qword};
  return input.once_in(16) ? input.one_of(kOthers) : AccessWidth::Dword;
}

/// A CSR of a hart's interrupt file.
void access_file(World& original, World& restored, Input& input) {
  const unsigned hart = input.below(kHarts);
  const std::uint64_t select = 0x6e + input.below(0x94);
  switch (input.below(3)) {
    case 0:
      require(original.aia->read_file(hart, select) == restored.aia->read_file(hart, select),
              "original and restored interrupt file read the same");
      return;
    case 1: {
      const std::uint64_t value =
          input.below(2) != 0 ? input.below(2) : input.take<std::uint64_t>();
      const auto written = [value](std::uint64_t) { return value; };
      require(original.aia->change_file(hart, select, written) ==
                  restored.aia->change_file(hart, select, written),
              "original and restored interrupt file answer alike");
      return;
    }
    default: break;
  }
  const std::uint64_t top = original.aia->top(hart);
  require(original.aia->claim(hart) == top && restored.aia->claim(hart) == top,
          "what is claimed is the top");
  const std::uint64_t identity = top >> 16;
  require(identity <= kIdentityCount, "what is claimed exists");
  const std::uint64_t bits =
      original.aia->read_file(hart, 0x80 + identity / 64 * 2).value_or(~0ULL);
  require((bits >> identity % 64 & 1) == 0, "what is claimed is pending no more");
}

/// A register by memory.
void access_device(World& original, World& restored, Input& input) {
  const AccessWidth width = width_from(input);
  const bool to_file = original.has_files && input.below(3) == 0;
  const std::uint64_t offset =
      to_file ? input.below(kHarts) * kPageSize + input.below(4) * 4 : offset_from(input);
  const auto device = [&](World& world) -> Device& {
    if (to_file) return world.imsic;
    return world.aplic;
  };
  if (input.below(2) != 0) {
    const auto first = device(original).read(offset, width);
    const auto second = device(restored).read(offset, width);
    require(first.has_value() == second.has_value() && first.value_or(0) == second.value_or(0),
            "original and restored controller read the same");
    return;
  }
  const std::uint32_t value = value_from(input);
  const bool done = device(original).write(offset, width, value).has_value();
  require(done == device(restored).write(offset, width, value).has_value(),
          "original and restored controller answer alike");
  require(done == (width == AccessWidth::Dword && offset % 4 == 0),
          "whole registers can be written, and nothing else");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const bool with_files = input.below(2) != 0;
  std::optional<World> original(std::in_place, with_files);
  std::optional<World> restored(std::in_place, with_files);
  bool is_sound = true;  // the external interrupts are the controller's, not a damaged snapshot's
  while (!input.empty()) {
    switch (input.below(8)) {
      default: access_device(*original, *restored, input); break;
      case 0:
      case 1:
        if (with_files) access_file(*original, *restored, input);
        break;
      case 2: {
        const std::uint32_t source = number_from(input);
        const unsigned what = input.below(3);
        for (World* world : {&*original, &*restored}) {
          if (what == 2) world->aia->make_pending(0, source);
          if (what < 2) world->aia->set_line(source, what != 0);
        }
        break;
      }
      case 3: {
        restored.emplace(with_files);
        restored->restore(fuzz::state_of<StateVisitor>(*original));
        break;
      }
      case 4: {
        if (!input.once_in(4)) break;
        fuzz::RestoreAnything<StateVisitor> anything(input);
        original->describe(anything);
        restored->restore(fuzz::state_of<StateVisitor>(*original));
        is_sound = false;
        break;
      }
    }
    require(fuzz::state_of<StateVisitor>(*original) == fuzz::state_of<StateVisitor>(*restored),
            "the description says all of the state");
    for (unsigned hart = 0; hart < kHarts && is_sound; ++hart) {
      require(original->harts[hart].external() == original->should_hear(hart),
              "a hart hears of what is pending for it, and of nothing else");
    }
  }
  return 0;
}
