#include <fmt/format.h>

#include <explain/aarch64/exit.hpp>
#include <explain/aarch64/layouts.hpp>
#include <hal-sim/arch/aarch64/trace/sysreg_names.hpp>

namespace axvm::explain::aarch64 {

namespace {

constexpr unsigned kWfx = 0x01;
constexpr unsigned kFloatingPoint = 0x07;
constexpr unsigned kSvc = 0x15;
constexpr unsigned kHvc = 0x16;
constexpr unsigned kSmc = 0x17;
constexpr unsigned kSystemRegister = 0x18;
constexpr unsigned kInstructionAbort = 0x20;
constexpr unsigned kInstructionAbortSame = 0x21;
constexpr unsigned kDataAbort = 0x24;
constexpr unsigned kDataAbortSame = 0x25;

constexpr std::uint64_t bits(std::uint64_t word, unsigned high, unsigned low) {
  return word >> low & ((std::uint64_t{2} << (high - low)) - 1);
}
constexpr bool bit(std::uint64_t word, unsigned n) { return (word >> n & 1) != 0; }
constexpr unsigned class_of(std::uint64_t esr) { return static_cast<unsigned>(bits(esr, 31, 26)); }

constexpr unsigned kPermission = 3;  // fault status, bits 5:2
constexpr bool is_mmu_fault(std::uint64_t esr) {
  switch (bits(esr, 5, 0)) {
    case 0b101001:  // address size, level -1
    case 0b101010:  // translation, level -2
    case 0b101011:  // translation, level -1
    case 0b101100:  // address size, level -2
      return true;
    default: return bits(esr, 5, 2) <= kPermission;
  }
}

/// Of a guest: aborts from the same Exception level are those of EL2's own translation.
constexpr bool is_of_guest(std::uint64_t esr) {
  return class_of(esr) == kInstructionAbort || class_of(esr) == kDataAbort;
}
constexpr bool is_stage2_fault(std::uint64_t esr) { return is_of_guest(esr) && is_mmu_fault(esr); }
/// S1PTW has no meaning otherwise.
constexpr bool is_on_walk(std::uint64_t esr) { return is_of_guest(esr) && bit(esr, 7); }

/// Whether HPFAR_EL2 is written for this abort: not after a permission fault of the access itself,
/// nor after what is no fault of stage 2.
constexpr bool ipa_is_known(std::uint64_t esr) {
  return is_stage2_fault(esr) && (bits(esr, 5, 2) != kPermission || is_on_walk(esr));
}

constexpr bool far_is_valid(std::uint64_t esr) {
  constexpr unsigned kExternal = 0b010000;
  return bits(esr, 5, 0) != kExternal || !bit(esr, 10);
}

std::string value_of(const Exit& exit, std::uint64_t number, bool is_64_bit) {
  std::string text = register_name(number, is_64_bit);
  if (number >= exit.registers.size() || number == 31) return text;
  const std::uint64_t value = exit.registers[number];
  return fmt::format("{} = {:#x}", text, is_64_bit ? value : value & 0xffff'ffff);
}

// Where an abort happened, as well as it is known.
std::string place_of(const Exit& exit) {
  const bool on_walk = is_on_walk(exit.esr);
  std::string text;
  if (exit.far && far_is_valid(exit.esr)) text = fmt::format("VA {:#x}", *exit.far);
  if (exit.hpfar && ipa_is_known(exit.esr)) {
    const std::uint64_t page = (*exit.hpfar & 0x0000'ffff'ffff'fff0) << 8;
    const std::uint64_t offset = exit.far && !on_walk ? *exit.far & 0xfff : 0;
    const std::string ipa = on_walk || !exit.far ? fmt::format("the page at IPA {:#x}", page)
                                                 : fmt::format("IPA {:#x}", page | offset);
    if (on_walk) {
      text += fmt::format("{}a stage-1 descriptor in {}", text.empty() ? "" : ", whose walk reads ",
                          ipa);
    } else {
      text += fmt::format("{}{}", text.empty() ? "" : ", ", ipa);
    }
  }
  if (!text.empty()) return text;
  return is_of_guest(exit.esr) ? "an address in FAR_EL2 and HPFAR_EL2" : "an address in FAR_EL2";
}

std::string bytes_text(unsigned size) {
  return size == 1 ? "1 byte" : fmt::format("{} bytes", size);
}

std::string data_access(const Exit& exit) {
  const std::uint64_t esr = exit.esr;
  const bool write = bit(esr, 6);
  if (bit(esr, 8)) return "a cache maintenance or address translation instruction for";
  if (!bit(esr, 24)) return write ? "a write to" : "a read of";
  const unsigned size = 1U << bits(esr, 23, 22);
  const std::uint64_t number = bits(esr, 20, 16);
  const bool wide = bit(esr, 15);
  std::string_view article = size == 8 ? "an " : "a ";
  if (bit(esr, 14)) article = write ? "a store-release, " : "a load-acquire, ";
  if (write) {
    return fmt::format("{}{}-byte write of {} to", article, size, value_of(exit, number, wide));
  }
  return fmt::format("{}{}-byte read into {}{} of", article, size, register_name(number, wide),
                     bit(esr, 21) ? ", sign-extended," : "");
}

std::string system_register(const Exit& exit) {
  const std::uint64_t esr = exit.esr;
  const auto encoding =
      static_cast<std::uint16_t>(bits(esr, 21, 20) << 14 | bits(esr, 16, 14) << 11 |
                                 bits(esr, 13, 10) << 7 | bits(esr, 4, 1) << 3 | bits(esr, 19, 17));
  const std::string name = hal_sim::aarch64::sysreg_name(encoding);
  const std::uint64_t rt = bits(esr, 9, 5);
  if (bit(esr, 0)) return fmt::format("MRS {}, {}", register_name(rt, true), name);
  const std::string value = value_of(exit, rt, true);
  if (bits(esr, 21, 20) == 1) return fmt::format("{} with {}", name, value);
  return fmt::format("MSR {}, {}", name, value);
}

void add_abort(const Exit& exit, std::vector<std::string>& out) {
  const std::uint64_t esr = exit.esr;
  const std::uint64_t code = bits(esr, 5, 0);
  const std::string stage = is_stage2_fault(esr) ? ", of stage 2" : "";
  out.push_back(fmt::format("Why: {}{}.", fault_status_text(code), stage));
  if (is_on_walk(esr)) {
    out.emplace_back(
        "S1PTW: the guest's stage-1 tables are where stage 2 does not allow a read; HPFAR_EL2 is "
        "about the descriptor, FAR_EL2 about the access.");
  }
  if (!far_is_valid(esr)) out.emplace_back("FAR_EL2 is not valid (FnV).");
  if (is_stage2_fault(esr) && !ipa_is_known(esr)) {
    out.emplace_back(
        "HPFAR_EL2 is UNKNOWN after a permission fault: AT S1E1R with FAR_EL2, then PAR_EL1, give "
        "the IPA.");
  }
}

void add_emulation(const Exit& exit, std::vector<std::string>& out) {
  const std::uint64_t esr = exit.esr;
  if (is_on_walk(esr) || !is_stage2_fault(esr)) return;
  if (!bit(esr, 24)) {
    out.emplace_back(
        "ISV is 0: to emulate the access, the instruction at ELR_EL2 has to be decoded; to map the "
        "page, it need not.");
    return;
  }
  out.emplace_back(
      bit(esr, 6) ? fmt::format("To emulate: take {} of {}, then skip the instruction.",
                                bytes_text(1U << bits(esr, 23, 22)),
                                register_name(bits(esr, 20, 16), bit(esr, 15)))
                  : fmt::format("To emulate: put {}, {}-extended, into {}, then skip the "
                                "instruction.",
                                bytes_text(1U << bits(esr, 23, 22)), bit(esr, 21) ? "sign" : "zero",
                                register_name(bits(esr, 20, 16), bit(esr, 15))));
}

void add_return(const Exit& exit, std::vector<std::string>& out) {
  const unsigned ec = class_of(exit.esr);
  const bool behind = ec == kHvc || ec == kSvc;
  std::string text = behind ? "ELR_EL2 is behind the instruction" : "ELR_EL2 is the instruction's";
  if (exit.elr) {
    text = behind ? fmt::format("ELR_EL2: {:#x} is behind the instruction", *exit.elr)
                  : fmt::format("ELR_EL2: {:#x} is the instruction's", *exit.elr);
  }
  switch (ec) {
    case kHvc:
    case kSvc: text += ": ERET goes on."; break;
    case kInstructionAbort:
    case kInstructionAbortSame: text += ": ERET fetches it again."; break;
    case kWfx:
    case kFloatingPoint:
    case kSmc:
    case kSystemRegister:
    case kDataAbort:
    case kDataAbortSame:
      text += fmt::format(": ERET repeats it, ELR_EL2 + {} skips it.", bit(exit.esr, 25) ? 4 : 2);
      break;
    default: return;
  }
  out.push_back(std::move(text));
}

}  // namespace

std::string what_happened(const Exit& exit) {
  const std::uint64_t esr = exit.esr;
  switch (class_of(esr)) {
    case kWfx: {
      static constexpr std::string_view kNames[] = {"WFI", "WFE", "WFIT", "WFET"};
      return fmt::format("{}: the guest has nothing to do", kNames[bits(esr, 1, 0)]);
    }
    case kFloatingPoint: return "an SVE, SIMD or floating-point instruction, which is trapped";
    case kSvc: return fmt::format("SVC #{:#x}", bits(esr, 15, 0));
    case kHvc:
    case kSmc: {
      const std::string call =
          fmt::format("{} #{:#x}", class_of(esr) == kHvc ? "HVC" : "SMC", bits(esr, 15, 0));
      return exit.registers.empty() ? call
                                    : fmt::format("{} with {}", call, value_of(exit, 0, true));
    }
    case kSystemRegister: return system_register(exit);
    case kInstructionAbort:
    case kInstructionAbortSame: return fmt::format("a fetch from {}", place_of(exit));
    case kDataAbort:
    case kDataAbortSame: return fmt::format("{} {}", data_access(exit), place_of(exit));
    default: return std::string(exception_class_text(class_of(esr)));
  }
}

std::vector<std::string> what_follows(const Exit& exit) {
  std::vector<std::string> out;
  switch (class_of(exit.esr)) {
    case kInstructionAbort:
    case kInstructionAbortSame: add_abort(exit, out); break;
    case kDataAbort:
    case kDataAbortSame:
      add_abort(exit, out);
      add_emulation(exit, out);
      break;
    default: break;
  }
  add_return(exit, out);
  return out;
}

}  // namespace axvm::explain::aarch64
