#include <fmt/format.h>

#include <array>
#include <explain/riscv64/typed_registers.hpp>
#include <sim/arch/riscv64/stages.hpp>

namespace axvm::explain::riscv64 {

namespace {

using sim::field;
using sim::riscv64::levels_of;

namespace envcfg = sim::riscv64::envcfg;
namespace status = sim::riscv64::status;

constexpr auto kNames = std::to_array<std::string_view>(
    {"henvcfg", "hgatp", "hstatus", "satp", "sstatus", "vsatp", "vsstatus"});

std::string no_mode(std::string_view name, std::optional<std::uint64_t> value) {
  const std::uint64_t mode = field(value.value_or(0), 63, 60);
  if (levels_of(mode)) return {};
  return fmt::format("{}.MODE is {}, expected 0 (Bare), 8 (Sv39), 9 (Sv48) or 10 (Sv57)", name,
                     mode);
}

}  // namespace

sim::riscv64::Registers TypedRegisters::registers() const noexcept {
  if (one_stage()) return {.vsatp = *satp, .henvcfg = envcfg::PBMTE};
  return {.vsatp = vsatp.value_or(0), .hgatp = hgatp.value_or(0), .henvcfg = henvcfg};
}

sim::riscv64::AccessContext TypedRegisters::context(sim::riscv64::Access access,
                                                    bool user_mode) const noexcept {
  const std::uint64_t own = one_stage() ? sstatus : vsstatus;
  return {.access = access,
          .user = user_mode,
          .sum = (own & status::SUM) != 0,
          .mxr = (own & status::MXR) != 0,
          .hs_mxr = !one_stage() && (sstatus & status::MXR) != 0};
}

std::span<const std::string_view> typed_register_names() { return kNames; }

void set_register(TypedRegisters& typed, std::string_view name, std::uint64_t value) {
  if (name == "henvcfg") typed.henvcfg = value;
  if (name == "hgatp") typed.hgatp = value;
  if (name == "hstatus") typed.hstatus = value;
  if (name == "satp") typed.satp = value;
  if (name == "sstatus") typed.sstatus = value;
  if (name == "vsatp") typed.vsatp = value;
  if (name == "vsstatus") typed.vsstatus = value;
}

std::string unsupported(const TypedRegisters& typed) {
  if (typed.one_stage()) return no_mode("satp", typed.satp);
  if (std::string why = no_mode("vsatp", typed.vsatp); !why.empty()) return why;
  if (std::string why = no_mode("hgatp", typed.hgatp); !why.empty()) return why;
  if (field(typed.hstatus, 33, 32) == 1) {
    return "hstatus.VSXL is 32 bits: only guests of 64 bits can be walked";
  }
  if (field(typed.hstatus, 5, 5) != 0) {
    return "hstatus.VSBE is set: only tables that are little-endian can be walked";
  }
  if (field(typed.henvcfg, 33, 32) != 0) {
    return "henvcfg.PMM is set: only addresses without pointer masking can be walked";
  }
  if (field(typed.henvcfg, 61, 61) != 0) {
    return "henvcfg.ADUE is set: only walks that leave A and D alone (Svade) are known";
  }
  return {};
}

}  // namespace axvm::explain::riscv64
