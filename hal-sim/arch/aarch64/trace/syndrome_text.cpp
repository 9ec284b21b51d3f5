#include <fmt/format.h>

#include <array>
#include <hal-sim/arch/aarch64/trace/syndrome_text.hpp>
#include <hal-sim/arch/aarch64/trace/sysreg_names.hpp>
#include <utility>

namespace axvm::hal_sim::aarch64 {
namespace {

constexpr std::uint64_t bits(std::uint64_t value, unsigned high, unsigned low) {
  return value >> low & ((2ULL << (high - low)) - 1);
}

using Fields = std::vector<SyndromeField>;

std::string register_name(std::uint64_t number, bool is_64_bit) {
  if (number == 31) return is_64_bit ? "xzr" : "wzr";
  return fmt::format("{}{}", is_64_bit ? 'x' : 'w', number);
}

void add_data_abort(std::uint64_t esr, Fields& out) {
  const bool valid = bits(esr, 24, 24) != 0;
  out.push_back({"ISV", bits(esr, 24, 24), valid ? "" : "no instruction syndrome"});
  if (valid) {
    const std::uint64_t size = bits(esr, 23, 22);
    out.push_back({"SAS", size, fmt::format("{} byte{}", 1U << size, size == 0 ? "" : "s")});
    out.push_back({"SSE", bits(esr, 21, 21), bits(esr, 21, 21) != 0 ? "sign-extends" : ""});
    out.push_back(
        {"SRT", bits(esr, 20, 16), register_name(bits(esr, 20, 16), bits(esr, 15, 15) != 0)});
    out.push_back({"SF", bits(esr, 15, 15), {}});
    out.push_back({"AR", bits(esr, 14, 14), bits(esr, 14, 14) != 0 ? "acquire/release" : ""});
  }
  if (bits(esr, 10, 10) != 0) out.push_back({"FnV", 1, "FAR is not valid"});
  if (bits(esr, 9, 9) != 0) out.push_back({"EA", 1, {}});
  if (bits(esr, 8, 8) != 0) out.push_back({"CM", 1, "cache maintenance"});
  if (bits(esr, 7, 7) != 0) out.push_back({"S1PTW", 1, "stage 2 of a stage-1 walk"});
  out.push_back({"WnR", bits(esr, 6, 6), bits(esr, 6, 6) != 0 ? "write" : "read"});
  out.push_back({"DFSC", bits(esr, 5, 0), fault_status_text(bits(esr, 5, 0))});
}

void add_instruction_abort(std::uint64_t esr, Fields& out) {
  if (bits(esr, 10, 10) != 0) out.push_back({"FnV", 1, "FAR is not valid"});
  if (bits(esr, 9, 9) != 0) out.push_back({"EA", 1, {}});
  if (bits(esr, 7, 7) != 0) out.push_back({"S1PTW", 1, "stage 2 of a stage-1 walk"});
  out.push_back({"IFSC", bits(esr, 5, 0), fault_status_text(bits(esr, 5, 0))});
}

void add_system_register(std::uint64_t esr, Fields& out) {
  const auto encoding =
      static_cast<std::uint16_t>(bits(esr, 21, 20) << 14 | bits(esr, 16, 14) << 11 |
                                 bits(esr, 13, 10) << 7 | bits(esr, 4, 1) << 3 | bits(esr, 19, 17));
  out.push_back({"Op0", bits(esr, 21, 20), {}});
  out.push_back({"Op2", bits(esr, 19, 17), {}});
  out.push_back({"Op1", bits(esr, 16, 14), {}});
  out.push_back({"CRn", bits(esr, 13, 10), {}});
  out.push_back({"Rt", bits(esr, 9, 5), register_name(bits(esr, 9, 5), true)});
  out.push_back({"CRm", bits(esr, 4, 1), sysreg_name(encoding)});
  out.push_back({"Direction", bits(esr, 0, 0), bits(esr, 0, 0) != 0 ? "read" : "write"});
}

void add_wfx(std::uint64_t esr, Fields& out) {
  static constexpr std::array<const char*, 4> kInstructions = {"WFI", "WFE", "WFIT", "WFET"};
  out.push_back({"CV", bits(esr, 24, 24), {}});
  out.push_back({"COND", bits(esr, 23, 20), {}});
  out.push_back({"TI", bits(esr, 1, 0), kInstructions[bits(esr, 1, 0)]});
}

}  // namespace

std::string_view exception_class_name(std::uint64_t esr, unsigned target_el) {
  const bool to_el1 = target_el == 1;
  switch (exception_class(esr)) {
    case 0x00: return "unknown reason";
    case kWfx: return "WFI or WFE";
    case 0x07: return "SVE, SIMD or floating-point access";
    case 0x0E: return "illegal execution state";
    case kSvc64: return "SVC from AArch64";
    case kHvc64: return "HVC from AArch64";
    case kSmc64: return "SMC from AArch64";
    case kSystemRegister: return "trapped MSR, MRS or system instruction";
    case 0x19: return "SVE access";
    case kInstructionAbort:
      return to_el1 ? "instruction abort from EL0" : "instruction abort from EL0/EL1";
    case 0x21: return to_el1 ? "instruction abort from EL1" : "instruction abort from EL2";
    case 0x22: return "PC alignment fault";
    case kDataAbort: return to_el1 ? "data abort from EL0" : "data abort from EL0/EL1";
    case 0x25: return to_el1 ? "data abort from EL1" : "data abort from EL2";
    case 0x26: return "SP alignment fault";
    case 0x2C: return "trapped floating-point exception";
    case 0x2F: return "SError";
    case 0x30: return "breakpoint from EL0/EL1";
    case 0x32: return "software step from EL0/EL1";
    case 0x34: return "watchpoint from EL0/EL1";
    case 0x3C: return "BRK from AArch64";
    default: return "reserved exception class";
  }
}

std::string fault_status_text(std::uint64_t code) {
  const std::uint64_t level = code & 3;
  switch (code >> 2) {
    case 0: return fmt::format("address size fault, level {}", level);
    case 1: return fmt::format("translation fault, level {}", level);
    case 2: return fmt::format("access flag fault, level {}", level);
    case 3: return fmt::format("permission fault, level {}", level);
    case 5: return fmt::format("external abort on a walk, level {}", level);
    default: break;
  }
  switch (code) {
    case 0x10: return "external abort";
    case 0x11: return "tag check fault";
    case 0x21: return "alignment fault";
    case 0x30: return "TLB conflict";
    case 0x34: return "lockdown";
    case 0x35: return "unsupported exclusive or atomic access";
    default: return fmt::format("status {:#04x}", code);
  }
}

std::vector<SyndromeField> syndrome_fields(std::uint64_t esr) {
  Fields out;
  out.push_back({"EC", exception_class(esr), {}});
  out.push_back({"IL", bits(esr, 25, 25), bits(esr, 25, 25) != 0 ? "" : "16-bit instruction"});
  switch (exception_class(esr)) {
    case kWfx: add_wfx(esr, out); break;
    case kSvc64:
    case kHvc64:
    case kSmc64: out.push_back({"imm16", bits(esr, 15, 0), {}}); break;
    case kSystemRegister: add_system_register(esr, out); break;
    case kInstructionAbort:
    case 0x21: add_instruction_abort(esr, out); break;
    case kDataAbort:
    case 0x25: add_data_abort(esr, out); break;
    default:
      if (bits(esr, 24, 0) != 0) out.push_back({"ISS", bits(esr, 24, 0), {}});
      break;
  }
  return out;
}

std::string syndrome_text(std::uint64_t esr) {
  std::string text;
  for (const SyndromeField& field : syndrome_fields(esr)) {
    text += fmt::format("{}{}={}{:x}", text.empty() ? "" : " ", field.name,
                        field.value > 9 ? "0x" : "", field.value);
    if (!field.meaning.empty()) text += fmt::format(" ({})", field.meaning);
  }
  return text;
}

}  // namespace axvm::hal_sim::aarch64
