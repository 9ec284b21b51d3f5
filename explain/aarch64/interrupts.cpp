#include <explain/aarch64/layouts.hpp>

namespace axvm::explain::aarch64 {

namespace {

constexpr Field kListRegister[] = {
    {.high = 63,
     .low = 62,
     .name = "State",
     .about = "virtual interrupt",
     .values = Values{{0, "inactive: the list register is free"},
                      {1, "pending"},
                      {2, "active"},
                      {3, "pending and active"}}},
    flag(61, "HW", "its end", "deactivates the physical interrupt pINTID",
         "is software's business"),
    flag(60, "Group", "interrupt group", "1", "0"),
    flag(59, "NMI", "non-maskable", "yes", "no"),
    res0(58, 56),
    {.high = 55, .low = 48, .name = "Priority", .about = "0 is the highest"},
    res0(47, 45),
    {.high = 44, .low = 32, .name = "pINTID", .about = "physical INTID; without HW, bit 41 is EOI"},
    {.high = 31, .low = 0, .name = "vINTID", .about = "virtual INTID"},
};
static_assert(is_exact(kListRegister));
constexpr Layout kListRegisterLayout{"List Register",
                                     "Arm GIC specification (IHI 0069), "
                                     "ICH_LR<n>_EL2",
                                     kListRegister};

constexpr Field kIchHcr[] = {
    res0(63, 32),
    {.high = 31, .low = 27, .name = "EOIcount", .about = "ends without a list register, so far"},
    res0(26, 16),
    flag(15, "DVIM", "directly injected interrupts", "masked"),
    flag(14, "TDIR", "trap ICC_DIR_EL1", "it traps to EL2"),
    flag(13, "TSEI", "trap locally generated SErrors", "they trap to EL2"),
    flag(12, "TALL1", "trap registers of group 1", "they trap to EL2"),
    flag(11, "TALL0", "trap registers of group 0", "they trap to EL2"),
    flag(10, "TC", "trap registers common to both groups", "they trap to EL2"),
    res0(9, 9),
    flag(8, "vSGIEOICount", "ends of virtual SGIs", "are not counted"),
    flag(7, "VGrp1DIE", "maintenance interrupt while group 1 is disabled", "enabled"),
    flag(6, "VGrp1EIE", "maintenance interrupt while group 1 is enabled", "enabled"),
    flag(5, "VGrp0DIE", "maintenance interrupt while group 0 is disabled", "enabled"),
    flag(4, "VGrp0EIE", "maintenance interrupt while group 0 is enabled", "enabled"),
    flag(3, "NPIE", "maintenance interrupt when none is pending", "enabled"),
    flag(2, "LRENPIE", "maintenance interrupt when EOIcount is not 0", "enabled"),
    flag(1, "UIE", "underflow interrupt", "enabled"),
    flag(0, "En", "virtual CPU interface", "enabled", "disabled"),
};
static_assert(is_exact(kIchHcr));
constexpr Layout kIchHcrLayout{"Interrupt Controller Hyp Control Register",
                               "Arm GIC specification (IHI 0069), ICH_HCR_EL2", kIchHcr};

}  // namespace

const Layout& ich_lr_el2(std::uint64_t) { return kListRegisterLayout; }
const Layout& ich_hcr_el2(std::uint64_t) { return kIchHcrLayout; }

}  // namespace axvm::explain::aarch64
