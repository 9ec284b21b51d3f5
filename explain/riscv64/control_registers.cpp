// What goes to VS-mode without the hypervisor, and what a guest may do.
#include <explain/riscv64/layouts.hpp>

namespace axvm::explain::riscv64 {

namespace {

consteval Field delegated(std::uint8_t bit, std::string_view name, std::string_view about) {
  return flag(bit, name, about, "goes to VS-mode", "goes to HS-mode");
}

constexpr Field kHedeleg[] = {
    {.high = 63, .low = 24, .name = "63:24", .about = "reserved or custom"},
    {.high = 23, .low = 20, .name = "23:20", .about = "0: always go to HS-mode"},
    delegated(19, "19", "hardware error"),
    delegated(18, "18", "software check"),
    {.high = 17, .low = 16, .name = "17:16", .about = "0"},
    delegated(15, "15", "store/AMO page fault"),
    {.high = 14, .low = 14, .name = "14", .about = "reserved"},
    delegated(13, "13", "load page fault"),
    delegated(12, "12", "instruction page fault"),
    {.high = 11, .low = 9, .name = "11:9", .about = "0: always go to HS-mode"},
    delegated(8, "8", "environment call from VU-mode"),
    delegated(7, "7", "store/AMO access fault"),
    delegated(6, "6", "store/AMO address misaligned"),
    delegated(5, "5", "load access fault"),
    delegated(4, "4", "load address misaligned"),
    delegated(3, "3", "breakpoint"),
    delegated(2, "2", "illegal instruction"),
    delegated(1, "1", "instruction access fault"),
    delegated(0, "0", "instruction address misaligned"),
};
constexpr Field kHideleg[] = {
    wpri(63, 14),
    delegated(13, "13", "counter overflow interrupt"),
    {.high = 12, .low = 11, .name = "12:11", .about = "0: always go to HS-mode"},
    delegated(10, "10", "external interrupt of VS-mode"),
    wpri(9, 7),
    delegated(6, "6", "timer interrupt of VS-mode"),
    wpri(5, 3),
    delegated(2, "2", "software interrupt of VS-mode"),
    wpri(1, 0),
};
static_assert(is_exact(kHedeleg) && is_exact(kHideleg));
constexpr std::string_view kDelegation =
    "RISC-V Privileged, Hypervisor Trap Delegation (hedeleg and hideleg) Registers";
constexpr Layout kHedelegLayout{"Hypervisor Exception Delegation Register", kDelegation, kHedeleg};
constexpr Layout kHidelegLayout{"Hypervisor Interrupt Delegation Register", kDelegation, kHideleg};

constexpr Field kPointerMasking{
    .high = 33,
    .low = 32,
    .name = "PMM",
    .about = "pointer masking (Ssnpm)",
    .values = Values{{0, "off"}, {1, "reserved"}, {2, "7 bits"}, {3, "16 bits"}}};
constexpr Field kZero = flag(7, "CBZE", "CBO.ZERO (Zicboz)", "allowed");
constexpr Field kClean = flag(6, "CBCFE", "CBO.CLEAN and CBO.FLUSH (Zicbom)", "allowed");
constexpr Field kInvalidate{
    .high = 5,
    .low = 4,
    .name = "CBIE",
    .about = "CBO.INVAL (Zicbom)",
    .values = Values{{0, "not allowed"}, {1, "flushes"}, {2, "reserved"}, {3, "invalidates"}}};
constexpr Field kShadowStack = flag(3, "SSE", "shadow stack (Zicfiss)", "enabled");
constexpr Field kLandingPad = flag(2, "LPE", "landing pads (Zicfilp)", "enabled");
constexpr Field kFences =
    flag(0, "FIOM", "fences of device accesses", "order memory accesses, too");

constexpr Field kHenvcfg[] = {
    flag(63, "STCE", "stimecmp of VS-mode (Sstc)", "vstimecmp", "a trap"),
    flag(62, "PBMTE", "memory types of the VS-stage (Svpbmt)", "available", "reserved bits"),
    flag(61, "ADUE", "A and D of the VS-stage", "updated by hardware", "page faults"),
    wpri(60, 60),
    flag(59, "DTE", "double traps of VS-mode (Ssdbltrp)", "enabled"),
    wpri(58, 34),
    kPointerMasking,
    wpri(31, 8),
    kZero,
    kClean,
    kInvalidate,
    kShadowStack,
    kLandingPad,
    wpri(1, 1),
    kFences,
};
constexpr Field kSenvcfg[] = {
    wpri(63, 34), kPointerMasking, wpri(31, 8), kZero,      kClean,
    kInvalidate,  kShadowStack,    kLandingPad, wpri(1, 1), kFences,
};
static_assert(is_exact(kHenvcfg) && is_exact(kSenvcfg));
constexpr Layout kHenvcfgLayout{
    "Hypervisor Environment Configuration Register",
    "RISC-V Privileged, Hypervisor Environment Configuration (henvcfg) Register", kHenvcfg};
constexpr Layout kSenvcfgLayout{
    "Supervisor Environment Configuration Register",
    "RISC-V Privileged, Supervisor Environment Configuration (senvcfg) Register", kSenvcfg};

constexpr Field kCounters[] = {
    {.high = 63, .low = 32, .name = "63:32", .about = "no bits: the register has 32"},
    {.high = 31, .low = 3, .name = "HPM", .about = "hpmcounter3 to hpmcounter31, a bit for each"},
    flag(2, "IR", "instret", "readable", "a trap"),
    flag(1, "TM", "time, and with Sstc the timer", "accessible", "a trap"),
    flag(0, "CY", "cycle", "readable", "a trap"),
};
static_assert(is_exact(kCounters));
constexpr Layout kHcounteren{"Hypervisor Counter-Enable Register",
                             "RISC-V Privileged, Hypervisor Counter-Enable (hcounteren) Register",
                             kCounters};
constexpr Layout kScounteren{"Supervisor Counter-Enable Register",
                             "RISC-V Privileged, Counter-Enable (scounteren) Register", kCounters};

}  // namespace

const Layout& hedeleg(std::uint64_t) { return kHedelegLayout; }
const Layout& hideleg(std::uint64_t) { return kHidelegLayout; }
const Layout& henvcfg(std::uint64_t) { return kHenvcfgLayout; }
const Layout& senvcfg(std::uint64_t) { return kSenvcfgLayout; }
const Layout& hcounteren(std::uint64_t) { return kHcounteren; }
const Layout& scounteren(std::uint64_t) { return kScounteren; }

}  // namespace axvm::explain::riscv64
