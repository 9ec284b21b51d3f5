#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <hal-sim/arch/riscv64/trace/csr_names.hpp>
#include <string_view>

namespace axvm::hal_sim::riscv64 {
namespace {

struct Name {
  std::uint16_t number;
  std::string_view name;
};

constexpr std::array kNames = {
    Name{0x001, "fflags"},     Name{0x002, "frm"},        Name{0x003, "fcsr"},
    Name{0x100, "sstatus"},    Name{0x104, "sie"},        Name{0x105, "stvec"},
    Name{0x106, "scounteren"}, Name{0x10a, "senvcfg"},    Name{0x10c, "sstateen0"},
    Name{0x140, "sscratch"},   Name{0x141, "sepc"},       Name{0x142, "scause"},
    Name{0x143, "stval"},      Name{0x144, "sip"},        Name{0x14d, "stimecmp"},
    Name{0x150, "siselect"},   Name{0x151, "sireg"},      Name{0x15c, "stopei"},
    Name{0x180, "satp"},       Name{0x200, "vsstatus"},   Name{0x204, "vsie"},
    Name{0x205, "vstvec"},     Name{0x240, "vsscratch"},  Name{0x241, "vsepc"},
    Name{0x242, "vscause"},    Name{0x243, "vstval"},     Name{0x244, "vsip"},
    Name{0x24d, "vstimecmp"},  Name{0x280, "vsatp"},      Name{0x5a8, "scontext"},
    Name{0x600, "hstatus"},    Name{0x602, "hedeleg"},    Name{0x603, "hideleg"},
    Name{0x604, "hie"},        Name{0x605, "htimedelta"}, Name{0x606, "hcounteren"},
    Name{0x607, "hgeie"},      Name{0x60a, "henvcfg"},    Name{0x60c, "hstateen0"},
    Name{0x643, "htval"},      Name{0x644, "hip"},        Name{0x645, "hvip"},
    Name{0x64a, "htinst"},     Name{0x680, "hgatp"},      Name{0xc00, "cycle"},
    Name{0xc01, "time"},       Name{0xc02, "instret"},    Name{0xda0, "scountovf"},
    Name{0xdb0, "stopi"},      Name{0xe12, "hgeip"},
};
static_assert(std::ranges::is_sorted(kNames, {}, &Name::number));

}  // namespace

std::string csr_name(std::uint64_t number) {
  const auto* const found = std::ranges::lower_bound(
      kNames, number, {}, [](const Name& n) { return std::uint64_t{n.number}; });
  if (found != kNames.end() && found->number == number) return std::string(found->name);
  if (number > 0xc02 && number <= 0xc1f) return fmt::format("hpmcounter{}", number - 0xc00);
  return fmt::format("csr {:#x}", number);
}

}  // namespace axvm::hal_sim::riscv64
