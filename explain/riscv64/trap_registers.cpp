// What hardware leaves behind at a trap.
#include <fmt/format.h>

#include <explain/riscv64/instruction.hpp>
#include <explain/riscv64/layouts.hpp>

namespace axvm::explain::riscv64 {

namespace {

std::string cause(std::uint64_t word, std::uint64_t) { return std::string(cause_text(word)); }

constexpr Field kCause[] = {
    flag(63, "Interrupt", "the trap is", "an interrupt", "an exception"),
    {.high = 62, .low = 0, .name = "Exception Code", .about = "cause", .meaning = cause},
};
static_assert(is_exact(kCause));
constexpr Layout kScause{"Supervisor Cause Register",
                         "RISC-V Privileged, Supervisor Cause (scause) Register", kCause};
constexpr Layout kVscause{"Virtual Supervisor Cause Register",
                          "RISC-V Privileged, Virtual Supervisor Cause (vscause) Register", kCause};

constexpr Field kEpc[] = {
    {.high = 63, .low = 0, .name = "epc", .about = "instruction that trapped; where SRET goes"}};
constexpr Layout kSepc{"Supervisor Exception Program Counter",
                       "RISC-V Privileged, Supervisor Exception Program Counter (sepc) Register",
                       kEpc};
constexpr Layout kVsepc{
    "Virtual Supervisor Exception Program Counter",
    "RISC-V Privileged, Virtual Supervisor Exception Program Counter (vsepc) Register", kEpc};

constexpr Field kTval[] = {{.high = 63,
                            .low = 0,
                            .name = "tval",
                            .about = "by scause: faulting virtual address, the instruction, or 0"}};
constexpr Layout kStval{"Supervisor Trap Value Register",
                        "RISC-V Privileged, Supervisor Trap Value (stval) Register", kTval};
constexpr Layout kVstval{"Virtual Supervisor Trap Value Register",
                         "RISC-V Privileged, Virtual Supervisor Trap Value (vstval) Register",
                         kTval};

std::string base(std::uint64_t, std::uint64_t value) { return fmt::format("{:#x}", value << 2); }

constexpr Field kTvec[] = {
    {.high = 63, .low = 2, .name = "BASE", .about = "handler", .meaning = base},
    {.high = 1,
     .low = 0,
     .name = "MODE",
     .about = "traps go",
     .values = Values{{0, "to BASE (direct)"},
                      {1, "to BASE, interrupts to BASE + 4 × cause (vectored)"},
                      {2, "reserved"},
                      {3, "reserved"}}},
};
static_assert(is_exact(kTvec));
constexpr Layout kStvec{"Supervisor Trap Vector Base Address Register",
                        "RISC-V Privileged, Supervisor Trap Vector Base Address (stvec) Register",
                        kTvec};
constexpr Layout kVstvec{
    "Virtual Supervisor Trap Vector Base Address Register",
    "RISC-V Privileged, Virtual Supervisor Trap Vector Base Address (vstvec) Register", kTvec};

std::string guest_page(std::uint64_t, std::uint64_t value) {
  if (value == 0) return "not given";
  return fmt::format("GPA {:#x}, two lowest bits in stval", value << 2);
}

constexpr Field kHtval[] = {{.high = 63,
                             .low = 0,
                             .name = "htval",
                             .about = "guest-page faults: guest physical address >> 2",
                             .meaning = guest_page}};
constexpr Layout kHtvalLayout{"Hypervisor Trap Value Register",
                              "RISC-V Privileged, Hypervisor Trap Value (htval) Register", kHtval};

constexpr std::string_view kTransformed =
    "RISC-V Privileged, Transformed Instruction or Pseudoinstruction for mtinst or htinst";
constexpr std::string_view kTitle = "Hypervisor Trap Instruction Register";

constexpr Field kNothing[] = {
    {.high = 63, .low = 0, .name = "htinst", .about = "0: the instruction is not described"}};
constexpr Layout kNothingLayout{kTitle, kTransformed, kNothing};

constexpr Field kPseudo[] = {
    {.high = 63, .low = 14, .name = "63:14", .about = "0: a pseudoinstruction"},
    {.high = 13,
     .low = 12,
     .name = "size",
     .about = "page-table entry of the VS-stage",
     .values = Values{{2, "32 bits"}, {3, "64 bits"}}},
    {.high = 11, .low = 6, .name = "11:6", .about = "0"},
    flag(5, "write", "implicit access", "write (update of A and D)", "read"),
    {.high = 4, .low = 0, .name = "4:0", .about = "0: no instruction's"},
};
static_assert(is_exact(kPseudo));
constexpr Layout kPseudoLayout{kTitle, kTransformed, kPseudo};

constexpr Field kCustom[] = {
    {.high = 63, .low = 0, .name = "htinst", .about = "custom or reserved value"}};
constexpr Layout kCustomLayout{kTitle, kTransformed, kCustom};

std::string integer_register(std::uint64_t, std::uint64_t value) {
  return std::string(register_name(value));
}
std::string data_register(std::uint64_t word, std::uint64_t value) {
  const auto access = transformed_access(word);
  if (access && access->floating) return fmt::format("f{}", value);
  return std::string(register_name(value));
}
std::string width(std::uint64_t word, std::uint64_t) {
  const auto access = transformed_access(word);
  if (!access) return "reserved";
  return access->bytes == 1 ? "1 byte" : fmt::format("{} bytes", access->bytes);
}
std::string operation(std::uint64_t word, std::uint64_t) {
  const auto access = transformed_access(word);
  return access ? std::string(access->operation) : "reserved";
}

constexpr Field kUpper{.high = 63, .low = 32, .name = "63:32", .about = "0"};
constexpr Field kOffset{.high = 19,
                        .low = 15,
                        .name = "Addr. Offset",
                        .about = "of stval into a misaligned access, in bytes"};
constexpr Field kWidth{.high = 14, .low = 12, .name = "funct3", .about = "width", .meaning = width};
constexpr Field kOpcode{.high = 6, .low = 2, .name = "opcode", .about = "of the instruction"};
constexpr Field kLength = flag(1, "length", "the instruction has", "32 bits", "16 bits, expanded");
constexpr Field kKind = flag(0, "transformed", "of an instruction", "yes", "no");

constexpr Field kLoad[] = {
    kUpper,
    {.high = 31, .low = 20, .name = "31:20", .about = "0 in place of the immediate"},
    kOffset,
    kWidth,
    {.high = 11, .low = 7, .name = "rd", .about = "loaded register", .meaning = data_register},
    kOpcode,
    kLength,
    kKind,
};
constexpr Field kStore[] = {
    kUpper,
    {.high = 31, .low = 25, .name = "31:25", .about = "0 in place of the immediate"},
    {.high = 24, .low = 20, .name = "rs2", .about = "stored register", .meaning = data_register},
    kOffset,
    kWidth,
    {.high = 11, .low = 7, .name = "11:7", .about = "0 in place of the immediate"},
    kOpcode,
    kLength,
    kKind,
};
constexpr Field kAtomic[] = {
    kUpper,
    {.high = 31, .low = 27, .name = "funct5", .about = "operation", .meaning = operation},
    flag(26, "aq", "acquire", "yes", "no"),
    flag(25, "rl", "release", "yes", "no"),
    {.high = 24, .low = 20, .name = "rs2", .about = "operand", .meaning = integer_register},
    kOffset,
    kWidth,
    {.high = 11, .low = 7, .name = "rd", .about = "result", .meaning = integer_register},
    kOpcode,
    kLength,
    kKind,
};
constexpr Field kHypervisor[] = {
    kUpper,
    {.high = 31, .low = 25, .name = "funct7", .about = "operation", .meaning = operation},
    {.high = 24, .low = 20, .name = "rs2", .about = "stored register, or which load"},
    kOffset,
    {.high = 14, .low = 12, .name = "funct3", .about = "4: HLV, HLVX or HSV"},
    {.high = 11, .low = 7, .name = "rd", .about = "loaded register", .meaning = integer_register},
    kOpcode,
    kLength,
    kKind,
};
static_assert(is_exact(kLoad) && is_exact(kStore) && is_exact(kAtomic) && is_exact(kHypervisor));
constexpr Layout kLoadLayout{kTitle, kTransformed, kLoad};
constexpr Layout kStoreLayout{kTitle, kTransformed, kStore};
constexpr Layout kAtomicLayout{kTitle, kTransformed, kAtomic};
constexpr Layout kHypervisorLayout{kTitle, kTransformed, kHypervisor};

}  // namespace

const Layout& scause(std::uint64_t) { return kScause; }
const Layout& vscause(std::uint64_t) { return kVscause; }
const Layout& sepc(std::uint64_t) { return kSepc; }
const Layout& vsepc(std::uint64_t) { return kVsepc; }
const Layout& stval(std::uint64_t) { return kStval; }
const Layout& vstval(std::uint64_t) { return kVstval; }
const Layout& stvec(std::uint64_t) { return kStvec; }
const Layout& vstvec(std::uint64_t) { return kVstvec; }
const Layout& htval(std::uint64_t) { return kHtvalLayout; }

const Layout& htinst(std::uint64_t word) {
  if (word == 0) return kNothingLayout;
  if (is_implicit_access(word)) return kPseudoLayout;
  const auto access = transformed_access(word);
  if (!access) return kCustomLayout;
  switch (access->form) {
    case TransformedAccess::Form::Load: return kLoadLayout;
    case TransformedAccess::Form::Store: return kStoreLayout;
    case TransformedAccess::Form::Atomic: return kAtomicLayout;
    case TransformedAccess::Form::Hypervisor: break;
  }
  return kHypervisorLayout;
}

}  // namespace axvm::explain::riscv64
