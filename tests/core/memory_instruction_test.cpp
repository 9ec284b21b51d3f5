#include <capstone/capstone.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <core/arch/aarch64/memory_instruction.hpp>
#include <random>
#include <string>
#include <string_view>

using namespace axvm::aarch64;
using Kind = MemoryInstruction::Kind;
using Addressing = MemoryInstruction::Addressing;

namespace {

MemoryInstruction decoded(std::uint32_t word) {
  const auto i = decode_memory_instruction(word);
  REQUIRE(i.has_value());
  return *i;
}

}  // namespace

TEST_CASE("a pair has two registers at a scaled offset") {
  const auto ldp = decoded(0xa97f'0861);  // ldp x1, x2, [x3, #-16]
  CHECK(ldp == MemoryInstruction{.kind = Kind::Load,
                                 .rn = 3,
                                 .rt = 1,
                                 .rt2 = 2,
                                 .log2_size = 3,
                                 .is_pair = true,
                                 .is_64bit = true,
                                 .offset = -16});
  CHECK(ldp.bytes() == 16);
  CHECK(ldp.address(0x1000, 0, 0) == 0xff0);
  const auto stp = decoded(0xac81'07e0);  // stp q0, q1, [sp], #32
  CHECK(stp.kind == Kind::Store);
  CHECK(stp.is_simd);
  CHECK(stp.register_bytes() == 16);
  CHECK(stp.addressing == Addressing::PostIndex);
  CHECK(stp.rn == 31);
  CHECK(stp.address(0x1000, 0, 0) == 0x1000);
  CHECK(stp.new_base(0x1000) == 0x1020);
  const auto ldpsw = decoded(0x69c1'0861);  // ldpsw x1, x2, [x3, #8]!
  CHECK(ldpsw.sign_extend);
  CHECK(ldpsw.is_64bit);
  CHECK(ldpsw.log2_size == 2);
  CHECK(ldpsw.addressing == Addressing::PreIndex);
}

TEST_CASE("write-back names the new base, before or after the access") {
  const auto post = decoded(0x3840'1c20 & ~0x800U);  // ldrb w0, [x1], #1
  CHECK(post.addressing == Addressing::PostIndex);
  CHECK(post.address(0x1000, 0, 0) == 0x1000);
  CHECK(post.new_base(0x1000) == 0x1001);
  const auto pre = decoded(0x3840'1c20);  // ldrb w0, [x1, #1]!
  CHECK(pre.addressing == Addressing::PreIndex);
  CHECK(pre.address(0x1000, 0, 0) == 0x1001);
  CHECK(pre.writes_back());
}

TEST_CASE("register offsets extend and shift the index") {
  const auto sxtw = decoded(0xb862'd820);  // ldr w0, [x1, w2, sxtw #2]
  CHECK(sxtw.address(0x1000, 0x5'ffff'ffff, 0) == 0xffc);
  const auto uxtw = decoded(0xb862'4820);  // ldr w0, [x1, w2, uxtw]
  CHECK(uxtw.address(0x1000, 0x5'0000'0004, 0) == 0x1004);
  const auto lsl = decoded(0x3ce2'7820);  // ldr q0, [x1, x2, lsl #4]
  CHECK(lsl.log2_size == 4);
  CHECK(lsl.address(0x1000, 2, 0) == 0x1020);
}

TEST_CASE("literals are relative to the instruction") {
  const auto ldr = decoded(0x1cff'ffe0);  // ldr s0, .-4
  CHECK(ldr.addressing == Addressing::Literal);
  CHECK(ldr.address(0, 0, 0x8000) == 0x7ffc);
}

TEST_CASE("hints, blocks and indivisible accesses have kinds of their own") {
  CHECK(decoded(0xf980'0020).kind == Kind::Prefetch);   // prfm pldl1keep, [x1]
  CHECK(decoded(0xd50b'7425).kind == Kind::ZeroBlock);  // dc zva, x5
  CHECK(decoded(0xd50b'7425).rn == 5);
  CHECK(decoded(0x885f'7c20).kind == Kind::Atomic);     // ldxr w0, [x1]
  CHECK(decoded(0xc87f'0820).kind == Kind::Atomic);     // ldxp x0, x2, [x1]
  CHECK(decoded(0xf8e0'0020).kind == Kind::Atomic);     // ldaddal x0, x0, [x1]
  CHECK(decoded(0x88a0'7c20).kind == Kind::Atomic);     // cas w0, w0, [x1]
  CHECK(decoded(0x4c40'7820).kind == Kind::Structure);  // ld1 {v0.4s}, [x1]
  CHECK(decoded(0x88df'fc20).kind == Kind::Load);       // ldar w0, [x1]
}

TEST_CASE("what is no load or store is nothing") {
  for (const std::uint32_t word : {0x0000'0000U, 0xd503'201fU, 0x9100'0400U, 0xd400'0002U,
                                   0xd50b'7a21U, 0xf960'0420U & 0x0fff'ffffU, 0xb8a1'd020U}) {
    CHECK_FALSE(decode_memory_instruction(word).has_value());
  }
}

// --- against an independent decoder -------------------------------------------------------------

namespace {

class Capstone {
 public:
  Capstone() {
    REQUIRE(cs_open(CS_ARCH_ARM64, CS_MODE_LITTLE_ENDIAN, &handle_) == CS_ERR_OK);
    cs_option(handle_, CS_OPT_DETAIL, CS_OPT_ON);
    instruction_ = cs_malloc(handle_);
  }
  Capstone(const Capstone&) = delete;
  Capstone& operator=(const Capstone&) = delete;
  ~Capstone() {
    cs_free(instruction_, 1);
    cs_close(&handle_);
  }

  /// Null when the word is no instruction.
  const cs_insn* operator()(std::uint32_t word) {
    const std::uint8_t bytes[] = {
        static_cast<std::uint8_t>(word), static_cast<std::uint8_t>(word >> 8),
        static_cast<std::uint8_t>(word >> 16), static_cast<std::uint8_t>(word >> 24)};
    const std::uint8_t* at = bytes;
    std::size_t size = sizeof bytes;
    std::uint64_t address = 0;
    return cs_disasm_iter(handle_, &at, &size, &address, instruction_) ? instruction_ : nullptr;
  }
  [[nodiscard]] std::string name(unsigned reg) const { return cs_reg_name(handle_, reg); }

 private:
  csh handle_ = 0;
  cs_insn* instruction_ = nullptr;
};

std::string general(unsigned n, bool wide) {
  if (n == 31) return wide ? "xzr" : "wzr";
  if (wide && n == 29) return "fp";
  if (wide && n == 30) return "lr";
  return (wide ? "x" : "w") + std::to_string(n);
}
std::string base_name(unsigned n) { return n == 31 ? "sp" : general(n, true); }
std::string transferred(const MemoryInstruction& i, unsigned n) {
  if (i.is_simd) return std::string(1, "bhsdq"[i.log2_size]) + std::to_string(n);
  return general(n, i.is_64bit);
}

/// Capstone's spelling of x29 and x30 differs between versions.
std::string canonical(std::string name) {
  if (name == "x29") return "fp";
  if (name == "x30") return "lr";
  return name;
}

/// "ldr" of the width and extension, or the name of the family that has no such suffix.
std::string suffix(const MemoryInstruction& i) {
  if (i.is_simd || i.log2_size == 4) return "";
  const std::string width = i.log2_size == 0 ? "b" : i.log2_size == 1 ? "h" : "";
  if (!i.sign_extend) return i.is_pair ? "" : width;
  return std::string("s") + (i.log2_size == 2 ? "w" : width);
}

bool is_family(std::string_view mnemonic, const MemoryInstruction& i) {
  const bool load = i.kind == Kind::Load;
  static constexpr std::string_view kLoads[] = {"ldr",  "ldur",  "ldtr",  "ldp",   "ldnp",
                                                "ldar", "ldapr", "ldlar", "ldapur"};
  static constexpr std::string_view kStores[] = {"str",  "stur", "sttr",  "stp",
                                                 "stnp", "stlr", "stllr", "stlur"};
  const std::string end = suffix(i);
  const auto matches = [&](std::string_view stem) { return mnemonic == std::string(stem) + end; };
  if (load) return std::ranges::any_of(kLoads, matches);
  return std::ranges::any_of(kStores, matches);
}

bool is_plain_access(std::string_view mnemonic) {
  static constexpr std::string_view kStems[] = {
      "ldrs",  "ldr", "ldurs", "ldur", "ldtrs", "ldtr", "ldpsw", "ldp",   "ldnp",  "ldar",  "ldapr",
      "ldlar", "str", "stur",  "sttr", "stp",   "stnp", "stlr",  "stllr", "stlur", "ldapur"};
  if (mnemonic.starts_with("ldraa") || mnemonic.starts_with("ldrab")) return false;
  return std::ranges::any_of(kStems, [&](std::string_view stem) {
    if (!mnemonic.starts_with(stem)) return false;
    const std::string_view rest = mnemonic.substr(stem.size());
    return rest.empty() || rest == "b" || rest == "h" || rest == "w" || rest == "sb" ||
           rest == "sh" || rest == "sw";
  });
}

/// Encodings that CPUs may take as undefined, as Capstone does: write-back to a register that is
/// transferred, a pair loaded into one register, and zeroes where the manual wants ones. (Capstone
/// takes LDTR of its own base for one of them.)
bool is_unpredictable(const MemoryInstruction& i, std::uint32_t word) {
  const bool base_transferred = i.rn != 31 && (i.rt == i.rn || (i.is_pair && i.rt2 == i.rn));
  if ((i.writes_back() || i.unprivileged) && !i.is_simd && base_transferred) return true;
  if (i.is_pair && i.kind == Kind::Load && i.rt == i.rt2) return true;
  const bool ordered = (word & 0x3f00'0000) == 0x0800'0000;
  return ordered && (word & 0x001f'7c00) != 0x001f'7c00;
}

void compare(const Capstone& capstone, const cs_insn& theirs, const MemoryInstruction& ours) {
  const cs_arm64& d = theirs.detail->arm64;
  CHECK(is_family(theirs.mnemonic, ours));
  const unsigned registers = ours.is_pair ? 2 : 1;
  REQUIRE(d.op_count > registers);
  CHECK(canonical(capstone.name(static_cast<unsigned>(d.operands[0].reg))) ==
        transferred(ours, ours.rt));
  if (ours.is_pair) {
    CHECK(canonical(capstone.name(static_cast<unsigned>(d.operands[1].reg))) ==
          transferred(ours, ours.rt2));
  }
  const cs_arm64_op& where = d.operands[registers];
  if (ours.addressing == Addressing::Literal) {
    REQUIRE(where.type == ARM64_OP_IMM);
    CHECK(where.imm == ours.offset);
    return;
  }
  REQUIRE(where.type == ARM64_OP_MEM);
  CHECK(canonical(capstone.name(where.mem.base)) == base_name(ours.rn));
  CHECK(d.writeback == ours.writes_back());
  if (ours.addressing == Addressing::Register) {
    const bool wide = (ours.extend & 1) != 0;
    CHECK(canonical(capstone.name(where.mem.index)) == general(ours.rm, wide));
    CHECK(where.shift.value == ours.shift);
    return;
  }
  if (ours.addressing == Addressing::PostIndex) {
    const bool separate = d.op_count > registers + 1;
    CHECK((separate ? d.operands[registers + 1].imm : where.mem.disp) == ours.offset);
  } else {
    CHECK(where.mem.disp == ours.offset);
  }
}

}  // namespace

TEST_CASE("random loads and stores are what Capstone says they are") {
  Capstone capstone;
  std::mt19937 random(20240607);
  unsigned compared = 0;
  for (unsigned n = 0; n < 400'000; ++n) {
    const std::uint32_t word = (random() & ~0x0200'0000U) | 0x0800'0000U;
    const auto ours = decode_memory_instruction(word);
    const cs_insn* theirs = capstone(word);
    const std::string text =
        theirs == nullptr ? "nothing" : std::string(theirs->mnemonic) + " " + theirs->op_str;
    INFO(word, " ", text);
    const bool plain = ours && (ours->kind == Kind::Load || ours->kind == Kind::Store);
    if (theirs == nullptr) {
      CHECK((!plain || is_unpredictable(*ours, word)));
    } else if (plain) {
      compare(capstone, *theirs, *ours);
      ++compared;
    } else {
      CHECK_FALSE(is_plain_access(theirs->mnemonic));
      if (ours && ours->kind == Kind::Prefetch) {
        CHECK(std::string_view(theirs->mnemonic).starts_with("prf"));
      }
    }
  }
  CHECK(compared > 100'000);
}
