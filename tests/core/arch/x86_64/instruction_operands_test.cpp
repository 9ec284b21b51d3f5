// What instructions access, and with what, is what Capstone says.

#include <doctest/doctest.h>

#include <algorithm>
#include <core/arch/x86_64/instruction_decoder.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "capstone_operands.hpp"
#include "disassembler.hpp"

namespace axvm::x86_64::test {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Operation = Instruction::Operation;

const Bytes kPrefixes[] = {{},     {0x66}, {0x67}, {0xf2}, {0xf3},       {0x2e}, {0x64},
                           {0x48}, {0x41}, {0x42}, {0x44}, {0x66, 0x40}, {0x4f}, {0x67, 0x45}};

/// The words that Capstone has for what is decoded.
const std::map<Operation, std::vector<std::string>> kNames{
    {Operation::Move, {"mov", "movabs", "movnti"}},
    {Operation::ZeroExtend, {"movzx"}},
    {Operation::SignExtend, {"movsx", "movsxd"}},
    {Operation::Add, {"add"}},
    {Operation::Or, {"or"}},
    {Operation::AddWithCarry, {"adc"}},
    {Operation::SubtractWithBorrow, {"sbb"}},
    {Operation::And, {"and"}},
    {Operation::Subtract, {"sub"}},
    {Operation::Xor, {"xor"}},
    {Operation::Compare, {"cmp"}},
    {Operation::Test, {"test"}},
    {Operation::Increment, {"inc"}},
    {Operation::Decrement, {"dec"}},
    {Operation::Not, {"not"}},
    {Operation::Negate, {"neg"}},
    {Operation::Exchange, {"xchg"}},
    {Operation::CompareExchange, {"cmpxchg"}},
    {Operation::ExchangeAdd, {"xadd"}},
    {Operation::BitTest, {"bt"}},
    {Operation::BitTestSet, {"bts"}},
    {Operation::BitTestReset, {"btr"}},
    {Operation::BitTestComplement, {"btc"}},
    {Operation::Push, {"push"}},
    {Operation::Pop, {"pop"}},
    {Operation::Call, {"call"}},
    {Operation::Jump, {"jmp"}},
    {Operation::MoveString, {"movsb", "movsw", "movsd", "movsq"}},
    {Operation::CompareString, {"cmpsb", "cmpsw", "cmpsd", "cmpsq"}},
    {Operation::StoreString, {"stosb", "stosw", "stosd", "stosq"}},
    {Operation::LoadString, {"lodsb", "lodsw", "lodsd", "lodsq"}},
    {Operation::ScanString, {"scasb", "scasw", "scasd", "scasq"}},
    {Operation::InString, {"insb", "insw", "insd"}},
    {Operation::OutString, {"outsb", "outsw", "outsd"}},
    {Operation::In, {"in"}},
    {Operation::Out, {"out"}},
    {Operation::ReadControlRegister, {"mov"}},
    {Operation::WriteControlRegister, {"mov"}},
    {Operation::ReadDebugRegister, {"mov"}},
    {Operation::WriteDebugRegister, {"mov"}},
    {Operation::ClearTaskSwitched, {"clts"}},
    {Operation::LoadMachineStatus, {"lmsw"}},
    {Operation::StoreMachineStatus, {"smsw"}},
    {Operation::Cpuid, {"cpuid"}},
    {Operation::ReadMsr, {"rdmsr"}},
    {Operation::WriteMsr, {"wrmsr"}},
    {Operation::ReadTsc, {"rdtsc"}},
    {Operation::ReadTscAux, {"rdtscp"}},
    {Operation::ReadPmc, {"rdpmc"}},
    {Operation::InvalidatePage, {"invlpg"}},
    {Operation::SetXcr, {"xsetbv"}},
    {Operation::Halt, {"hlt"}},
    {Operation::Pause, {"pause"}},
    {Operation::Monitor, {"monitor"}},
    {Operation::Mwait, {"mwait"}},
    {Operation::Invd, {"invd"}},
    {Operation::Wbinvd, {"wbinvd", "wbnoinvd"}},
    {Operation::Vmcall, {"vmcall"}},
    {Operation::Vmmcall, {"vmmcall"}}};

/// "rep stosb" is a "stosb".
std::string name_of(const cs_insn& i) {
  const std::string name = i.mnemonic;
  return name.substr(name.rfind(' ') + 1);
}

bool is_among(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

struct Walk {
  CodeSize code_size;
  Disassembler disassembler{code_size, true};
  std::map<Operation, unsigned> seen;

  explicit Walk(CodeSize size) : code_size(size) {}

  void run() {
    for (const Bytes& prefixes : kPrefixes) {
      const bool has_rex = !prefixes.empty() && (prefixes.back() & 0xf0) == 0x40;
      if (has_rex && code_size != CodeSize::Bits64) continue;
      for (unsigned n = 0; n < 0x4'0000; ++n) {
        Bytes bytes = prefixes;
        if ((n & 0x1'0000) != 0) bytes.push_back(0x0f);
        // Indexes and bases of SIB bytes: RBP and RCX, R13 and none.
        const std::uint8_t sib = (n & 0x2'0000) != 0 ? 0x8d : 0x25;
        bytes.insert(bytes.end(), {static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n),
                                   sib, 0x92, 0x23, 0x34, 0xc5, 0x56, 0x67, 0x78, 0x09, 0x1a});
        compare(bytes);
      }
    }
  }

  void compare(const Bytes& bytes) {
    const auto ours = decode_instruction(bytes, code_size);
    if (!ours || ours->map > OpcodeMap::Secondary) return;
    const cs_insn* theirs = disassembler.disassemble(bytes);
    // Where one of them knows it only, instruction_lengths_test.cpp says why.
    if (theirs == nullptr) return;
    CAPTURE(std::string(theirs->mnemonic) + " " + theirs->op_str);
    CAPTURE(static_cast<unsigned>(code_size));
    const std::string name = name_of(*theirs);
    const auto names = kNames.find(ours->operation);
    if (names != kNames.end()) {
      ++seen[ours->operation];
      // With REX.W, Capstone takes PAUSE for what it is without F3.
      const bool is_pause = ours->operation == Operation::Pause && name == "xchg";
      CHECK((is_pause || is_among(names->second, name)));
    }
    const cs_x86& detail = theirs->detail->x86;
    std::vector<const cs_x86_op*> memory;
    for (unsigned n = 0; n < detail.op_count; ++n) {
      if (detail.operands[n].type == X86_OP_MEM) memory.push_back(&detail.operands[n]);
    }
    if (ours->is_string()) return compare_string(*ours, memory);
    if (!ours->memory || memory.empty()) return;
    CHECK(same_memory(*memory[0], *ours->memory, *ours, code_size));
    if (ours->operation == Operation::Other) return;
    compare_access(*ours, *memory[0], detail);
  }

  void compare_string(const Instruction& ours, const std::vector<const cs_x86_op*>& theirs) const {
    const auto destination = ours.string_destination();
    bool found = false;
    // Between 66 and REX.W, INS and OUTS go by REX.W as all do (APM Vol. 3 1.2.7), and have 32
    // bits at most; Capstone goes by 66.
    const bool is_port = ours.operation >= Operation::InString;
    const bool ignores_rex_w = is_port && ours.operand_size == AccessWidth::Qword;
    for (const cs_x86_op* op : theirs) {
      CHECK((op->size == bytes(ours.width) || ignores_rex_w));
      const bool is_source = ours.memory && same_memory(*op, *ours.memory, ours, code_size);
      const bool is_destination = destination && same_memory(*op, *destination, ours, code_size);
      CHECK((is_source || is_destination));
      found = found || is_source;
    }
    CHECK(found);
  }

  /// Capstone gives these 32 bits in 16-bit code, MOVNTI and near branches with 66 what they have
  /// without.
  [[nodiscard]] bool is_width_misstated(const Instruction& i) const {
    if (i.map == OpcodeMap::Primary) {
      const bool is_near = i.operation == Operation::Call || i.operation == Operation::Jump;
      return is_near && code_size == CodeSize::Bits64 && i.width == AccessWidth::Word;
    }
    return code_size == CodeSize::Bits16 && i.width == AccessWidth::Word;
  }
  /// Capstone has TEST only write, CMPXCHG only read, and MOVNTI read.
  [[nodiscard]] static bool is_access_misstated(const Instruction& i) {
    return i.operation == Operation::Test || i.operation == Operation::CompareExchange ||
           (i.map == OpcodeMap::Secondary && i.operation == Operation::Move);
  }

  void compare_access(const Instruction& ours, const cs_x86_op& memory,
                      const cs_x86& detail) const {
    if (ours.operation == Operation::InvalidatePage) return;
    const bool is_width_known = !is_width_misstated(ours);
    if (is_width_known) CHECK(memory.size == bytes(ours.width));
    if (!is_access_misstated(ours)) {
      CHECK(((memory.access & CS_AC_READ) != 0) == ours.reads_memory());
      CHECK(((memory.access & CS_AC_WRITE) != 0) == ours.writes_memory());
    }
    for (unsigned n = 0; n < detail.op_count; ++n) {
      const cs_x86_op& op = detail.operands[n];
      if (op.type == X86_OP_REG) {
        REQUIRE(ours.other.kind == OtherOperand::Kind::Register);
        const x86_reg reg = gpr(ours.other.number, ours.other_width, ours.other.is_high_byte);
        const bool is_movnti =
            ours.map == OpcodeMap::Secondary && ours.operation == Operation::Move;
        CHECK((op.reg == reg || (is_movnti && !is_width_known)));
        CHECK((n == 1) == ours.memory_is_first);
      } else if (op.type == X86_OP_IMM) {
        REQUIRE(ours.other.kind == OtherOperand::Kind::Immediate);
        const bool is_bit =
            ours.operation >= Operation::BitTest && ours.operation <= Operation::BitTestComplement;
        const auto difference = static_cast<std::uint64_t>(op.imm ^ ours.other.immediate);
        CHECK((is_bit ? difference % (8 * bytes(ours.width)) : truncate(difference, ours.width)) ==
              0);
      }
    }
  }
};

void check(CodeSize code_size) {
  Walk walk(code_size);
  walk.run();
  for (const auto& [operation, names] : kNames) {
    CAPTURE(names[0]);
    CHECK(walk.seen[operation] > 0);
  }
}

}  // namespace

TEST_CASE("instructions in 16-bit code have the operands that Capstone says") {
  check(CodeSize::Bits16);
}

TEST_CASE("instructions in 32-bit code have the operands that Capstone says") {
  check(CodeSize::Bits32);
}

TEST_CASE("instructions in 64-bit code have the operands that Capstone says") {
  check(CodeSize::Bits64);
}

}  // namespace axvm::x86_64::test
