#include <fmt/format.h>

#include <explain/riscv64/layouts.hpp>

namespace axvm::explain::riscv64 {

namespace {

std::string root(std::uint64_t, std::uint64_t value) { return fmt::format("{:#x}", value << 12); }
// A root has 16 KiB: the two lowest bits are 0.
std::string wide_root(std::uint64_t, std::uint64_t value) {
  return fmt::format("{:#x}", (value & ~std::uint64_t{3}) << 12);
}

constexpr Field kAsid{.high = 59, .low = 44, .name = "ASID", .about = "address space"};

constexpr Values kModes{{0, "Bare: no translation"},
                        {8, "Sv39: 3 levels"},
                        {9, "Sv48: 4 levels"},
                        {10, "Sv57: 5 levels"}};
constexpr Field kSatp[] = {
    {.high = 63, .low = 60, .name = "MODE", .about = "translation", .values = kModes},
    kAsid,
    {.high = 43, .low = 0, .name = "PPN", .about = "root table, physical address", .meaning = root},
};
constexpr Field kVsatp[] = {
    {.high = 63, .low = 60, .name = "MODE", .about = "VS-stage translation", .values = kModes},
    kAsid,
    {.high = 43,
     .low = 0,
     .name = "PPN",
     .about = "root table, guest physical address",
     .meaning = root},
};
constexpr Field kHgatp[] = {
    {.high = 63,
     .low = 60,
     .name = "MODE",
     .about = "G-stage translation",
     .values = Values{{0, "Bare: no translation"},
                      {8, "Sv39x4: 3 levels, 41 bits of guest physical address"},
                      {9, "Sv48x4: 4 levels, 50 bits of guest physical address"},
                      {10, "Sv57x4: 5 levels, 59 bits of guest physical address"}}},
    {.high = 59, .low = 58, .name = "59:58", .about = "0"},
    {.high = 57, .low = 44, .name = "VMID", .about = "virtual machine"},
    {.high = 43,
     .low = 0,
     .name = "PPN",
     .about = "root table of 16 KiB, physical address",
     .meaning = wide_root},
};
static_assert(is_exact(kSatp) && is_exact(kVsatp) && is_exact(kHgatp));
constexpr Layout kSatpLayout{
    "Supervisor Address Translation and Protection Register",
    "RISC-V Privileged, Supervisor Address Translation and Protection (satp) Register", kSatp};
constexpr Layout kVsatpLayout{
    "Virtual Supervisor Address Translation and Protection Register",
    "RISC-V Privileged, Virtual Supervisor Address Translation and Protection (vsatp) Register",
    kVsatp};
constexpr Layout kHgatpLayout{
    "Hypervisor Guest Address Translation and Protection Register",
    "RISC-V Privileged, Hypervisor Guest Address Translation and Protection (hgatp) Register",
    kHgatp};

}  // namespace

const Layout& satp(std::uint64_t) { return kSatpLayout; }
const Layout& vsatp(std::uint64_t) { return kVsatpLayout; }
const Layout& hgatp(std::uint64_t) { return kHgatpLayout; }

}  // namespace axvm::explain::riscv64
