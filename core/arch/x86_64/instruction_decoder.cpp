#include <core/arch/x86_64/instruction_decoder.hpp>
#include <core/arch/x86_64/instruction_prefixes.hpp>
#include <core/arch/x86_64/opcode_groups.hpp>
#include <core/arch/x86_64/opcode_maps.hpp>

namespace axvm::x86_64 {
namespace {

constexpr AccessWidth code_width(CodeSize size) {
  switch (size) {
    case CodeSize::Bits16: return AccessWidth::Word;
    case CodeSize::Bits32: return AccessWidth::Dword;
    default: return AccessWidth::Qword;
  }
}

/// Decodes one instruction. Once something is wrong, `error_` says what, bytes read as 0, and
/// the rest comes to nothing.
class Decoder {
 public:
  Decoder(std::span<const std::uint8_t> bytes, CodeSize code_size) noexcept
      : bytes_(bytes), code_size_(code_size) {}

  std::expected<Instruction, DecodeError> decode() noexcept {
    const std::uint8_t first = take_prefixes();
    i_.operand_size = operand_size();
    i_.address_size = address_size();
    i_.repeat = prefixes_.repeat;
    i_.is_locked = prefixes_.lock;
    take_instruction(first);
    if (error_) return std::unexpected(*error_);
    i_.length = static_cast<std::uint8_t>(position_);
    if (i_.map < OpcodeMap::ThreeDNow) {
      decode_operation(i_, prefixes_, code_size_, immediate_);
    }
    return i_;
  }

 private:
  // --- bytes ------------------------------------------------------------------------------------

  void refuse(DecodeError why) noexcept {
    if (!error_) error_ = why;
  }
  /// The next byte, which stays where it is.
  std::uint8_t peek() noexcept {
    if (position_ >= kMaxInstructionLength) refuse(DecodeError::TooLong);
    if (position_ >= bytes_.size()) refuse(DecodeError::Incomplete);
    return error_ ? 0 : bytes_[position_];
  }
  std::uint8_t take() noexcept {
    const std::uint8_t byte = peek();
    ++position_;
    return byte;
  }
  /// A little-endian number of 0, 1, 2, 4 or 8 bytes, sign-extended.
  std::int64_t take_number(unsigned size) noexcept {
    if (size == 0) return 0;
    std::uint64_t value = 0;
    for (unsigned n = 0; n < size; ++n) value |= std::uint64_t{take()} << (8 * n);
    const unsigned unused = 64 - 8 * size;
    return static_cast<std::int64_t>(value << unused) >> unused;
  }

  // --- prefixes ---------------------------------------------------------------------------------

  [[nodiscard]] bool is_64bit() const noexcept { return code_size_ == CodeSize::Bits64; }

  /// The first byte that is no prefix.
  std::uint8_t take_prefixes() noexcept {
    for (;;) {
      const std::uint8_t byte = take();
      if (error_) return byte;
      if (is_64bit() && (byte & 0xf0) == 0x40) {
        prefixes_.rex = byte;
        continue;
      }
      if (!take_legacy_prefix(byte)) return byte;
      prefixes_.rex.reset();
    }
  }
  bool take_legacy_prefix(std::uint8_t byte) noexcept {
    switch (byte) {
      case 0x26: return override_segment(Segment::Es);
      case 0x2e: return override_segment(Segment::Cs);
      case 0x36: return override_segment(Segment::Ss);
      case 0x3e: return override_segment(Segment::Ds);
      case 0x64: return override_segment(Segment::Fs);
      case 0x65: return override_segment(Segment::Gs);
      case 0x66: return prefixes_.operand_size = true;
      case 0x67: return prefixes_.address_size = true;
      case 0xf0: return prefixes_.lock = true;
      case 0xf2: prefixes_.repeat = Repeat::WhileNotEqual; return true;
      case 0xf3: prefixes_.repeat = Repeat::WhileEqual; return true;
      default: return false;
    }
  }
  bool override_segment(Segment segment) noexcept {
    if (!is_64bit() || segment >= Segment::Fs) prefixes_.segment = segment;
    return true;
  }

  [[nodiscard]] AccessWidth operand_size() const noexcept {
    if (prefixes_.rex_w()) return AccessWidth::Qword;
    const bool is_word = (code_size_ == CodeSize::Bits16) != prefixes_.operand_size;
    return is_word ? AccessWidth::Word : AccessWidth::Dword;
  }
  [[nodiscard]] AccessWidth address_size() const noexcept {
    if (!prefixes_.address_size) return code_width(code_size_);
    return code_size_ == CodeSize::Bits32 ? AccessWidth::Word : AccessWidth::Dword;
  }

  // --- opcodes ----------------------------------------------------------------------------------

  void take_instruction(std::uint8_t first) noexcept {
    if (error_) return;
    switch (first) {
      case 0x0f: return take_secondary();
      case 0x62:
      case 0xc4:
      case 0xc5:
        // Outside 64-bit mode these are BOUND, LES and LDS of memory.
        if (is_64bit() || peek() >= 0xc0) return take_vex(first);
        break;
      case 0x8f:
        // POP has 0 in what is XOP's map, which is 8 or more (APM Vol. 3 1.8).
        if ((peek() & 0x1f) >= 8) return take_xop();
        break;
      default: break;
    }
    take_opcode(OpcodeMap::Primary, kPrimaryMap, first);
  }

  void take_secondary() noexcept {
    const std::uint8_t opcode = take();
    if (error_) return;
    switch (opcode) {
      case 0x38: return take_opcode(OpcodeMap::Secondary38, kSecondary38Map, take());
      case 0x3a: return take_opcode(OpcodeMap::Secondary3A, kSecondary3AMap, take());
      case 0x0f:
        i_.map = OpcodeMap::ThreeDNow;
        if (prefixes_.lock) refuse(DecodeError::Undefined);
        take_modrm();
        i_.opcode = take();
        return;
      default: return take_opcode(OpcodeMap::Secondary, kSecondaryMap, opcode);
    }
  }

  void take_opcode(OpcodeMap map, const OpcodeMapTable& table, std::uint8_t opcode) noexcept {
    using ModRm = OpcodeShape::ModRm;
    const OpcodeShape shape = table[opcode];
    i_.map = map;
    i_.opcode = opcode;
    if (!shape.is_defined || (is_64bit() && !shape.in_64bit_mode)) refuse(DecodeError::Undefined);
    if (shape.modrm == ModRm::Control) {
      take_control_register();
    } else if (shape.modrm != ModRm::None) {
      take_modrm();
      if (error_) return;
      const bool is_register = ModRmFields(*i_.modrm).is_register();
      const ModRm wanted = is_extract_or_insert() ? ModRm::Register : shape.modrm;
      if (wanted == (is_register ? ModRm::Memory : ModRm::Register) ||
          !group_defines(map, opcode, *i_.modrm)) {
        refuse(DecodeError::Undefined);
      }
      if (prefixes_.lock && !may_be_locked(map, opcode, *i_.modrm)) {
        refuse(DecodeError::Undefined);
      }
    } else if (prefixes_.lock) {
      refuse(DecodeError::Undefined);
    }
    take_immediate(immediate_of(shape));
  }

  /// MOV from and to CRn and DRn: mod is ignored (APM Vol. 3, "MOV CRn"). LOCK makes CR0 CR8.
  void take_control_register() noexcept {
    const std::uint8_t byte = take();
    const bool is_control = (i_.opcode & 1) == 0;
    i_.modrm = byte;
    const bool high = prefixes_.rex_r() != 0;
    const std::uint8_t reg = ModRmFields(byte).reg;
    if (is_control && !group_defines(OpcodeMap::Secondary, i_.opcode, byte)) {
      refuse(DecodeError::Undefined);
    }
    if (high && (!is_control || reg != 0)) refuse(DecodeError::Undefined);
    if (prefixes_.lock && (!is_control || reg != 0)) refuse(DecodeError::Undefined);
  }

  /// Some opcodes have other immediates with some values of ModRM, or some prefixes.
  [[nodiscard]] Immediate immediate_of(const OpcodeShape& shape) const noexcept {
    if (i_.map == OpcodeMap::Primary && (i_.opcode & 0xfe) == 0xf6 &&
        ModRmFields(*i_.modrm).reg < 2) {
      return i_.opcode == 0xf6 ? Immediate::Byte : Immediate::OperandSize;
    }
    if (is_extract_or_insert() && i_.opcode == 0x78) return Immediate::TwoBytes;
    return shape.immediate;
  }
  /// EXTRQ and INSERTQ, of registers only, which without a prefix are VMREAD and VMWRITE.
  [[nodiscard]] bool is_extract_or_insert() const noexcept {
    return i_.map == OpcodeMap::Secondary && (i_.opcode & 0xfe) == 0x78 &&
           (prefixes_.operand_size || prefixes_.repeat == Repeat::WhileNotEqual);
  }

  // --- VEX, EVEX, XOP ---------------------------------------------------------------------------

  /// Prefixes that VEX, EVEX and XOP have in them may not stand before them (APM Vol. 3 1.6.3).
  void refuse_prefixes() noexcept {
    if (prefixes_.operand_size || prefixes_.lock || prefixes_.repeat != Repeat::None ||
        prefixes_.rex) {
      refuse(DecodeError::Undefined);
    }
  }
  void take_vex(std::uint8_t first) noexcept {
    refuse_prefixes();
    const std::uint8_t next = take();
    const bool is_evex = first == 0x62;
    i_.map = is_evex ? OpcodeMap::Evex : OpcodeMap::Vex;
    i_.extended_map = first == 0xc5 ? 1 : next & 0x1f;
    if (is_evex) {
      // P0[3] is 0 and P1[2] is 1 (SDM Vol. 2A 2.7.1). Maps 5 and 6 are of half precision.
      i_.extended_map = next & 7;
      if ((next & 8) != 0 || (take() & 4) == 0) refuse(DecodeError::Undefined);
      take();
      if (i_.extended_map == 0 || i_.extended_map == 4 || i_.extended_map == 7) {
        refuse(DecodeError::Undefined);
      }
    } else {
      if (first == 0xc4) take();
      if (i_.extended_map == 0 || i_.extended_map > 3) refuse(DecodeError::Undefined);
    }
    i_.opcode = take();
    // VZEROUPPER and VZEROALL.
    if (!is_evex && i_.extended_map == 1 && i_.opcode == 0x77) return;
    take_modrm();
    i_.memory.reset();
    if (has_immediate(i_.extended_map, i_.opcode)) take_immediate(Immediate::Byte);
  }
  [[nodiscard]] static constexpr bool has_immediate(std::uint8_t map,
                                                    std::uint8_t opcode) noexcept {
    if (map == 3) return true;
    return map == 1 &&
           ((opcode & 0xfc) == 0x70 ? opcode != 0x77
                                    : opcode == 0xc2 || (opcode >= 0xc4 && opcode <= 0xc6));
  }

  void take_xop() noexcept {
    refuse_prefixes();
    i_.map = OpcodeMap::Xop;
    i_.extended_map = take() & 0x1f;
    if (i_.extended_map > 10) refuse(DecodeError::Undefined);
    take();
    i_.opcode = take();
    take_modrm();
    i_.memory.reset();
    if (i_.extended_map == 8) take_immediate(Immediate::Byte);
    if (i_.extended_map == 10) take_immediate(Immediate::Dword);
  }

  // --- operands ---------------------------------------------------------------------------------

  void take_modrm() noexcept {
    const std::uint8_t byte = take();
    if (error_) return;
    i_.modrm = byte;
    const ModRmFields modrm(byte);
    if (modrm.is_register()) return;
    MemoryOperand operand =
        i_.address_size == AccessWidth::Word ? take_16bit_address(modrm) : take_address(modrm);
    if (prefixes_.segment) operand.segment = *prefixes_.segment;
    i_.memory = operand;
  }

  /// APM Vol. 3 A.3.1, table A-34.
  MemoryOperand take_16bit_address(const ModRmFields& modrm) noexcept {
    constexpr auto kBx = static_cast<std::uint8_t>(Gpr::Rbx);
    constexpr auto kBp = static_cast<std::uint8_t>(Gpr::Rbp);
    constexpr auto kSi = static_cast<std::uint8_t>(Gpr::Rsi);
    constexpr auto kDi = static_cast<std::uint8_t>(Gpr::Rdi);
    constexpr auto kNone = MemoryOperand::kNone;
    constexpr struct {
      std::uint8_t base;
      std::uint8_t index;
    } kForms[] = {{kBx, kSi},   {kBx, kDi},   {kBp, kSi},   {kBp, kDi},
                  {kSi, kNone}, {kDi, kNone}, {kBp, kNone}, {kBx, kNone}};
    MemoryOperand operand;
    if (modrm.mod == 0 && modrm.rm == 6) {
      operand.displacement = take_number(2);
      return operand;
    }
    operand.base = kForms[modrm.rm].base;
    operand.index = kForms[modrm.rm].index;
    if (operand.base == kBp) operand.segment = Segment::Ss;
    operand.displacement = take_number(modrm.mod);
    return operand;
  }

  /// APM Vol. 3 A.3.2, tables. RIP-relative: 1.7.
  MemoryOperand take_address(const ModRmFields& modrm) noexcept {
    constexpr auto kStack = static_cast<std::uint8_t>(Gpr::Rsp);
    constexpr auto kFrame = static_cast<std::uint8_t>(Gpr::Rbp);
    MemoryOperand operand;
    std::uint8_t base = modrm.rm;
    if (modrm.rm == kStack) {
      const ModRmFields sib(take());
      base = sib.rm;
      const auto index = static_cast<std::uint8_t>(sib.reg | prefixes_.rex_x());
      if (index != kStack) {
        operand.index = index;
        operand.scale = static_cast<std::uint8_t>(1U << sib.mod);
      }
    } else if (modrm.mod == 0 && modrm.rm == kFrame) {
      operand.relative_to_rip = is_64bit();
    }
    if (modrm.mod == 0 && base == kFrame) {
      operand.displacement = take_number(4);
      return operand;
    }
    operand.base = base | prefixes_.rex_b();
    if (operand.base == kStack || operand.base == kFrame) operand.segment = Segment::Ss;
    operand.displacement = take_number(modrm.mod == 2 ? 4 : modrm.mod);
    return operand;
  }

  void take_immediate(Immediate kind) noexcept {
    const unsigned by_operand = i_.operand_size == AccessWidth::Word ? 2 : 4;
    switch (kind) {
      case Immediate::None: return;
      case Immediate::Byte: immediate_ = take_number(1); return;
      case Immediate::Word: immediate_ = take_number(2); return;
      case Immediate::WordAndByte:
        take_number(2);
        take_number(1);
        return;
      case Immediate::TwoBytes:
        take_number(1);
        take_number(1);
        return;
      case Immediate::OperandSize:
      case Immediate::Near: immediate_ = take_number(by_operand); return;
      case Immediate::Full: immediate_ = take_number(bytes(i_.operand_size)); return;
      case Immediate::Offset: return take_offset();
      case Immediate::FarPointer:
        take_number(by_operand);
        take_number(2);
        return;
      case Immediate::Dword: immediate_ = take_number(4); return;
    }
  }
  void take_offset() noexcept {
    const std::int64_t offset = take_number(bytes(i_.address_size));
    i_.memory = MemoryOperand{.segment = prefixes_.segment ? *prefixes_.segment : Segment::Ds,
                              .displacement = static_cast<std::int64_t>(
                                  truncate(static_cast<std::uint64_t>(offset), i_.address_size))};
  }

  std::span<const std::uint8_t> bytes_;
  CodeSize code_size_;
  std::size_t position_ = 0;
  std::optional<DecodeError> error_;
  Prefixes prefixes_;
  std::int64_t immediate_ = 0;
  Instruction i_;
};

}  // namespace

std::expected<Instruction, DecodeError> decode_instruction(std::span<const std::uint8_t> bytes,
                                                           CodeSize code_size) noexcept {
  return Decoder(bytes, code_size).decode();
}

}  // namespace axvm::x86_64
