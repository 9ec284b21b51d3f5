#include <fmt/format.h>

#include <array>
#include <explain/riscv64/exit.hpp>
#include <explain/riscv64/firmware_calls.hpp>
#include <explain/riscv64/instruction.hpp>
#include <explain/riscv64/layouts.hpp>

namespace axvm::explain::riscv64 {

namespace {

// scause.
constexpr std::uint64_t kFetchMisaligned = 0;
constexpr std::uint64_t kFetchAccessFault = 1;
constexpr std::uint64_t kIllegal = 2;
constexpr std::uint64_t kBreakpoint = 3;
constexpr std::uint64_t kLoadMisaligned = 4;
constexpr std::uint64_t kLoadAccessFault = 5;
constexpr std::uint64_t kStoreMisaligned = 6;
constexpr std::uint64_t kStoreAccessFault = 7;
constexpr std::uint64_t kCallFromUser = 8;
constexpr std::uint64_t kCallFromVs = 10;
constexpr std::uint64_t kFetchPageFault = 12;
constexpr std::uint64_t kLoadPageFault = 13;
constexpr std::uint64_t kStorePageFault = 15;
constexpr std::uint64_t kFetchGuestPageFault = 20;
constexpr std::uint64_t kLoadGuestPageFault = 21;
constexpr std::uint64_t kVirtualInstruction = 22;
constexpr std::uint64_t kStoreGuestPageFault = 23;

constexpr std::uint64_t kWfi = 0x1050'0073;
constexpr unsigned kA6 = 16;
constexpr unsigned kA7 = 17;

constexpr bool is_guest_page_fault(std::uint64_t scause) {
  return scause == kFetchGuestPageFault || scause == kLoadGuestPageFault ||
         scause == kStoreGuestPageFault;
}
constexpr bool is_fetch(std::uint64_t scause) {
  return scause == kFetchMisaligned || scause == kFetchAccessFault || scause == kFetchPageFault ||
         scause == kFetchGuestPageFault;
}
constexpr bool is_store(std::uint64_t scause) {
  return scause == kStoreMisaligned || scause == kStoreAccessFault || scause == kStorePageFault ||
         scause == kStoreGuestPageFault;
}
constexpr bool is_load(std::uint64_t scause) {
  return scause == kLoadMisaligned || scause == kLoadAccessFault || scause == kLoadPageFault ||
         scause == kLoadGuestPageFault;
}
constexpr bool is_access(std::uint64_t scause) {
  return !is_interrupt(scause) && (is_fetch(scause) || is_store(scause) || is_load(scause));
}

std::optional<TransformedAccess> access_of(const Exit& exit) {
  if (!exit.htinst || is_implicit_access(*exit.htinst)) return std::nullopt;
  return transformed_access(*exit.htinst);
}

// Of a table entry of the VS-stage. Without htinst the offset tells: that of an access is stval's.
bool is_on_walk(const Exit& exit) {
  if (!is_guest_page_fault(exit.scause)) return false;
  if (exit.htinst && is_implicit_access(*exit.htinst)) return true;
  if (!exit.htval || !exit.stval || *exit.htval == 0) return false;
  constexpr std::uint64_t kOffset = 0xffc;
  return ((*exit.htval << 2 ^ *exit.stval) & kOffset) != 0;
}

std::string value_of(const Exit& exit, unsigned number) {
  std::string text(register_name(number));
  if (number == 0 || number > exit.registers.size()) return text;
  return fmt::format("{} = {:#x}", text, exit.registers[number - 1]);
}

std::string bytes_text(unsigned size) {
  return size == 1 ? "1 byte" : fmt::format("{} bytes", size);
}

std::string data_register(const Exit& exit, const TransformedAccess& access, bool with_value) {
  if (access.floating) return fmt::format("f{}", access.data);
  return with_value ? value_of(exit, access.data) : std::string(register_name(access.data));
}

std::string access_text(const Exit& exit) {
  if (is_fetch(exit.scause)) return "a fetch from";
  const auto access = access_of(exit);
  if (!access) return is_store(exit.scause) ? "a store or AMO to" : "a load from";
  const std::string_view article = access->bytes == 8 ? "an" : "a";
  if (access->form == TransformedAccess::Form::Atomic) {
    return fmt::format("{} {}-byte {} of", article, access->bytes, access->operation);
  }
  if (access->is_store) {
    return fmt::format("{} {}-byte store of {} to", article, access->bytes,
                       data_register(exit, *access, true));
  }
  return fmt::format("{} {}-byte load of {}{} from", article, access->bytes,
                     data_register(exit, *access, false),
                     access->is_signed && access->bytes < 8 ? ", sign-extended," : "");
}

// Where it happened, as well as it is known.
std::string place_of(const Exit& exit) {
  const bool guest_virtual = exit.hstatus ? (*exit.hstatus >> 6 & 1) != 0 : true;
  std::string text;
  if (exit.stval) text = fmt::format("{} {:#x}", guest_virtual ? "GVA" : "address", *exit.stval);
  if (is_guest_page_fault(exit.scause) && exit.htval && *exit.htval != 0) {
    const std::uint64_t gpa = *exit.htval << 2;
    if (is_on_walk(exit)) {
      text += fmt::format("{}the VS-stage entry at GPA {:#x}",
                          text.empty() ? "" : ", whose walk reads ", gpa);
    } else {
      text += fmt::format("{}GPA {:#x}", text.empty() ? "" : ", ",
                          gpa | (exit.stval ? *exit.stval & 3 : 0));
    }
  }
  if (!text.empty()) return text;
  return is_guest_page_fault(exit.scause) ? "an address in stval and htval" : "an address in stval";
}

// The instruction that stval has; nothing when it has none.
std::optional<std::uint64_t> instruction_of(const Exit& exit) {
  const bool described = exit.scause == kIllegal || exit.scause == kVirtualInstruction;
  return described && exit.stval && *exit.stval != 0 ? exit.stval : std::nullopt;
}

std::string refused_instruction(const Exit& exit) {
  const auto word = instruction_of(exit);
  const std::string_view kind =
      exit.scause == kIllegal ? "an illegal instruction" : "an instruction that is trapped";
  if (!word) return std::string(kind);
  if (*word == kWfi) return "WFI: the guest has nothing to do";
  std::string text = fmt::format("{}: {}", kind, instruction_text(*word));
  // CSRRW, CSRRS and CSRRC with a register.
  const auto funct3 = static_cast<unsigned>(*word >> 12 & 7);
  const auto source = static_cast<unsigned>(*word >> 15 & 31);
  if ((*word & 0x7f) == 0x73 && funct3 >= 1 && funct3 <= 3 && source != 0 &&
      !exit.registers.empty()) {
    text += fmt::format(", {}", value_of(exit, source));
  }
  return text;
}

std::string firmware_call(const Exit& exit) {
  std::string text = "ECALL from VS-mode, a call to firmware";
  if (exit.registers.size() < kA7) return text;
  const std::uint64_t extension = exit.registers[kA7 - 1];
  const std::string_view name = firmware_extension(extension);
  return fmt::format("{}: a7 = {:#x}{}, a6 = {:#x}", text, extension,
                     name.empty() ? "" : fmt::format(" ({})", name), exit.registers[kA6 - 1]);
}

void add_guest_page_fault(const Exit& exit, std::vector<std::string>& out) {
  out.emplace_back("Why: the G-stage maps nothing there, or does not permit it.");
  if (is_on_walk(exit)) {
    out.emplace_back(
        "The guest's tables are where the G-stage does not allow a read: htval is about the entry, "
        "stval about the access.");
    return;
  }
  if (is_fetch(exit.scause) || !exit.htinst) return;
  const auto access = access_of(exit);
  if (!access) {
    out.emplace_back(
        "htinst is 0: to emulate the access, the instruction at sepc has to be read (HLVX) and "
        "decoded; to map the page, it need not.");
    return;
  }
  if (access->form == TransformedAccess::Form::Atomic) return;
  out.push_back(access->is_store
                    ? fmt::format("To emulate: take {} of {}, then skip the instruction.",
                                  bytes_text(access->bytes), data_register(exit, *access, false))
                    : fmt::format("To emulate: put {}, {}-extended, into {}, then skip the "
                                  "instruction.",
                                  bytes_text(access->bytes), access->is_signed ? "sign" : "zero",
                                  data_register(exit, *access, false)));
}

// Bytes of the instruction that trapped, when they are known.
std::optional<unsigned> length_of(const Exit& exit) {
  if (exit.scause == kCallFromVs || exit.scause == kCallFromUser) return 4;
  if (const auto word = instruction_of(exit)) return (*word & 3) == 3 ? 4 : 2;
  if (const auto access = access_of(exit)) return access->instruction;
  return std::nullopt;
}

void add_return(const Exit& exit, std::vector<std::string>& out) {
  std::string text = exit.sepc ? fmt::format("sepc: {:#x} is the instruction's", *exit.sepc)
                               : "sepc is the instruction's";
  if (is_access(exit.scause) && is_fetch(exit.scause)) {
    text += ": SRET fetches it again.";
  } else if (const auto length = length_of(exit)) {
    text += fmt::format(": SRET repeats it, sepc + {} skips it.", *length);
  } else {
    text += ": SRET repeats it, sepc + 2 or + 4, by its length, skips it.";
  }
  out.push_back(std::move(text));
  if (!exit.hstatus) return;
  const bool from_guest = (*exit.hstatus >> 7 & 1) != 0;
  if (!from_guest) {
    out.emplace_back("hstatus.SPV is 0: it did not come from a guest.");
  } else {
    out.push_back(fmt::format("hstatus.SPVP: it came from {}-mode.",
                              (*exit.hstatus >> 8 & 1) != 0 ? "VS" : "VU"));
  }
}

}  // namespace

std::string what_happened(const Exit& exit) {
  if (is_access(exit.scause)) return fmt::format("{} {}", access_text(exit), place_of(exit));
  switch (exit.scause) {
    case kIllegal:
    case kVirtualInstruction: return refused_instruction(exit);
    case kBreakpoint: return "EBREAK, or a breakpoint";
    case kCallFromVs: return firmware_call(exit);
    default: return std::string(cause_text(exit.scause));
  }
}

std::vector<std::string> what_follows(const Exit& exit) {
  std::vector<std::string> out;
  if (is_interrupt(exit.scause)) return out;
  if (is_guest_page_fault(exit.scause)) {
    add_guest_page_fault(exit, out);
  } else if (exit.scause == kVirtualInstruction) {
    out.emplace_back(
        "Why: virtual instruction: HS-mode could execute it, hstatus, henvcfg or hcounteren do not "
        "let the guest.");
  } else if (is_access(exit.scause)) {
    out.push_back(fmt::format("Why: {}.", cause_text(exit.scause)));
  }
  add_return(exit, out);
  return out;
}

}  // namespace axvm::explain::riscv64
