#pragma once
// A decoded instruction: its shape, and what it does where a VMM may have to do it instead (APM
// Vol. 3, chapters 1 to 4).

#include <core/arch/x86_64/registers.hpp>
#include <core/devices/device.hpp>
#include <cstdint>
#include <optional>

namespace axvm::x86_64 {

/// By which table an opcode is looked up (APM Vol. 3 A.1).
enum class OpcodeMap : std::uint8_t {
  Primary,      ///< one byte
  Secondary,    ///< behind 0F
  Secondary38,  ///< behind 0F 38
  Secondary3A,  ///< behind 0F 3A
  ThreeDNow,    ///< behind 0F 0F and the operands
  Vex,          ///< behind C4 or C5
  Evex,         ///< behind 62
  Xop,          ///< behind 8F
};

/// F3 and F2, of which the last one counts; with some opcodes they are part of it.
enum class Repeat : std::uint8_t { None, WhileEqual, WhileNotEqual };

/// What a ModRM byte or an opcode with an offset of its own says about memory (APM Vol. 3 1.4).
struct MemoryOperand {
  static constexpr std::uint8_t kNone = 0xff;

  Segment segment = Segment::Ds;  ///< by override or by default
  std::uint8_t base = kNone;      ///< number of a general-purpose register
  std::uint8_t index = kNone;     ///< number of a general-purpose register
  std::uint8_t scale = 1;         ///< of the index: 1, 2, 4, 8
  bool relative_to_rip = false;   ///< to the address of the next instruction
  std::int64_t displacement = 0;  ///< sign-extended; an absolute offset is not

  /// The offset in the segment of the first byte. `gpr(n)` reads register n, `next_rip` is the
  /// address behind the instruction, `address_size` is the instruction's.
  template <class ReadGpr>
  [[nodiscard]] constexpr std::uint64_t offset(const ReadGpr& gpr, std::uint64_t next_rip,
                                               AccessWidth address_size) const noexcept {
    auto sum = static_cast<std::uint64_t>(displacement);
    if (relative_to_rip) sum += next_rip;
    if (base != kNone) sum += gpr(base);
    if (index != kNone) sum += gpr(index) * scale;
    return truncate(sum, address_size);
  }

  friend constexpr bool operator==(const MemoryOperand&, const MemoryOperand&) = default;
};

/// The other operand of an instruction that accesses memory or a port.
struct OtherOperand {
  enum class Kind : std::uint8_t { None, Register, Immediate };

  Kind kind = Kind::None;
  std::uint8_t number = 0;     ///< Register: of a general-purpose, control or debug register
  bool is_high_byte = false;   ///< Register: AH, CH, DH or BH, which are bits [15:8] of 0..3
  std::int64_t immediate = 0;  ///< Immediate: sign-extended, but for ports

  friend constexpr bool operator==(const OtherOperand&, const OtherOperand&) = default;
};

/// `value` put in the low `width` bytes of a general-purpose register that holds `old`: 32 bits
/// clear the upper half, fewer leave the rest as it is (APM Vol. 1 3.1.2).
[[nodiscard]] constexpr std::uint64_t put_in_register(std::uint64_t old, std::uint64_t value,
                                                      AccessWidth width) noexcept {
  if (width == AccessWidth::Qword) return value;
  if (width == AccessWidth::Dword) return truncate(value, width);
  return (old & ~truncate(~std::uint64_t{0}, width)) | truncate(value, width);
}

struct Instruction {
  enum class Operation : std::uint8_t {
    Other,  ///< nothing but the shape is told
    // Of memory. Forms without memory are Other.
    Move,        ///< MOV, MOVNTI
    ZeroExtend,  ///< MOVZX
    SignExtend,  ///< MOVSX, MOVSXD
    Add,
    Or,
    AddWithCarry,
    SubtractWithBorrow,
    And,
    Subtract,
    Xor,
    Compare,
    Test,
    Increment,
    Decrement,
    Not,
    Negate,
    Exchange,
    CompareExchange,  ///< CMPXCHG, with rAX
    ExchangeAdd,      ///< XADD
    BitTest,
    BitTestSet,
    BitTestReset,
    BitTestComplement,
    // Of memory and the stack, or the instruction pointer: not for devices.
    Push,
    Pop,
    Call,
    Jump,
    // Strings.
    MoveString,
    CompareString,
    StoreString,
    LoadString,
    ScanString,
    InString,
    OutString,
    // Ports.
    In,
    Out,
    // Registers and the processor.
    ReadControlRegister,   ///< MOV from CRn; `other` is the control register
    WriteControlRegister,  ///< MOV to CRn
    ReadDebugRegister,     ///< MOV from DRn; `other` is the debug register
    WriteDebugRegister,
    ClearTaskSwitched,   ///< CLTS
    LoadMachineStatus,   ///< LMSW
    StoreMachineStatus,  ///< SMSW
    Cpuid,
    ReadMsr,
    WriteMsr,
    ReadTsc,
    ReadTscAux,  ///< RDTSCP
    ReadPmc,
    InvalidatePage,  ///< INVLPG
    SetXcr,          ///< XSETBV
    Halt,
    Pause,
    Monitor,
    Mwait,
    Invd,
    Wbinvd,
    Vmcall,   ///< Intel's hypercall
    Vmmcall,  ///< AMD's hypercall
  };

  std::uint8_t length = 0;  ///< bytes, 1..15
  OpcodeMap map = OpcodeMap::Primary;
  std::uint8_t opcode = 0;
  std::uint8_t extended_map = 0;      ///< Vex, Evex, Xop: the map that the prefix names
  std::optional<std::uint8_t> modrm;  ///< where the opcode has one
  /// Word, Dword or Qword, by code size, 66 and REX.W (APM Vol. 3 1.2.2); what is always of 64 bits
  /// in 64-bit mode (near branches, the stack) has this in `width`.
  AccessWidth operand_size = AccessWidth::Dword;
  AccessWidth address_size = AccessWidth::Qword;  ///< Word, Dword or Qword, by code size and 67
  Repeat repeat = Repeat::None;
  bool is_locked = false;

  Operation operation = Operation::Other;
  /// Told of any instruction with a ModRM byte (not behind VEX, EVEX or XOP) that names memory,
  /// and of those below that have none. Strings: the source if there is one in memory.
  std::optional<MemoryOperand> memory;
  AccessWidth width = AccessWidth::Byte;  ///< not Other: bytes of each access of memory or a port
  bool memory_is_first = false;  ///< not Other: of two operands, and what results is left there
  OtherOperand other;
  /// Where `other` is the destination, bytes of it; else `width`.
  AccessWidth other_width = AccessWidth::Byte;
  /// Of those that move control and debug registers and the machine status (without memory).
  std::uint8_t gpr = 0;

  [[nodiscard]] constexpr bool is_string() const noexcept {
    return operation >= Operation::MoveString && operation <= Operation::OutString;
  }
  /// Memory that a string instruction goes through by rDI, always in ES.
  [[nodiscard]] constexpr std::optional<MemoryOperand> string_destination() const noexcept {
    if (!is_string() || operation == Operation::LoadString || operation == Operation::OutString) {
      return std::nullopt;
    }
    return MemoryOperand{.segment = Segment::Es, .base = static_cast<std::uint8_t>(Gpr::Rdi)};
  }
  /// Whether `memory` is read and whether it is written; only known where it is not Other. For
  /// MOVS that is its source.
  [[nodiscard]] constexpr bool reads_memory() const noexcept;
  [[nodiscard]] constexpr bool writes_memory() const noexcept;

  /// What `other`'s register holds afterwards when memory answers `value`, for Move, ZeroExtend and
  /// SignExtend; `old` is what the whole register held.
  [[nodiscard]] constexpr std::uint64_t loaded(std::uint64_t old,
                                               std::uint64_t value) const noexcept {
    const unsigned unused = 64 - 8 * bytes(width);
    value = truncate(value, width);
    if (operation == Operation::SignExtend && unused != 0) {
      value = static_cast<std::uint64_t>(static_cast<std::int64_t>(value << unused) >> unused);
    }
    if (other.is_high_byte) return (old & ~std::uint64_t{0xff00}) | value << 8;
    return put_in_register(old, value, other_width);
  }
  /// What a store of `other`'s register writes, if the whole register holds `held`.
  [[nodiscard]] constexpr std::uint64_t stored(std::uint64_t held) const noexcept {
    return truncate(other.is_high_byte ? held >> 8 : held, width);
  }

  /// BitTest and its kin with a register, which holds `held`: bytes to be added to the offset of
  /// `memory`, since any bit before and behind it may be named (APM Vol. 3, "BT").
  [[nodiscard]] constexpr std::int64_t bit_displacement(std::uint64_t held) const noexcept {
    if (other.kind != OtherOperand::Kind::Register) return 0;
    const unsigned unused = 64 - 8 * bytes(width);
    const std::int64_t bit = static_cast<std::int64_t>(held << unused) >> unused;
    const std::int64_t bits = 8 * bytes(width);
    return (bit - (bit & (bits - 1))) / 8;
  }

  friend constexpr bool operator==(const Instruction&, const Instruction&) = default;
};

constexpr bool Instruction::reads_memory() const noexcept {
  if (!memory) return false;
  switch (operation) {
    case Operation::Other:
    case Operation::StoreString:
    case Operation::InString:
    case Operation::Pop:
    case Operation::StoreMachineStatus:
    case Operation::InvalidatePage: return false;
    case Operation::Move: return !memory_is_first;
    default: return true;
  }
}

constexpr bool Instruction::writes_memory() const noexcept {
  if (!memory || !memory_is_first) return false;
  return operation != Operation::Compare && operation != Operation::Test &&
         operation != Operation::BitTest && operation != Operation::CompareString;
}

}  // namespace axvm::x86_64
