// Any bytes as x86 instructions: the decoder is total, and where Capstone knows an instruction,
// too, both agree on its length and on the memory that it names.

#include <algorithm>
#include <core/arch/x86_64/instruction_decoder.hpp>
#include <fuzz/input.hpp>
#include <tests/core/arch/x86_64/capstone_operands.hpp>
#include <tests/core/arch/x86_64/disassembler.hpp>
#include <vector>

namespace {

using namespace axvm::x86_64;
using axvm::fuzz::Input;
using axvm::fuzz::require;
using Bytes = std::vector<std::uint8_t>;

/// Prefixes, an escape and noise. Without the first two, noise is mostly opcodes of the first map.
Bytes bytes_from(Input& input) {
  constexpr std::uint8_t kPrefixes[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67,
                                        0xf0, 0xf2, 0xf3, 0x40, 0x44, 0x48, 0x4f, 0x66};
  constexpr std::uint8_t kExtended[] = {0xc4, 0xc5, 0x62, 0x8f};
  Bytes bytes;
  for (unsigned n = input.below(6); n > 2; --n) bytes.push_back(input.one_of(kPrefixes));
  switch (input.below(8)) {
    case 0:
    case 1: bytes.push_back(0x0f); break;
    case 2: bytes.insert(bytes.end(), {0x0f, 0x38}); break;
    case 3: bytes.insert(bytes.end(), {0x0f, 0x3a}); break;
    case 4: bytes.push_back(input.one_of(kExtended)); break;
    default: break;
  }
  while (bytes.size() < 16) bytes.push_back(input.take<std::uint8_t>());
  return bytes;
}

void check_total(std::span<const std::uint8_t> bytes, CodeSize code_size,
                 const std::expected<Instruction, DecodeError>& decoded) {
  if (!decoded) {
    require(decoded.error() != DecodeError::Incomplete, "15 bytes are enough");
    return;
  }
  require(decoded->length >= 1 && decoded->length <= kMaxInstructionLength, "length");
  require(decode_instruction(bytes.first(decoded->length), code_size) == decoded,
          "an instruction is what its own bytes say");
  for (std::size_t n = 0; n < decoded->length; ++n) {
    const auto cut = decode_instruction(bytes.first(n), code_size);
    require(!cut && cut.error() == DecodeError::Incomplete, "fewer bytes are incomplete");
  }
  if (decoded->operation == Instruction::Operation::Other) return;
  require(decoded->other.number < 16 && decoded->gpr < 16, "registers");
  const auto gpr = [](unsigned n) {
    require(n < 16, "addresses are made of registers");
    return ~std::uint64_t{n};
  };
  if (decoded->memory) {
    const auto offset = decoded->memory->offset(gpr, ~std::uint64_t{0}, decoded->address_size);
    require(offset == axvm::truncate(offset, decoded->address_size), "addresses wrap");
  }
  static_cast<void>(decoded->loaded(~std::uint64_t{0}, 0x8000'0000));
  static_cast<void>(decoded->stored(~std::uint64_t{0}));
}

/// The reasons are those of tests/core/arch/x86_64/instruction_lengths_test.cpp.
bool may_differ_in_length(const Instruction& i, CodeSize code_size,
                          std::span<const std::uint8_t> bytes) {
  const bool has_66 =
      std::find(bytes.begin(), bytes.begin() + i.length, 0x66) != bytes.begin() + i.length;
  const bool is_near = (i.map == OpcodeMap::Primary && (i.opcode & 0xfe) == 0xe8) ||
                       (i.map == OpcodeMap::Secondary && (i.opcode & 0xf0) == 0x80);
  if (is_near && code_size == CodeSize::Bits64) return has_66;
  if (i.map == OpcodeMap::Primary && i.opcode == 0xc2) return has_66;
  // APM Vol. 3, "BEXTR (immediate form)": an immediate of 32 bits. Capstone has 16 of them in
  // 16-bit code.
  if (i.map == OpcodeMap::Xop) return i.extended_map == 10 && code_size == CodeSize::Bits16;
  return i.map == OpcodeMap::Secondary && i.opcode == 0x78;
}

void check_against_capstone(std::span<const std::uint8_t> bytes, CodeSize code_size,
                            const Instruction& ours, test::Disassembler& disassembler) {
  const cs_insn* theirs = disassembler.disassemble(bytes.first(kMaxInstructionLength));
  if (theirs == nullptr) return;
  if (may_differ_in_length(ours, code_size, bytes)) return;
  require(theirs->size == ours.length, "length");
  if (!ours.memory || ours.is_string()) return;
  const cs_x86& detail = theirs->detail->x86;
  for (unsigned n = 0; n < detail.op_count; ++n) {
    if (detail.operands[n].type != X86_OP_MEM) continue;
    require(test::same_memory(detail.operands[n], *ours.memory, ours, code_size), "memory operand");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static test::Disassembler disassemblers[] = {test::Disassembler(CodeSize::Bits16, true),
                                               test::Disassembler(CodeSize::Bits32, true),
                                               test::Disassembler(CodeSize::Bits64, true)};
  Input input(data, size);
  while (!input.empty()) {
    const auto code_size = static_cast<CodeSize>(input.below(3));
    const Bytes bytes = bytes_from(input);
    const auto decoded = decode_instruction(bytes, code_size);
    check_total(bytes, code_size, decoded);
    if (!decoded) continue;
    check_against_capstone(bytes, code_size, *decoded,
                           disassemblers[static_cast<unsigned>(code_size)]);
  }
  return 0;
}
