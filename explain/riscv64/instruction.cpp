#include <fmt/format.h>

#include <array>
#include <explain/riscv64/instruction.hpp>
#include <explain/riscv64/layouts.hpp>
#include <hal-sim/arch/riscv64/trace/csr_names.hpp>

namespace axvm::explain::riscv64 {

namespace {

using Form = TransformedAccess::Form;

constexpr unsigned bits(std::uint64_t word, unsigned high, unsigned low) {
  return static_cast<unsigned>(word >> low & ((std::uint64_t{2} << (high - low)) - 1));
}

// Opcodes, bits 6:2.
constexpr unsigned kLoad = 0b00000;
constexpr unsigned kLoadFp = 0b00001;
constexpr unsigned kStore = 0b01000;
constexpr unsigned kStoreFp = 0b01001;
constexpr unsigned kAmo = 0b01011;
constexpr unsigned kSystem = 0b11100;

struct Atomic {
  unsigned funct5;
  std::string_view name;
};
constexpr auto kAtomics = std::to_array<Atomic>({
    {0b00000, "AMOADD"},
    {0b00001, "AMOSWAP"},
    {0b00010, "LR"},
    {0b00011, "SC"},
    {0b00100, "AMOXOR"},
    {0b01000, "AMOOR"},
    {0b01100, "AMOAND"},
    {0b10000, "AMOMIN"},
    {0b10100, "AMOMAX"},
    {0b11000, "AMOMINU"},
    {0b11100, "AMOMAXU"},
});

std::string_view atomic_name(unsigned funct5) {
  for (const Atomic& known : kAtomics) {
    if (known.funct5 == funct5) return known.name;
  }
  return {};
}

bool describe_plain(std::uint64_t word, unsigned opcode, TransformedAccess& access) {
  const unsigned funct3 = bits(word, 14, 12);
  access.is_store = opcode == kStore || opcode == kStoreFp;
  access.floating = opcode == kLoadFp || opcode == kStoreFp;
  access.form = access.is_store ? Form::Store : Form::Load;
  access.operation = access.is_store ? "store" : "load";
  access.data = access.is_store ? bits(word, 24, 20) : bits(word, 11, 7);
  access.bytes = 1U << (funct3 & 3);
  access.is_signed = !access.is_store && !access.floating && funct3 < 3;
  const bool any_width = access.floating   ? funct3 >= 1 && funct3 <= 3
                         : access.is_store ? funct3 <= 3
                                           : funct3 != 7;
  const std::uint64_t immediate = access.is_store ? word & 0xfe00'0f80 : word & 0xfff0'0000;
  return any_width && immediate == 0;
}

bool describe_atomic(std::uint64_t word, TransformedAccess& access) {
  const unsigned funct3 = bits(word, 14, 12);
  access.form = Form::Atomic;
  access.operation = atomic_name(bits(word, 31, 27));
  access.is_store = access.operation != "LR";
  access.data = access.operation == "LR" ? bits(word, 11, 7) : bits(word, 24, 20);
  access.bytes = 1U << (funct3 & 3);
  access.is_signed = true;
  return !access.operation.empty() && (funct3 == 2 || funct3 == 3);
}

// HLV, HLVX and HSV (Hypervisor Virtual-Machine Load and Store Instructions).
bool describe_hypervisor(std::uint64_t word, TransformedAccess& access) {
  const unsigned funct7 = bits(word, 31, 25);
  const unsigned which = bits(word, 24, 20);
  if (bits(word, 14, 12) != 4 || funct7 < 0x30 || funct7 > 0x37) return false;
  access.form = Form::Hypervisor;
  access.is_store = (funct7 & 1) != 0;
  access.bytes = 1U << (funct7 >> 1 & 3);
  access.data = access.is_store ? which : bits(word, 11, 7);
  access.operation = access.is_store ? "HSV" : which == 3 ? "HLVX" : "HLV";
  access.is_signed = !access.is_store && which == 0;
  return access.is_store || which == 0 || which == 1 || which == 3;
}

std::string csr_text(std::uint64_t word, unsigned funct3) {
  static constexpr std::array<std::string_view, 4> kNames = {"", "csrrw", "csrrs", "csrrc"};
  const bool immediate = funct3 >= 5;
  const unsigned source = bits(word, 19, 15);
  return fmt::format("{}{} {}, {}, {}", kNames.at(funct3 & 3), immediate ? "i" : "",
                     register_name(bits(word, 11, 7)),
                     hal_sim::riscv64::csr_name(bits(word, 31, 20)),
                     immediate ? fmt::format("{}", source) : std::string(register_name(source)));
}

std::string_view privileged_name(std::uint64_t word) {
  switch (word) {
    case 0x0000'0073: return "ecall";
    case 0x0010'0073: return "ebreak";
    case 0x1020'0073: return "sret";
    case 0x1050'0073: return "wfi";
    case 0x3020'0073: return "mret";
    default: break;
  }
  switch (word & 0xfe00'7fff) {
    case 0x1200'0073: return "sfence.vma";
    case 0x1600'0073: return "sinval.vma";
    case 0x2200'0073: return "hfence.vvma";
    case 0x6200'0073: return "hfence.gvma";
    default: return {};
  }
}

}  // namespace

std::optional<TransformedAccess> transformed_access(std::uint64_t htinst) {
  if (htinst >> 32 != 0 || (htinst & 1) == 0) return std::nullopt;
  TransformedAccess access;
  access.offset = bits(htinst, 19, 15);
  access.instruction = bits(htinst, 1, 1) != 0 ? 4 : 2;
  const unsigned opcode = bits(htinst, 6, 2);
  bool known = false;
  switch (opcode) {
    case kLoad:
    case kLoadFp:
    case kStore:
    case kStoreFp: known = describe_plain(htinst, opcode, access); break;
    case kAmo: known = describe_atomic(htinst, access); break;
    case kSystem: known = describe_hypervisor(htinst, access); break;
    default: break;
  }
  if (!known) return std::nullopt;
  return access;
}

std::string instruction_text(std::uint64_t word) {
  if (bits(word, 6, 0) == 0x73 && word >> 32 == 0) {
    const unsigned funct3 = bits(word, 14, 12);
    if ((funct3 & 3) != 0) return csr_text(word, funct3);
    const std::string_view name = privileged_name(word);
    const bool fence = name.find('.') != std::string_view::npos;
    if (fence) {
      return fmt::format("{} {}, {}", name, register_name(bits(word, 19, 15)),
                         register_name(bits(word, 24, 20)));
    }
    if (!name.empty()) return std::string(name);
    TransformedAccess access;
    if (describe_hypervisor(word, access)) {
      return fmt::format("{} of {} bytes at ({})", access.operation, access.bytes,
                         register_name(bits(word, 19, 15)));
    }
  }
  return fmt::format("{:#x}", word);
}

}  // namespace axvm::explain::riscv64
