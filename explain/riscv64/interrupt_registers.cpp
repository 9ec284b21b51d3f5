#include <explain/riscv64/layouts.hpp>

namespace axvm::explain::riscv64 {

namespace {

consteval Field pending(std::uint8_t bit, std::string_view name, std::string_view about) {
  return flag(bit, name, about, "pending", "not pending");
}
consteval Field enabled(std::uint8_t bit, std::string_view name, std::string_view about) {
  return flag(bit, name, about, "enabled", "disabled");
}

constexpr std::string_view kOverflow = "counter overflow";
constexpr std::string_view kGuestExternal = "guest external interrupt (hgeip and hgeie)";
constexpr std::string_view kVsExternal = "external interrupt of VS-mode";
constexpr std::string_view kVsTimer = "timer interrupt of VS-mode";
constexpr std::string_view kVsSoftware = "software interrupt of VS-mode";

constexpr Field kSip[] = {
    wpri(63, 14), pending(13, "LCOFIP", kOverflow),
    wpri(12, 10), pending(9, "SEIP", "external interrupt"),
    wpri(8, 6),   pending(5, "STIP", "timer interrupt"),
    wpri(4, 2),   pending(1, "SSIP", "software interrupt"),
    wpri(0, 0),
};
constexpr Field kSie[] = {
    wpri(63, 14), enabled(13, "LCOFIE", kOverflow),
    wpri(12, 10), enabled(9, "SEIE", "external interrupt"),
    wpri(8, 6),   enabled(5, "STIE", "timer interrupt"),
    wpri(4, 2),   enabled(1, "SSIE", "software interrupt"),
    wpri(0, 0),
};
constexpr Field kHip[] = {
    wpri(63, 13), pending(12, "SGEIP", kGuestExternal),
    wpri(11, 11), pending(10, "VSEIP", kVsExternal),
    wpri(9, 7),   pending(6, "VSTIP", kVsTimer),
    wpri(5, 3),   pending(2, "VSSIP", kVsSoftware),
    wpri(1, 0),
};
constexpr Field kHie[] = {
    wpri(63, 13), enabled(12, "SGEIE", kGuestExternal),
    wpri(11, 11), enabled(10, "VSEIE", kVsExternal),
    wpri(9, 7),   enabled(6, "VSTIE", kVsTimer),
    wpri(5, 3),   enabled(2, "VSSIE", kVsSoftware),
    wpri(1, 0),
};
constexpr Field kHvip[] = {
    wpri(63, 11), flag(10, "VSEIP", "external interrupt of VS-mode", "raised by the hypervisor"),
    wpri(9, 7),   flag(6, "VSTIP", "timer interrupt of VS-mode", "raised by the hypervisor"),
    wpri(5, 3),   flag(2, "VSSIP", "software interrupt of VS-mode", "raised by the hypervisor"),
    wpri(1, 0),
};
static_assert(is_exact(kSip) && is_exact(kSie) && is_exact(kHip) && is_exact(kHie) &&
              is_exact(kHvip));
constexpr std::string_view kSection =
    "RISC-V Privileged, Supervisor Interrupt (sip and sie) Registers";
constexpr std::string_view kVirtualSection =
    "RISC-V Privileged, Virtual Supervisor Interrupt (vsip and vsie) Registers";
constexpr std::string_view kHypervisorSection =
    "RISC-V Privileged, Hypervisor Interrupt (hvip, hip, and hie) Registers";
constexpr Layout kSipLayout{"Supervisor Interrupt Pending Register", kSection, kSip};
constexpr Layout kSieLayout{"Supervisor Interrupt Enable Register", kSection, kSie};
constexpr Layout kVsipLayout{"Virtual Supervisor Interrupt Pending Register", kVirtualSection,
                             kSip};
constexpr Layout kVsieLayout{"Virtual Supervisor Interrupt Enable Register", kVirtualSection, kSie};
constexpr Layout kHipLayout{"Hypervisor Interrupt Pending Register", kHypervisorSection, kHip};
constexpr Layout kHieLayout{"Hypervisor Interrupt Enable Register", kHypervisorSection, kHie};
constexpr Layout kHvipLayout{"Hypervisor Virtual Interrupt Pending Register", kHypervisorSection,
                             kHvip};

constexpr Field kDelta[] = {
    {.high = 63, .low = 0, .name = "htimedelta", .about = "added to time in VS-mode and VU-mode"}};
constexpr Layout kDeltaLayout{"Hypervisor Time Delta Register",
                              "RISC-V Privileged, Hypervisor Time Delta (htimedelta) Register",
                              kDelta};
constexpr Field kStimecmp[] = {
    {.high = 63, .low = 0, .name = "stimecmp", .about = "STIP is pending while time is not less"}};
constexpr Layout kStimecmpLayout{"Supervisor Timer Register",
                                 "RISC-V Privileged, Supervisor Timer (stimecmp) Register",
                                 kStimecmp};
constexpr Field kVstimecmp[] = {{.high = 63,
                                 .low = 0,
                                 .name = "vstimecmp",
                                 .about = "VSTIP is pending while time + htimedelta is not less"}};
constexpr Layout kVstimecmpLayout{
    "Virtual Supervisor Timer Register",
    "RISC-V Privileged, Virtual Supervisor Timer (vstimecmp) Register", kVstimecmp};

}  // namespace

const Layout& sip(std::uint64_t) { return kSipLayout; }
const Layout& sie(std::uint64_t) { return kSieLayout; }
const Layout& vsip(std::uint64_t) { return kVsipLayout; }
const Layout& vsie(std::uint64_t) { return kVsieLayout; }
const Layout& hip(std::uint64_t) { return kHipLayout; }
const Layout& hie(std::uint64_t) { return kHieLayout; }
const Layout& hvip(std::uint64_t) { return kHvipLayout; }
const Layout& htimedelta(std::uint64_t) { return kDeltaLayout; }
const Layout& stimecmp(std::uint64_t) { return kStimecmpLayout; }
const Layout& vstimecmp(std::uint64_t) { return kVstimecmpLayout; }

}  // namespace axvm::explain::riscv64
