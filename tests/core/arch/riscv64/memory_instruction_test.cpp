#include <capstone/capstone.h>
#include <doctest/doctest.h>

#include <core/arch/riscv64/memory_instruction.hpp>
#include <map>
#include <random>
#include <string>
#include <string_view>

using namespace axvm;
using namespace axvm::riscv64;
using Kind = MemoryInstruction::Kind;

namespace {

MemoryInstruction decoded(std::uint32_t word) {
  const auto i = decode_memory_instruction(word);
  REQUIRE(i.has_value());
  return *i;
}

/// What Capstone calls a load or store, with its width; nothing for other instructions.
struct Named {
  Kind kind;
  unsigned bytes;
  bool is_float;
  bool sign_extend;
};
const std::map<std::string_view, Named> kNames{
    {"lb", {Kind::Load, 1, false, true}},       {"lh", {Kind::Load, 2, false, true}},
    {"lw", {Kind::Load, 4, false, true}},       {"ld", {Kind::Load, 8, false, false}},
    {"lbu", {Kind::Load, 1, false, false}},     {"lhu", {Kind::Load, 2, false, false}},
    {"lwu", {Kind::Load, 4, false, false}},     {"flw", {Kind::Load, 4, true, false}},
    {"fld", {Kind::Load, 8, true, false}},      {"sb", {Kind::Store, 1, false, false}},
    {"sh", {Kind::Store, 2, false, false}},     {"sw", {Kind::Store, 4, false, false}},
    {"sd", {Kind::Store, 8, false, false}},     {"fsw", {Kind::Store, 4, true, false}},
    {"fsd", {Kind::Store, 8, true, false}},     {"c.lw", {Kind::Load, 4, false, true}},
    {"c.ld", {Kind::Load, 8, false, false}},    {"c.fld", {Kind::Load, 8, true, false}},
    {"c.sw", {Kind::Store, 4, false, false}},   {"c.sd", {Kind::Store, 8, false, false}},
    {"c.fsd", {Kind::Store, 8, true, false}},   {"c.lwsp", {Kind::Load, 4, false, true}},
    {"c.ldsp", {Kind::Load, 8, false, false}},  {"c.fldsp", {Kind::Load, 8, true, false}},
    {"c.swsp", {Kind::Store, 4, false, false}}, {"c.sdsp", {Kind::Store, 8, false, false}},
    {"c.fsdsp", {Kind::Store, 8, true, false}}};

struct Disassembler {
  Disassembler() {
    const auto mode = static_cast<cs_mode>(CS_MODE_RISCV64 | CS_MODE_RISCVC);
    REQUIRE(cs_open(CS_ARCH_RISCV, mode, &handle) == CS_ERR_OK);
    cs_option(handle, CS_OPT_DETAIL, CS_OPT_ON);
    instruction = cs_malloc(handle);
  }
  ~Disassembler() {
    cs_free(instruction, 1);
    cs_close(&handle);
  }
  Disassembler(const Disassembler&) = delete;
  Disassembler& operator=(const Disassembler&) = delete;

  /// False when the bytes are no instruction that Capstone knows.
  bool disassemble(std::uint32_t word) {
    const std::uint8_t bytes[4] = {
        static_cast<std::uint8_t>(word), static_cast<std::uint8_t>(word >> 8),
        static_cast<std::uint8_t>(word >> 16), static_cast<std::uint8_t>(word >> 24)};
    const std::uint8_t* code = bytes;
    std::size_t size = sizeof(bytes);
    std::uint64_t address = 0;
    return cs_disasm_iter(handle, &code, &size, &address, instruction);
  }
  /// "ra, 8(sp)"; f registers are called by their numbers.
  [[nodiscard]] std::string operands(const MemoryInstruction& i) const {
    const auto name = [&](unsigned first, unsigned n) {
      return std::string(cs_reg_name(handle, first + n));
    };
    const std::string reg = i.is_float ? "f" + std::to_string(i.reg) : name(RISCV_REG_X0, i.reg);
    return reg + ", " + std::to_string(i.offset) + "(" + name(RISCV_REG_X0, i.base) + ")";
  }

  csh handle = 0;
  cs_insn* instruction = nullptr;
};

constexpr std::string_view kFloatNames[] = {
    "ft0", "ft1", "ft2", "ft3", "ft4",  "ft5",  "ft6", "ft7", "fs0",  "fs1", "fa0",
    "fa1", "fa2", "fa3", "fa4", "fa5",  "fa6",  "fa7", "fs2", "fs3",  "fs4", "fs5",
    "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11"};

/// The same text whatever base the number is written in and whatever f registers are called.
std::string normal(std::string text) {
  const auto number = text.find(", ");
  const auto open = text.find('(');
  if (number == std::string::npos || open == std::string::npos) return text;
  std::string reg = text.substr(0, number);
  for (unsigned n = 0; n < 32; ++n) {
    if (reg == kFloatNames[n]) reg = "f" + std::to_string(n);
  }
  const long value = std::stol(text.substr(number + 2, open - number - 2), nullptr, 0);
  return reg + ", " + std::to_string(value) + text.substr(open);
}

}  // namespace

TEST_CASE("loads and stores are what the disassembler says they are, and nothing else is") {
  Disassembler disassembler;
  std::mt19937 random(7);  // NOLINT: the same words in each run
  unsigned found = 0;
  for (unsigned n = 0; n < 400'000; ++n) {
    std::uint32_t word = static_cast<std::uint32_t>(random());
    if (n % 2 == 0) word = (word & ~0x7fU) | ((n & 2) != 0 ? 0x03 : 0x23) | (n & 4);
    if (n % 3 == 0) word &= 0xffff;
    if (!disassembler.disassemble(word)) continue;
    if ((word & 3) != 3) word &= 0xffff;
    const auto name = kNames.find(disassembler.instruction->mnemonic);
    const auto i = decode_memory_instruction(word);
    CAPTURE(word);
    CAPTURE(std::string(disassembler.instruction->mnemonic));
    if (name == kNames.end()) {
      const bool is_plain = i && (i->kind == Kind::Load || i->kind == Kind::Store);
      CHECK_FALSE(is_plain);
      continue;
    }
    ++found;
    REQUIRE(i.has_value());
    CHECK(i->kind == name->second.kind);
    CHECK(bytes(i->width) == name->second.bytes);
    CHECK(i->is_float == name->second.is_float);
    CHECK(i->sign_extend == name->second.sign_extend);
    CHECK(i->length == disassembler.instruction->size);
    CHECK(disassembler.operands(*i) == normal(disassembler.instruction->op_str));
  }
  CHECK(found > 50'000);
}

TEST_CASE("atomics and cache-block operations are told apart") {
  CHECK(decoded(0x1005'252f).kind == Kind::Atomic);  // lr.w
  CHECK(decoded(0x18b5'352f).kind == Kind::Atomic);  // sc.d
  CHECK(decoded(0x00b5'252f).kind == Kind::Atomic);  // amoadd.w
  CHECK(decoded(0x0045'200f).kind == Kind::ZeroBlock);
  for (const std::uint32_t operation : {0U, 1U, 2U}) {
    CHECK(decoded(0x0005'200f | operation << 20).kind == Kind::CacheMaintenance);
  }
  CHECK_FALSE(decode_memory_instruction(0x0ff0'000f).has_value());  // fence
  CHECK_FALSE(decode_memory_instruction(0x0000'100f).has_value());  // fence.i
  CHECK_FALSE(decode_memory_instruction(0x0035'200f).has_value());  // no such CBO
}

TEST_CASE("the compressed forms of bytes and halfwords") {
  // Zcb: c.lbu x9, 3(x8); c.lhu x9, 2(x8); c.lh x9, 2(x8); c.sb x9, 1(x8); c.sh x9, 0(x8)
  CHECK(decoded(0x8064) == MemoryInstruction{.kind = Kind::Load,
                                             .width = AccessWidth::Byte,
                                             .length = 2,
                                             .base = 8,
                                             .reg = 9,
                                             .offset = 3});
  CHECK(decoded(0x8424) == MemoryInstruction{.kind = Kind::Load,
                                             .width = AccessWidth::Word,
                                             .length = 2,
                                             .base = 8,
                                             .reg = 9,
                                             .offset = 2});
  CHECK(decoded(0x8464).sign_extend);
  CHECK(decoded(0x8844) == MemoryInstruction{.kind = Kind::Store,
                                             .width = AccessWidth::Byte,
                                             .length = 2,
                                             .base = 8,
                                             .reg = 9,
                                             .offset = 1});
  CHECK(decoded(0x8c04).width == AccessWidth::Word);
  CHECK_FALSE(decode_memory_instruction(0x8c44).has_value());
}

TEST_CASE("what a load puts in its register") {
  const MemoryInstruction lb{.width = AccessWidth::Byte, .sign_extend = true};
  CHECK(lb.loaded(0x80) == 0xffff'ffff'ffff'ff80);
  CHECK(lb.loaded(0x7f) == 0x7f);
  const MemoryInstruction lwu{.width = AccessWidth::Dword};
  CHECK(lwu.loaded(0x8000'0000) == 0x8000'0000);
  const MemoryInstruction flw{.width = AccessWidth::Dword, .is_float = true};
  CHECK(flw.loaded(0x3f80'0000) == 0xffff'ffff'3f80'0000);
  const MemoryInstruction ld{.width = AccessWidth::Qword};
  CHECK(ld.loaded(~0ULL) == ~0ULL);
}

TEST_CASE("a transformed instruction has a distance in place of the base") {
  const auto lw = decode_transformed(0x0001'a503);  // LW x10, the third byte was refused
  REQUIRE(lw.has_value());
  CHECK(*lw == MemoryInstruction{.kind = Kind::Load,
                                 .width = AccessWidth::Dword,
                                 .length = 4,
                                 .base = 3,
                                 .reg = 10,
                                 .sign_extend = true});
  const auto c_sd = decode_transformed(0x00b0'3021);  // C.SD x11, in its long form
  REQUIRE(c_sd.has_value());
  CHECK(c_sd->length == 2);
  CHECK(c_sd->kind == Kind::Store);
  CHECK(c_sd->reg == 11);
  CHECK_FALSE(decode_transformed(0x3000).has_value());
  CHECK_FALSE(decode_transformed(0).has_value());
}
