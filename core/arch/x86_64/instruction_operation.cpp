// What instructions do: the second half of the decoder.

#include <core/arch/x86_64/instruction_prefixes.hpp>
#include <core/arch/x86_64/opcode_groups.hpp>

namespace axvm::x86_64 {
namespace {

using Operation = Instruction::Operation;
using Kind = OtherOperand::Kind;

/// ADD to CMP, in the order of opcodes and of group 1.
constexpr Operation kArithmetic[] = {
    Operation::Add, Operation::Or,       Operation::AddWithCarry, Operation::SubtractWithBorrow,
    Operation::And, Operation::Subtract, Operation::Xor,          Operation::Compare};
/// From BT, in the order of group 8.
constexpr Operation kBits[] = {Operation::BitTest, Operation::BitTestSet, Operation::BitTestReset,
                               Operation::BitTestComplement};

class OperationDecoder {
 public:
  OperationDecoder(Instruction& i, const Prefixes& prefixes, CodeSize code_size,
                   std::int64_t immediate) noexcept
      : i_(i),
        prefixes_(prefixes),
        is_64bit_(code_size == CodeSize::Bits64),
        immediate_(immediate),
        by_opcode_((i.opcode & 1) == 0 ? AccessWidth::Byte : i.operand_size) {}

  void decode() noexcept {
    if (i_.map == OpcodeMap::Primary) {
      if (i_.modrm) return i_.memory ? of_memory() : void();
      return without_modrm();
    }
    if (i_.map != OpcodeMap::Secondary) return;
    if (i_.opcode >= 0x20 && i_.opcode <= 0x23) return move_control_register();
    if (i_.opcode == 0x01) return group7();
    if (i_.modrm) return i_.memory ? of_memory_secondary() : void();
    without_modrm_secondary();
  }

 private:
  [[nodiscard]] ModRmFields modrm() const noexcept { return ModRmFields(*i_.modrm); }

  // --- operands ---------------------------------------------------------------------------------

  /// Memory is accessed with `width`. ModRM.reg names the other operand, of as many bytes.
  void with_register(Operation operation, AccessWidth width, bool memory_is_first) noexcept {
    with_gpr(operation, width, memory_is_first,
             static_cast<std::uint8_t>(modrm().reg | prefixes_.rex_r()));
  }
  void with_gpr(Operation operation, AccessWidth width, bool memory_is_first,
                std::uint8_t number) noexcept {
    alone(operation, width, memory_is_first);
    i_.other_width = width;
    i_.other = {.kind = Kind::Register, .number = number};
    // Without REX, 4 to 7 are AH, CH, DH, BH (APM Vol. 3 1.2.7).
    if (width == AccessWidth::Byte && !prefixes_.rex && number >= 4) {
      i_.other.number = number - 4;
      i_.other.is_high_byte = true;
    }
  }
  void with_immediate(Operation operation, AccessWidth width) noexcept {
    alone(operation, width, true);
    i_.other_width = width;
    i_.other = {.kind = Kind::Immediate, .immediate = immediate_};
  }
  void alone(Operation operation, AccessWidth width, bool memory_is_first) noexcept {
    i_.operation = operation;
    i_.width = width;
    i_.memory_is_first = memory_is_first;
  }
  void extending(Operation operation, AccessWidth width) noexcept {
    with_gpr(operation, width, false, static_cast<std::uint8_t>(modrm().reg | prefixes_.rex_r()));
    i_.other = {.kind = Kind::Register,
                .number = static_cast<std::uint8_t>(modrm().reg | prefixes_.rex_r())};
    i_.other_width = i_.operand_size;
  }
  /// What is of 64 bits in 64-bit mode without REX.W (APM Vol. 3 1.2.7.1, table 1-9).
  [[nodiscard]] AccessWidth stack_width() const noexcept {
    return is_64bit_ && i_.operand_size != AccessWidth::Word ? AccessWidth::Qword : i_.operand_size;
  }

  // --- primary map ------------------------------------------------------------------------------

  void of_memory() noexcept {
    const std::uint8_t opcode = i_.opcode;
    if (opcode < 0x40) {
      return with_register(kArithmetic[opcode >> 3], by_opcode_, (opcode & 2) == 0);
    }
    switch (opcode) {
      case 0x63:
        if (is_64bit_) {
          const bool is_word = i_.operand_size == AccessWidth::Word;
          extending(Operation::SignExtend, is_word ? AccessWidth::Word : AccessWidth::Dword);
        }
        return;
      case 0x80:
      case 0x81:
      case 0x82:
      case 0x83: return with_immediate(kArithmetic[modrm().reg], by_opcode_);
      case 0x84:
      case 0x85: return with_register(Operation::Test, by_opcode_, true);
      case 0x86:
      case 0x87: return with_register(Operation::Exchange, by_opcode_, true);
      case 0x88:
      case 0x89: return with_register(Operation::Move, by_opcode_, true);
      case 0x8a:
      case 0x8b: return with_register(Operation::Move, by_opcode_, false);
      case 0x8f: return alone(Operation::Pop, stack_width(), true);
      case 0xc6:
      case 0xc7: return with_immediate(Operation::Move, by_opcode_);
      case 0xf6:
      case 0xf7: return group3();
      case 0xfe:
      case 0xff: return groups4_and_5();
      default: return;
    }
  }
  void group3() noexcept {
    switch (modrm().reg) {
      case 0:
      case 1: return with_immediate(Operation::Test, by_opcode_);
      case 2: return alone(Operation::Not, by_opcode_, true);
      case 3: return alone(Operation::Negate, by_opcode_, true);
      default: return;
    }
  }
  void groups4_and_5() noexcept {
    switch (modrm().reg) {
      case 0: return alone(Operation::Increment, by_opcode_, true);
      case 1: return alone(Operation::Decrement, by_opcode_, true);
      case 2: return alone(Operation::Call, stack_width(), false);
      case 4: return alone(Operation::Jump, stack_width(), false);
      case 6: return alone(Operation::Push, stack_width(), false);
      default: return;  // far
    }
  }

  void without_modrm() noexcept {
    const std::uint8_t opcode = i_.opcode;
    switch (opcode) {
      case 0x6c:
      case 0x6d: return port_string(Operation::InString);
      case 0x6e:
      case 0x6f: return port_string(Operation::OutString);
      case 0x90:
        // With REX.B it is XCHG of R8.
        if (i_.repeat == Repeat::WhileEqual && prefixes_.rex_b() == 0) {
          i_.operation = Operation::Pause;
        }
        return;
      case 0xa0:
      case 0xa1:
      case 0xa2:
      case 0xa3: return with_gpr(Operation::Move, by_opcode_, opcode >= 0xa2, 0);
      case 0xa4:
      case 0xa5: return string(Operation::MoveString);
      case 0xa6:
      case 0xa7: return string(Operation::CompareString);
      case 0xaa:
      case 0xab: return string(Operation::StoreString);
      case 0xac:
      case 0xad: return string(Operation::LoadString);
      case 0xae:
      case 0xaf: return string(Operation::ScanString);
      case 0xe4:
      case 0xe5:
      case 0xe6:
      case 0xe7:
      case 0xec:
      case 0xed:
      case 0xee:
      case 0xef: return port();
      case 0xf4: i_.operation = Operation::Halt; return;
      default: return;
    }
  }

  [[nodiscard]] MemoryOperand string_source() const noexcept {
    return {.segment = prefixes_.segment ? *prefixes_.segment : Segment::Ds,
            .base = static_cast<std::uint8_t>(Gpr::Rsi)};
  }
  /// APM Vol. 3 1.2.6: the segment of rSI may be overridden, that of rDI not.
  void string(Operation operation) noexcept {
    const bool has_accumulator = operation == Operation::StoreString ||
                                 operation == Operation::LoadString ||
                                 operation == Operation::ScanString;
    const bool memory_is_first =
        operation == Operation::StoreString || operation == Operation::CompareString;
    if (has_accumulator) {
      with_gpr(operation, by_opcode_, memory_is_first, 0);
    } else {
      alone(operation, by_opcode_, memory_is_first);
    }
    const bool from_rdi = operation == Operation::StoreString || operation == Operation::ScanString;
    i_.memory = from_rdi ? i_.string_destination() : string_source();
  }
  void port_string(Operation operation) noexcept {
    alone(operation, port_width(), operation == Operation::InString);
    i_.other = {.kind = Kind::Register, .number = static_cast<std::uint8_t>(Gpr::Rdx)};
    i_.other_width = AccessWidth::Word;
    i_.memory = operation == Operation::InString ? i_.string_destination() : string_source();
  }
  /// Ports have 32 bits at most.
  [[nodiscard]] AccessWidth port_width() const noexcept {
    return by_opcode_ == AccessWidth::Qword ? AccessWidth::Dword : by_opcode_;
  }
  /// `other` is the port: an immediate or DX.
  void port() noexcept {
    i_.operation = (i_.opcode & 2) == 0 ? Operation::In : Operation::Out;
    i_.width = port_width();
    i_.other_width = AccessWidth::Word;
    if (i_.opcode >= 0xe8) {
      i_.other = {.kind = Kind::Register, .number = static_cast<std::uint8_t>(Gpr::Rdx)};
    } else {
      i_.other = {.kind = Kind::Immediate, .immediate = immediate_ & 0xff};
    }
  }

  // --- secondary map ----------------------------------------------------------------------------

  void of_memory_secondary() noexcept {
    const std::uint8_t opcode = i_.opcode;
    switch (opcode) {
      case 0xa3:
      case 0xab:
      case 0xb3:
      case 0xbb: return with_register(kBits[opcode >> 3 & 3], i_.operand_size, true);
      case 0xba:
        // Only so many of the bits count (APM Vol. 3, "BT").
        immediate_ &= 8 * bytes(i_.operand_size) - 1;
        return with_immediate(kBits[modrm().reg & 3], i_.operand_size);
      case 0xb0:
      case 0xb1: return with_register(Operation::CompareExchange, by_opcode_, true);
      case 0xb6: return extending(Operation::ZeroExtend, AccessWidth::Byte);
      case 0xb7: return extending(Operation::ZeroExtend, AccessWidth::Word);
      case 0xbe: return extending(Operation::SignExtend, AccessWidth::Byte);
      case 0xbf: return extending(Operation::SignExtend, AccessWidth::Word);
      case 0xc0:
      case 0xc1: return with_register(Operation::ExchangeAdd, by_opcode_, true);
      case 0xc3: return with_register(Operation::Move, i_.operand_size, true);
      default: return;
    }
  }

  void move_control_register() noexcept {
    constexpr Operation kMoves[] = {Operation::ReadControlRegister, Operation::ReadDebugRegister,
                                    Operation::WriteControlRegister, Operation::WriteDebugRegister};
    i_.operation = kMoves[i_.opcode & 3];
    i_.gpr = static_cast<std::uint8_t>(modrm().rm | prefixes_.rex_b());
    const bool is_cr8 = prefixes_.rex_r() != 0 || prefixes_.lock;
    i_.other = {.kind = Kind::Register,
                .number = static_cast<std::uint8_t>(is_cr8 ? 8 : modrm().reg)};
    i_.width = is_64bit_ ? AccessWidth::Qword : AccessWidth::Dword;
    i_.other_width = i_.width;
  }

  void group7() noexcept {
    switch (*i_.modrm) {
      case 0xc1: i_.operation = Operation::Vmcall; return;
      case 0xc8: i_.operation = Operation::Monitor; return;
      case 0xc9: i_.operation = Operation::Mwait; return;
      case 0xd1: i_.operation = Operation::SetXcr; return;
      case 0xd9: i_.operation = Operation::Vmmcall; return;
      case 0xf9: i_.operation = Operation::ReadTscAux; return;
      default: break;
    }
    const ModRmFields fields = modrm();
    if (fields.is_register()) i_.gpr = static_cast<std::uint8_t>(fields.rm | prefixes_.rex_b());
    switch (fields.reg) {
      case 4:
        alone(Operation::StoreMachineStatus,
              fields.is_register() ? i_.operand_size : AccessWidth::Word, true);
        return;
      case 6: return alone(Operation::LoadMachineStatus, AccessWidth::Word, false);
      case 7:
        if (i_.memory) alone(Operation::InvalidatePage, AccessWidth::Byte, false);
        return;
      default: return;
    }
  }

  void without_modrm_secondary() noexcept {
    switch (i_.opcode) {
      case 0x06: i_.operation = Operation::ClearTaskSwitched; return;
      case 0x08: i_.operation = Operation::Invd; return;
      case 0x09: i_.operation = Operation::Wbinvd; return;
      case 0x30: i_.operation = Operation::WriteMsr; return;
      case 0x31: i_.operation = Operation::ReadTsc; return;
      case 0x32: i_.operation = Operation::ReadMsr; return;
      case 0x33: i_.operation = Operation::ReadPmc; return;
      case 0xa2: i_.operation = Operation::Cpuid; return;
      default: return;
    }
  }

  Instruction& i_;
  const Prefixes& prefixes_;
  bool is_64bit_;
  std::int64_t immediate_;
  AccessWidth by_opcode_;  ///< bytes if the opcode's lowest bit is clear
};

}  // namespace

void decode_operation(Instruction& i, const Prefixes& prefixes, CodeSize code_size,
                      std::int64_t immediate) noexcept {
  OperationDecoder(i, prefixes, code_size, immediate).decode();
}

}  // namespace axvm::x86_64
