#include <explain/riscv64/layouts.hpp>

namespace axvm::explain::riscv64 {

namespace {

constexpr Values kUnit{
    {0, "Off: its instructions are illegal"}, {1, "Initial"}, {2, "Clean"}, {3, "Dirty"}};
constexpr Values kWidth{{1, "32 bits"}, {2, "64 bits"}, {3, "128 bits"}, {0, "reserved"}};

constexpr Field kStatus[] = {
    flag(63, "SD", "some of FS, VS and XS", "Dirty", "none is Dirty"),
    wpri(62, 34),
    {.high = 33, .low = 32, .name = "UXL", .about = "registers of U-mode", .values = kWidth},
    wpri(31, 25),
    flag(24, "SDT", "a trap now is a double trap (Ssdbltrp)", "yes"),
    flag(23, "SPELP", "landing pad expected before the trap (Zicfilp)", "yes"),
    wpri(22, 20),
    flag(19, "MXR", "loads from executable pages", "allowed", "need R"),
    flag(18, "SUM", "supervisor access to pages with U", "allowed", "faults"),
    wpri(17, 17),
    {.high = 16,
     .low = 15,
     .name = "XS",
     .about = "custom extensions",
     .values = Values{{0, "all Off"}, {1, "none Dirty or Clean"}, {2, "none Dirty"}, {3, "Dirty"}}},
    {.high = 14, .low = 13, .name = "FS", .about = "floating point", .values = kUnit},
    wpri(12, 11),
    {.high = 10, .low = 9, .name = "VS", .about = "vectors", .values = kUnit},
    flag(8, "SPP", "mode before the trap, to which SRET goes", "supervisor", "user"),
    wpri(7, 7),
    flag(6, "UBE", "data in U-mode", "big-endian", "little-endian"),
    flag(5, "SPIE", "SIE before the trap, which SRET restores", "enabled", "disabled"),
    wpri(4, 2),
    flag(1, "SIE", "interrupts in supervisor mode", "enabled", "disabled"),
    wpri(0, 0),
};
static_assert(is_exact(kStatus));
constexpr Layout kSstatus{"Supervisor Status Register",
                          "RISC-V Privileged, Supervisor Status (sstatus) Register", kStatus};
constexpr Layout kVsstatus{"Virtual Supervisor Status Register",
                           "RISC-V Privileged, Virtual Supervisor Status (vsstatus) Register",
                           kStatus};

constexpr Field kHstatus[] = {
    wpri(63, 50),
    {.high = 49,
     .low = 48,
     .name = "HUPMM",
     .about = "pointer masking of HLV and HSV in U-mode (Ssnpm)",
     .values = Values{{0, "off"}, {1, "reserved"}, {2, "7 bits"}, {3, "16 bits"}}},
    wpri(47, 34),
    {.high = 33, .low = 32, .name = "VSXL", .about = "registers of VS-mode", .values = kWidth},
    wpri(31, 23),
    flag(22, "VTSR", "SRET in VS-mode", "a virtual-instruction exception", "allowed"),
    flag(21, "VTW", "WFI in VS-mode that would wait", "a virtual-instruction exception", "waits"),
    flag(20, "VTVM", "SFENCE.VMA, SINVAL.VMA and satp in VS-mode",
         "a virtual-instruction exception", "allowed"),
    wpri(19, 18),
    {.high = 17,
     .low = 12,
     .name = "VGEIN",
     .about = "guest external interrupt of VS-mode; 0: none"},
    wpri(11, 10),
    flag(9, "HU", "HLV, HLVX and HSV in U-mode", "allowed", "a virtual-instruction exception"),
    flag(8, "SPVP", "privilege before the trap from a guest; of HLV and HSV", "VS-mode", "VU-mode"),
    flag(7, "SPV", "virtualization mode before the trap, to which SRET goes", "V = 1: a guest",
         "V = 0"),
    flag(6, "GVA", "stval has a guest virtual address", "yes", "no"),
    flag(5, "VSBE", "data in VS-mode", "big-endian", "little-endian"),
    wpri(4, 0),
};
static_assert(is_exact(kHstatus));
constexpr Layout kHstatusLayout{"Hypervisor Status Register",
                                "RISC-V Privileged, Hypervisor Status (hstatus) Register",
                                kHstatus};

}  // namespace

const Layout& sstatus(std::uint64_t) { return kSstatus; }
const Layout& vsstatus(std::uint64_t) { return kVsstatus; }
const Layout& hstatus(std::uint64_t) { return kHstatusLayout; }

}  // namespace axvm::explain::riscv64
