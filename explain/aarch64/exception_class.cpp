#include <array>
#include <explain/aarch64/layouts.hpp>

namespace axvm::explain::aarch64 {

namespace {

struct ExceptionClass {
  std::uint8_t number;
  std::string_view text;
};

// ESR_EL2.EC.
constexpr auto kClasses = std::to_array<ExceptionClass>({
    {0x00, "unknown reason: undefined instruction, or one that is not allowed here"},
    {0x01, "WFI, WFE, WFIT or WFET"},
    {0x03, "MCR or MRC (coprocessor 15) from AArch32"},
    {0x04, "MCRR or MRRC (coprocessor 15) from AArch32"},
    {0x05, "MCR or MRC (coprocessor 14) from AArch32"},
    {0x06, "LDC or STC from AArch32"},
    {0x07, "SVE, SIMD or floating-point access"},
    {0x08, "VMRS from AArch32"},
    {0x09, "pointer authentication instruction"},
    {0x0a, "LD64B or ST64B* instruction"},
    {0x0c, "MRRC (coprocessor 14) from AArch32"},
    {0x0d, "branch target exception"},
    {0x0e, "illegal execution state"},
    {0x11, "SVC from AArch32"},
    {0x12, "HVC from AArch32"},
    {0x13, "SMC from AArch32"},
    {0x14, "MSRR, MRRS or 128-bit system instruction"},
    {0x15, "SVC from AArch64"},
    {0x16, "HVC from AArch64"},
    {0x17, "SMC from AArch64"},
    {0x18, "MSR, MRS or system instruction"},
    {0x19, "SVE access"},
    {0x1a, "ERET, ERETAA or ERETAB"},
    {0x1b, "TSTART at EL0"},
    {0x1c, "pointer authentication failure"},
    {0x1d, "SME access"},
    {0x20, "instruction abort from a lower Exception level"},
    {0x21, "instruction abort from the same Exception level"},
    {0x22, "PC alignment fault"},
    {0x24, "data abort from a lower Exception level"},
    {0x25, "data abort from the same Exception level"},
    {0x26, "SP alignment fault"},
    {0x27, "memory copy or memory set exception"},
    {0x28, "floating-point exception from AArch32"},
    {0x2c, "floating-point exception from AArch64"},
    {0x2d, "guarded control stack exception"},
    {0x2f, "SError interrupt"},
    {0x30, "breakpoint from a lower Exception level"},
    {0x31, "breakpoint from the same Exception level"},
    {0x32, "software step from a lower Exception level"},
    {0x33, "software step from the same Exception level"},
    {0x34, "watchpoint from a lower Exception level"},
    {0x35, "watchpoint from the same Exception level"},
    {0x38, "BKPT from AArch32"},
    {0x3a, "vector catch from AArch32"},
    {0x3c, "BRK from AArch64"},
    {0x3d, "PMU exception"},
});

}  // namespace

std::string_view exception_class_text(std::uint64_t ec) {
  for (const ExceptionClass& known : kClasses) {
    if (known.number == ec) return known.text;
  }
  return "reserved";
}

}  // namespace axvm::explain::aarch64
