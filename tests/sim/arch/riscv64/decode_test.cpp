// Loads, stores and atomics as Capstone knows them, which has its own idea of the encodings.

#include <capstone/capstone.h>
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <optional>
#include <sim/arch/riscv64/decode.hpp>
#include <string_view>

namespace axvm::sim::riscv64::test {
namespace {

using Kind = MemoryInstruction::Kind;

struct Known {
  Kind kind;
  unsigned bytes;
  bool floating;
};

/// By the mnemonic without "c." and "sp".
std::optional<Known> by_name(std::string_view name) {
  if (name.starts_with("c.")) name.remove_prefix(2);
  if (name.ends_with("sp")) name.remove_suffix(2);
  struct Row {
    std::string_view name;
    Known known;
  };
  constexpr std::array kRows{
      Row{"lb", {Kind::Load, 1, false}},  Row{"lbu", {Kind::Load, 1, false}},
      Row{"lh", {Kind::Load, 2, false}},  Row{"lhu", {Kind::Load, 2, false}},
      Row{"lw", {Kind::Load, 4, false}},  Row{"lwu", {Kind::Load, 4, false}},
      Row{"ld", {Kind::Load, 8, false}},  Row{"flw", {Kind::Load, 4, true}},
      Row{"fld", {Kind::Load, 8, true}},  Row{"sb", {Kind::Store, 1, false}},
      Row{"sh", {Kind::Store, 2, false}}, Row{"sw", {Kind::Store, 4, false}},
      Row{"sd", {Kind::Store, 8, false}}, Row{"fsw", {Kind::Store, 4, true}},
      Row{"fsd", {Kind::Store, 8, true}},
  };
  for (const Row& row : kRows) {
    if (row.name == name) return row.known;
  }
  const bool word = name.find(".w") != std::string_view::npos;
  const bool twice = name.find(".d") != std::string_view::npos;
  if (!word && !twice) return std::nullopt;
  const unsigned bytes = word ? 4 : 8;
  if (name.starts_with("lr.")) return Known{Kind::LoadReserved, bytes, false};
  if (name.starts_with("sc.")) return Known{Kind::StoreConditional, bytes, false};
  if (name.starts_with("amo")) return Known{Kind::Amo, bytes, false};
  return std::nullopt;
}

class Disassembler {
 public:
  Disassembler() {
    cs_open(CS_ARCH_RISCV, static_cast<cs_mode>(CS_MODE_RISCV64 | CS_MODE_RISCVC), &handle_);
    cs_option(handle_, CS_OPT_DETAIL, CS_OPT_ON);
    cs_option(handle_, CS_OPT_SYNTAX, CS_OPT_SYNTAX_NOREGNAME);
    instruction_ = cs_malloc(handle_);
  }
  ~Disassembler() {
    cs_free(instruction_, 1);
    cs_close(&handle_);
  }
  Disassembler(const Disassembler&) = delete;
  Disassembler& operator=(const Disassembler&) = delete;

  /// Null when it is no instruction.
  const cs_insn* of(std::uint32_t word) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&word);
    std::size_t size = instruction_bytes(word);
    std::uint64_t address = 0;
    return cs_disasm_iter(handle_, &bytes, &size, &address, instruction_) ? instruction_ : nullptr;
  }

 private:
  csh handle_ = 0;
  cs_insn* instruction_ = nullptr;
};

/// Base register and displacement; nothing when Capstone does not say.
struct Address {
  unsigned rs1;
  std::int64_t offset;
};
std::optional<Address> address_of(const cs_insn& i) {
  const cs_riscv& detail = i.detail->riscv;
  for (unsigned n = 0; n < detail.op_count; ++n) {
    const cs_riscv_op& op = detail.operands[n];
    if (op.type == RISCV_OP_MEM) return Address{op.mem.base - RISCV_REG_X0, op.mem.disp};
  }
  return std::nullopt;
}

/// How many of the instructions that both should know were compared.
unsigned compare(Disassembler& disassembler, std::uint32_t word, unsigned& wrong) {
  const auto mine = decode_memory_instruction(word);
  const cs_insn* const theirs = disassembler.of(word);
  const auto known = theirs == nullptr ? std::nullopt : by_name(theirs->mnemonic);
  if (mine.has_value() != known.has_value()) {
    CAPTURE(word);
    CHECK(mine.has_value() == known.has_value());
    ++wrong;
    return 0;
  }
  if (!mine) return 0;
  bool same = mine->kind == known->kind && mine->access_bytes == known->bytes &&
              mine->floating == known->floating &&
              mine->instruction_bytes == instruction_bytes(word);
  if (const auto address = address_of(*theirs)) {
    same = same && mine->rs1 == address->rs1 && mine->offset == address->offset;
  }
  if (!same) {
    CAPTURE(word);
    CAPTURE(theirs->mnemonic);
    CAPTURE(theirs->op_str);
    CHECK(same);
    ++wrong;
  }
  return 1;
}

TEST_CASE("every compressed instruction") {
  Disassembler disassembler;
  unsigned compared = 0;
  unsigned wrong = 0;
  for (std::uint32_t half = 0; half < 0x10000 && wrong < 10; ++half) {
    if ((half & 3) != 3) compared += compare(disassembler, half, wrong);
  }
  // 12 of 24 major opcodes of quadrants 0 and 2, less what is reserved.
  CHECK(compared == 12 * 2048 - 2 * 64);
}

TEST_CASE("loads, stores and atomics of 32 bits") {
  Disassembler disassembler;
  unsigned compared = 0;
  unsigned wrong = 0;
  for (const std::uint32_t opcode : {0x03U, 0x07U, 0x23U, 0x27U, 0x2fU}) {
    for (std::uint32_t rest = 0; rest < 0x40000 && wrong < 10; ++rest) {
      // funct3, and the rest of the word stirred.
      const std::uint32_t word = opcode | ((rest & 7) << 12) | ((rest * 0x9e3779b1U) & 0xffff8f80U);
      // Vectors, which this hart has not, and Capstone has.
      if ((opcode & ~0x20U) == 0x07 && (rest & 7) != 2 && (rest & 7) != 3) continue;
      compared += compare(disassembler, word, wrong);
    }
  }
  CHECK(compared > 400'000);
}

TEST_CASE("transformed instructions keep what the manual says") {
  const auto transformed = [](std::uint32_t word) {
    return decode_memory_instruction(word)->transformed;
  };
  CHECK(transformed(0xff85b503) == 0x00003503);  // ld x10, -8(x11)
  CHECK(transformed(0xfea5bc23) == 0x00a03023);  // sd x10, -8(x11)
  CHECK(transformed(0x0c05a52f) == 0x0c00252f);  // amoswap.w.aq x10, x0, (x11)
  CHECK(transformed(0x1005a52f) == 0x1000252f);  // lr.w x10, (x11)
  CHECK(transformed(0x0085b507) == 0x00003507);  // fld f10, 8(x11)
  // Compressed ones: as the 32-bit form, with bit 1 clear.
  CHECK(transformed(0x4588) == 0x00002501);  // c.lw x10, 8(x11)
  CHECK(transformed(0xe188) == 0x00a03021);  // c.sd x10, 0(x11)
  CHECK(transformed(0x2188) == 0x00003505);  // c.fld f10, 0(x11)
}

}  // namespace
}  // namespace axvm::sim::riscv64::test
