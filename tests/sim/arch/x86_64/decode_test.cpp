// Lengths and effects of instructions as Capstone knows them, which has its own tables.

#include <capstone/capstone.h>
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <sim/arch/x86_64/decode.hpp>
#include <string_view>
#include <vector>

namespace axvm::sim::x86_64::test {
namespace {

using Code = std::vector<std::uint8_t>;

class Capstone {
 public:
  explicit Capstone(CodeSize size) {
    constexpr cs_mode kModes[] = {CS_MODE_16, CS_MODE_32, CS_MODE_64};
    cs_open(CS_ARCH_X86, kModes[static_cast<unsigned>(size)], &handle_);
    cs_option(handle_, CS_OPT_DETAIL, CS_OPT_ON);
    instruction_ = cs_malloc(handle_);
  }
  ~Capstone() {
    cs_free(instruction_, 1);
    cs_close(&handle_);
  }
  Capstone(const Capstone&) = delete;
  Capstone& operator=(const Capstone&) = delete;

  /// Null when it knows no such instruction.
  const cs_insn* decode(const Code& code) {
    const std::uint8_t* bytes = code.data();
    std::size_t size = code.size();
    std::uint64_t address = 0;
    return cs_disasm_iter(handle_, &bytes, &size, &address, instruction_) ? instruction_ : nullptr;
  }

 private:
  csh handle_ = 0;
  cs_insn* instruction_ = nullptr;
};

/// What is said of the two differs by vendor, or this machine does not have it at all.
bool is_disputed(const Instruction& i, const Code& code, CodeSize size) {
  using Map = Instruction::Map;
  const bool near_branch = (i.map == Map::OneByte && (i.opcode == 0xe8 || i.opcode == 0xe9)) ||
                           (i.map == Map::TwoByte && (i.opcode & 0xf0) == 0x80);
  // With an operand size of 16 bits in 64-bit code.
  if (size == CodeSize::Bits64 && near_branch && i.operand_bytes == 2) return true;
  // Capstone takes RET's operand for a wider one.
  if (i.is(Map::OneByte, 0xc2) && i.operand_bytes == 8) return true;
  for (const std::uint8_t byte : code) {
    // XOP, VEX, EVEX.
    if (byte == 0x62 || byte == 0x8f || byte == 0xc4 || byte == 0xc5) return true;
  }
  // EXTRQ and INSERTQ; VIA's; UD1 and UD0.
  constexpr std::array<std::uint8_t, 6> kVendors{0x78, 0x79, 0xa6, 0xa7, 0xb9, 0xff};
  return i.map == Map::TwoByte && std::ranges::find(kVendors, i.opcode) != kVendors.end();
}

TEST_CASE("random instructions are as long as Capstone says") {
  for (const CodeSize size : {CodeSize::Bits16, CodeSize::Bits32, CodeSize::Bits64}) {
    Capstone capstone(size);
    unsigned compared = 0;
    std::uint64_t random = 0x1234'5678'9abc'def1;
    const auto take = [&random](unsigned n) {
      random = random * 6364136223846793005ULL + 1442695040888963407ULL;
      return static_cast<std::uint8_t>((random >> 33) % n);
    };
    constexpr std::array<std::uint8_t, 6> kPrefixes{0x66, 0x67, 0xf2, 0xf3, 0x2e, 0x65};
    for (unsigned n = 0; n < 60'000; ++n) {
      Code code(kMaxInstructionBytes);
      for (std::uint8_t& byte : code) byte = static_cast<std::uint8_t>(take(255) + take(2));
      std::size_t at = 0;
      if (take(3) == 0) code[at++] = kPrefixes[take(6)];
      if (size == CodeSize::Bits64 && take(3) == 0) code[at++] = 0x40 | take(16);
      const std::uint8_t map = take(8);
      if (map >= 4) code[at++] = 0x0f;
      if (map >= 6) code[at] = map == 6 ? 0x38 : 0x3a;
      const cs_insn* const known = capstone.decode(code);
      if (known == nullptr) continue;
      const Instruction i = decode(code, size);
      if (is_disputed(i, Code(code.begin(), code.begin() + known->size), size)) continue;
      CAPTURE(static_cast<int>(size));
      CAPTURE(known->mnemonic);
      CAPTURE(known->op_str);
      CAPTURE(static_cast<int>(code[0]));
      CAPTURE(static_cast<int>(code[1]));
      CAPTURE(static_cast<int>(code[2]));
      REQUIRE(i.length == known->size);
      ++compared;
    }
    CHECK(compared > 20'000);
  }
}

TEST_CASE("what modifies memory is what Capstone says is read and written") {
  Capstone capstone(CodeSize::Bits64);
  unsigned modifying = 0;
  for (unsigned map = 0; map < 2; ++map) {
    for (unsigned opcode = 0; opcode < 256; ++opcode) {
      for (unsigned extension = 0; extension < 8; ++extension) {
        Code code(kMaxInstructionBytes);
        code[0] = 0x0f;
        code[map] = static_cast<std::uint8_t>(opcode);
        code[map + 1] = static_cast<std::uint8_t>(extension << 3 | 3);  // [rbx]
        const Instruction i = decode(code, CodeSize::Bits64);
        const cs_insn* const known = capstone.decode(code);
        if (known == nullptr || !i.has_memory()) continue;
        if (is_disputed(i, Code(code.begin(), code.begin() + known->size), CodeSize::Bits64)) {
          continue;
        }
        const cs_x86& x86 = known->detail->x86;
        // It thinks that these only read.
        constexpr std::array<std::string_view, 6> kForgotten{"rol", "ror",     "rcl",
                                                             "rcr", "cmpxchg", "cmpxchg8b"};
        bool both = std::ranges::find(kForgotten, known->mnemonic) != kForgotten.end();
        for (unsigned n = 0; n < x86.op_count; ++n) {
          constexpr unsigned kBoth = CS_AC_READ | CS_AC_WRITE;
          both = both ||
                 (x86.operands[n].type == X86_OP_MEM && (x86.operands[n].access & kBoth) == kBoth);
        }
        CAPTURE(map);
        CAPTURE(opcode);
        CAPTURE(extension);
        CAPTURE(known->mnemonic);
        CHECK(i.modifies_memory() == both);
        if (both) ++modifying;
      }
    }
  }
  CHECK(modifying > 100);
}

TEST_CASE("parts of an instruction") {
  // rep movsq gs:[esi], by 67 65 f3 48 a5
  Instruction i = decode(Code{0x67, 0x65, 0xf3, 0x48, 0xa5}, CodeSize::Bits64);
  CHECK(i.length == 5);
  CHECK(i.is(Instruction::Map::OneByte, 0xa5));
  CHECK(i.rep);
  CHECK_FALSE(i.repne);
  CHECK(i.segment == 0x65);
  CHECK(i.operand_bytes == 8);
  CHECK(i.address_bytes == 4);
  // mov cr8, r9
  i = decode(Code{0x45, 0x0f, 0x22, 0xc1}, CodeSize::Bits64);
  CHECK(i.is(Instruction::Map::TwoByte, 0x22));
  CHECK(i.reg() == 8);
  CHECK(i.rm() == 9);
  CHECK_FALSE(i.has_memory());
  // vmmcall
  CHECK(decode(Code{0x0f, 0x01, 0xd9}, CodeSize::Bits32).is_group7(0xd9));
  // int 0x80; in al, 0x64
  CHECK(decode(Code{0xcd, 0x80}, CodeSize::Bits64).immediate == 0x80);
  CHECK(decode(Code{0xe4, 0x64}, CodeSize::Bits16).immediate == 0x64);
  // A REX that is not the last prefix does not count.
  CHECK(decode(Code{0x48, 0x66, 0xb8, 1, 2, 3, 4}, CodeSize::Bits64).length == 5);
  // mov rax, imm64; mov al, [moffs64]
  CHECK(decode(Code(15, 0xb8), CodeSize::Bits64).length == 5);
  CHECK(decode(Code{0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8}, CodeSize::Bits64).immediate ==
        0x0807'0605'0403'0201);
  CHECK(decode(Code{0xa0, 1, 2, 3, 4, 5, 6, 7, 8}, CodeSize::Bits64).length == 9);
}

TEST_CASE("what is cut short, or too long, is no instruction") {
  CHECK(decode({}, CodeSize::Bits64).length == 0);
  CHECK(decode(Code{0x0f}, CodeSize::Bits64).length == 0);
  CHECK(decode(Code{0xe8, 1, 2, 3}, CodeSize::Bits64).length == 0);
  CHECK(decode(Code{0x81, 0x84, 0x24, 1, 2, 3, 4, 5, 6, 7}, CodeSize::Bits32).length == 0);
  Code padded(16, 0x66);
  padded[14] = 0x90;
  CHECK(decode(padded, CodeSize::Bits64).length == 15);
  padded[14] = 0x66;
  padded[15] = 0x90;
  CHECK(decode(padded, CodeSize::Bits64).length == 0);
  CHECK(rc::check([](const Code& code) {
    for (const CodeSize size : {CodeSize::Bits16, CodeSize::Bits32, CodeSize::Bits64}) {
      RC_ASSERT(decode(code, size).length <= code.size());
    }
  }));
}

}  // namespace
}  // namespace axvm::sim::x86_64::test
