#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <explain/aarch64/typed_registers.hpp>

namespace axvm::explain::aarch64 {

namespace {

using sim::aarch64::Features;
using sim::aarch64::Registers;

struct Known {
  std::string_view name;
  std::uint64_t Registers::* member;
};

constexpr auto kKnown = std::to_array<Known>({
    {"HCR_EL2", &Registers::hcr_el2},
    {"MAIR_EL1", &Registers::mair_el1},
    {"SCTLR_EL1", &Registers::sctlr_el1},
    {"TCR_EL1", &Registers::tcr_el1},
    {"TTBR0_EL1", &Registers::ttbr0_el1},
    {"TTBR1_EL1", &Registers::ttbr1_el1},
    {"VTCR_EL2", &Registers::vtcr_el2},
    {"VTTBR_EL2", &Registers::vttbr_el2},
});
constexpr std::string_view kMmfr0 = "ID_AA64MMFR0_EL1";
constexpr std::string_view kMmfr1 = "ID_AA64MMFR1_EL1";

constexpr auto kNames = [] {
  std::array<std::string_view, kKnown.size() + 2> names;
  std::ranges::transform(kKnown, names.begin(), &Known::name);
  names[kKnown.size()] = kMmfr0;
  names[kKnown.size() + 1] = kMmfr1;
  return names;
}();

void set_features(Features& features, std::string_view name, std::uint64_t value) {
  if (name == kMmfr0) {
    constexpr std::array<unsigned, 16> kBits = {32, 36, 40, 42, 44, 48, 48, 48,
                                                48, 48, 48, 48, 48, 48, 48, 48};
    features.pa_bits = kBits.at(value & 15);
  } else {
    features.hierarchical_disable = (value >> 12 & 15) != 0;
    features.vmid16 = (value >> 4 & 15) != 0;
  }
}

}  // namespace

std::span<const std::string_view> typed_register_names() { return kNames; }

void set_register(TypedRegisters& typed, std::string_view name, std::uint64_t value) {
  if (name == kMmfr0 || name == kMmfr1) return set_features(typed.features, name, value);
  const auto* const known = std::ranges::find(kKnown, name, &Known::name);
  if (known != kKnown.end()) typed.registers.*known->member = value;
}

std::string unsupported(const TypedRegisters& typed) {
  const Registers& r = typed.registers;
  constexpr std::string_view kOnly = "only the 4 KiB granule with 48 bits can be walked";
  const bool host = (r.hcr_el2 >> 34 & 1) != 0 && (r.hcr_el2 >> 27 & 1) != 0;
  if (host) {
    return "HCR_EL2.E2H and TGE are set: only the translation of EL1 and EL0 under EL2 can be "
           "walked";
  }
  if ((r.sctlr_el1 & 1) != 0) {
    if ((r.tcr_el1 >> 14 & 3) != 0) return fmt::format("TCR_EL1.TG0 is not 4 KiB: {}", kOnly);
    // With EPD1 nobody looks at TG1.
    if ((r.tcr_el1 >> 23 & 1) == 0 && (r.tcr_el1 >> 30 & 3) != 2) {
      return fmt::format("TCR_EL1.TG1 is not 4 KiB: {}", kOnly);
    }
    if ((r.tcr_el1 >> 59 & 1) != 0) return fmt::format("TCR_EL1.DS is set: {}", kOnly);
  }
  if ((r.hcr_el2 & 1) != 0) {
    if ((r.vtcr_el2 >> 14 & 3) != 0) return fmt::format("VTCR_EL2.TG0 is not 4 KiB: {}", kOnly);
    if ((r.vtcr_el2 >> 32 & 1) != 0) return fmt::format("VTCR_EL2.DS is set: {}", kOnly);
    if ((r.vtcr_el2 >> 38 & 1) != 0) {
      return "VTCR_EL2.D128 is set: only descriptors of 64 bits can be walked";
    }
    if ((r.vtcr_el2 >> 36 & 1) != 0) {
      return "VTCR_EL2.S2PIE is set: only direct permissions of stage 2 can be walked";
    }
    if ((r.hcr_el2 >> 46 & 1) != 0) {
      return "HCR_EL2.FWB is set: only stage-2 memory types without it are known";
    }
  }
  return {};
}

}  // namespace axvm::explain::aarch64
