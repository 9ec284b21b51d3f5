// Every opcode of the four maps with every ModRM byte, behind prefixes, in each code size: its
// length is what Capstone says, or the reason why not is among those below.

#include <doctest/doctest.h>

#include <core/arch/x86_64/instruction_decoder.hpp>
#include <set>
#include <string>
#include <vector>

#include "disassembler.hpp"

namespace axvm::x86_64::test {
namespace {

using Bytes = std::vector<std::uint8_t>;

const Bytes kPrefixes[] = {{},           {0x66},       {0x67},       {0xf0},       {0xf2},
                           {0xf3},       {0x66, 0xf2}, {0x66, 0xf3}, {0x26},       {0x2e},
                           {0x36},       {0x3e},       {0x64},       {0x65},       {0x67, 0x66},
                           {0xf0, 0x66}, {0x48},       {0x41},       {0x42},       {0x44},
                           {0x66, 0x48}, {0xf2, 0x48}, {0xf3, 0x48}, {0x48, 0x66}, {0xf0, 0x44}};
const Bytes kEscapes[] = {{}, {0x0f}, {0x0f, 0x38}, {0x0f, 0x3a}};

bool is_rex(std::uint8_t byte) { return (byte & 0xf0) == 0x40; }
bool has(const Bytes& bytes, std::uint8_t byte) {
  for (const std::uint8_t b : bytes) {
    if (b == byte) return true;
  }
  return false;
}

/// One instruction of the walk: prefixes, opcode, ModRM, and whatever follows.
struct Candidate {
  CodeSize code_size;
  const Bytes& prefixes;
  OpcodeMap map;
  std::uint8_t opcode;
  std::uint8_t modrm;

  [[nodiscard]] Bytes behind_prefixes() const {
    Bytes bytes = kEscapes[static_cast<unsigned>(map)];
    bytes.insert(bytes.end(), {opcode, modrm, 0x8d, 0x12, 0x23, 0x34, 0x45, 0x56, 0x67, 0x78, 0x09,
                               0x1a, 0x2b, 0x3c});
    return bytes;
  }
  [[nodiscard]] Bytes bytes() const {
    Bytes all = prefixes;
    const Bytes rest = behind_prefixes();
    all.insert(all.end(), rest.begin(), rest.end());
    return all;
  }
  [[nodiscard]] bool is(OpcodeMap m, unsigned first, unsigned last) const {
    return map == m && opcode >= first && opcode <= last;
  }
  [[nodiscard]] bool is(OpcodeMap m, unsigned code) const { return is(m, code, code); }
  [[nodiscard]] bool is_register() const { return modrm >= 0xc0; }
  [[nodiscard]] unsigned reg() const { return modrm >> 3 & 7; }
  [[nodiscard]] bool is_64bit() const { return code_size == CodeSize::Bits64; }

  /// Bytes that are no opcode here, but a prefix or the first of another encoding.
  [[nodiscard]] bool is_opcode() const {
    if (map == OpcodeMap::Secondary) return opcode != 0x38 && opcode != 0x3a && opcode != 0x0f;
    if (map != OpcodeMap::Primary) return true;
    if (opcode == 0x62 || opcode == 0xc4 || opcode == 0xc5) return !is_64bit() && !is_register();
    if (opcode == 0x8f) return (modrm & 0x1f) < 8;
    if (is_64bit() && is_rex(opcode)) return false;
    constexpr std::uint8_t kOthers[] = {0x0f, 0x26, 0x2e, 0x36, 0x3e, 0x64,
                                        0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3};
    for (const std::uint8_t other : kOthers) {
      if (opcode == other) return false;
    }
    return true;
  }
};

using enum OpcodeMap;

/// Why the lengths of both differ; empty if there is no reason.
std::string why_lengths_differ(const Candidate& c) {
  // APM Vol. 3, "CALL (Near)", "Jcc", "JMP (Near)": rel16off by 66. Capstone takes what Intel does.
  const bool is_near = c.is(Primary, 0xe8, 0xe9) || c.is(Secondary, 0x80, 0x8f);
  if (is_near && c.is_64bit() && has(c.prefixes, 0x66)) return "near branches heed 66";
  // APM Vol. 3, "RET (Near)": imm16, whatever the operand's size.
  if (c.is(Primary, 0xc2) && has(c.prefixes, 0x66)) return "RET has 16 bits";
  // APM Vol. 4, "EXTRQ": 66 0F 78 /0 ib ib. Capstone has it in 32-bit and 64-bit code.
  if (c.is(Secondary, 0x78) && c.code_size == CodeSize::Bits16) return "EXTRQ";
  return {};
}

/// Why Capstone knows an instruction that the manual does not.
std::string why_undefined(const Candidate& c) {
  // APM Vol. 3, "MOV CRn": CR1, CR5 to CR7 and CR9 to CR15 are #UD.
  if (c.is(Secondary, 0x20) || c.is(Secondary, 0x22)) return "no such control register";
  // APM Vol. 2 13.1.1: there are 8 debug registers.
  if (c.is(Secondary, 0x21) || c.is(Secondary, 0x23)) return "no such debug register";
  // APM Vol. 3, "MOV": CS cannot be loaded by it.
  if (c.is(Primary, 0x8e) && c.reg() == 1) return "MOV to CS";
  // VIA's PadLock is neither AMD's nor Intel's.
  if (c.is(Secondary, 0xa6, 0xa7)) return "PadLock";
  // APM Vol. 3 1.2.5: LOCK needs a destination in memory.
  if (has(c.prefixes, 0xf0)) return "LOCK without a destination in memory";
  // APM Vol. 4, "EXTRQ", "INSERTQ": with these prefixes it is not VMREAD, and has registers.
  if (c.is(Secondary, 0x78, 0x79) && !c.is_register()) return "EXTRQ of memory";
  return {};
}

/// Why Capstone does not know an instruction, in the manual's terms.
std::string why_unknown(const Candidate& c) {
  const bool repeats = has(c.prefixes, 0xf3) || has(c.prefixes, 0xf2);
  // APM Vol. 5 A: some opcodes of x87 are reserved. They are not told apart.
  if (c.is(Primary, 0xd8, 0xdf)) return "x87";
  // APM Vol. 3, "MOVSXD": without REX.W it moves 32 or 16 bits.
  if (c.is(Primary, 0x63) && c.is_64bit()) return "MOVSXD without REX.W";
  // APM Vol. 3, "PAUSE": 66 changes nothing.
  if (c.is(Primary, 0x90) && repeats && has(c.prefixes, 0x66)) return "PAUSE with 66";
  // APM Vol. 3, "MOV CRn": LOCK makes CR0 CR8.
  if ((c.is(Secondary, 0x20) || c.is(Secondary, 0x22)) && has(c.prefixes, 0xf0)) {
    return "LOCK MOV CR0";
  }
  // APM Vol. 3, "PREFETCH", "NOP": reserved forms do nothing.
  if (c.is(Secondary, 0x0d) || c.is(Secondary, 0x18, 0x1e)) return "reserved NOP";
  // APM Vol. 3, "RDPRU", "INVLPGB", "TLBSYNC", "PVALIDATE"…; Intel's Key Locker and HRESET.
  const bool is_new = (c.is(Secondary, 0x01) && c.modrm >= 0xfd) || c.is(Secondary38, 0xd8) ||
                      (c.is(Secondary3A, 0xf0) && c.is_register());
  if (is_new) return "newer than Capstone";
  // APM Vol. 4, "SFENCE" and its kin ignore ModRM.rm; APM Vol. 3, "RDFSBASE" is of 64-bit mode.
  if (c.is(Secondary, 0xae) && c.is_register()) return "group 15 of registers";
  // See why_lengths_differ().
  if (c.is(Secondary, 0x80, 0x8f) && has(c.prefixes, 0x66) && repeats) {
    return "near branches heed 66";
  }
  return {};
}

struct Differences {
  std::set<std::string> reasons;
  unsigned equal = 0;
};

class Walk {
 public:
  explicit Walk(CodeSize code_size)
      : code_size_(code_size), disassembler_(code_size), disassembler32_(CodeSize::Bits32) {}

  Differences run() {
    for (const Bytes& prefixes : kPrefixes) {
      const bool has_rex =
          !prefixes.empty() && (is_rex(prefixes.front()) || is_rex(prefixes.back()));
      if (has_rex && code_size_ != CodeSize::Bits64) continue;
      for (const OpcodeMap map : {Primary, Secondary, Secondary38, Secondary3A}) {
        for (unsigned n = 0; n < 0x1'0000; ++n) {
          const Candidate c{code_size_, prefixes, map, static_cast<std::uint8_t>(n >> 8),
                            static_cast<std::uint8_t>(n)};
          if (c.is_opcode()) compare(c);
        }
      }
    }
    return seen_;
  }

 private:
  void compare(const Candidate& c) {
    const Bytes bytes = c.bytes();
    const auto ours = decode_instruction(bytes, code_size_);
    const unsigned theirs = disassembler_.length(bytes);
    if ((ours ? ours->length : 0U) == theirs) {
      if (theirs != 0) ++seen_.equal;
      return;
    }
    std::string why;
    if (!ours) {
      why = why_undefined(c);
    } else if (theirs != 0) {
      why = why_lengths_differ(c);
    } else {
      why = why_unknown(c);
      if (why.empty() && is_known_with_another_prefix(c, ours->length)) why = "another prefix";
    }
    CAPTURE(c.opcode);
    CAPTURE(c.modrm);
    CAPTURE(static_cast<unsigned>(c.map));
    const unsigned first_prefix = c.prefixes.empty() ? 0 : c.prefixes.front();
    CAPTURE(first_prefix);
    CAPTURE(c.prefixes.size());
    CHECK_FALSE(why.empty());
    seen_.reasons.insert(why);
  }

  /// 66, F2 and F3 are part of media instructions' opcodes (APM Vol. 3 1.2.1), and choose nothing
  /// else there: behind another one Capstone knows what it does not know here, of the same length.
  bool is_known_with_another_prefix(const Candidate& c, unsigned length) {
    if (c.map == Primary) return false;
    Bytes kept;
    for (const std::uint8_t p : c.prefixes) {
      if (p != 0x66 && p != 0xf2 && p != 0xf3) kept.push_back(p);
    }
    const Bytes rest = c.behind_prefixes();
    const auto length_behind = [&](Bytes prefixes, Disassembler& disassembler) -> std::size_t {
      const std::size_t before = prefixes.size();
      prefixes.insert(prefixes.end(), rest.begin(), rest.end());
      const unsigned all = disassembler.length(prefixes);
      return all == 0 ? 0 : all - before;
    };
    for (const std::uint8_t prefix : Bytes{0x00, 0x66, 0xf2, 0xf3}) {
      Bytes prefixes = kept;
      // It is the last one but REX: elsewhere Capstone does not always see it.
      const bool before_rex = !kept.empty() && is_rex(kept.back());
      if (prefix != 0) prefixes.insert(prefixes.end() - (before_rex ? 1 : 0), prefix);
      const std::size_t want = length - c.prefixes.size();
      if (length_behind(prefixes, disassembler_) == want) return true;
      if (code_size_ != CodeSize::Bits16) continue;
      // Capstone has no media instructions of 66 in 16-bit code; in 32-bit code 67 gives addresses
      // the same form.
      if (has(kept, 0x67)) {
        std::erase(prefixes, 0x67);
      } else {
        prefixes.insert(prefixes.begin(), 0x67);
      }
      if (length_behind(prefixes, disassembler32_) == want) return true;
    }
    return false;
  }

  CodeSize code_size_;
  Disassembler disassembler_;
  Disassembler disassembler32_;
  Differences seen_;
};

/// Compares the length of what begins with VEX, EVEX or XOP, where Capstone knows it: every opcode
/// of every map with some of the other fields. How many it knew.
unsigned compare_extended(CodeSize code_size, const std::vector<Bytes>& prefixes) {
  Disassembler disassembler(code_size);
  unsigned known = 0;
  for (const Bytes& prefix : prefixes) {
    for (unsigned n = 0; n < 0x1'0000; ++n) {
      Bytes bytes = prefix;
      bytes.insert(bytes.end(), {static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n),
                                 0x8d, 0x12, 0x23, 0x34, 0x45, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b});
      const unsigned theirs = disassembler.length(bytes);
      if (theirs == 0) continue;
      ++known;
      const auto ours = decode_instruction(bytes, code_size);
      CAPTURE(unsigned{prefix[0]});
      CAPTURE(unsigned{prefix[1]});
      CAPTURE(unsigned{bytes[prefix.size()]});
      CAPTURE(unsigned{bytes[prefix.size() + 1]});
      REQUIRE(ours.has_value());
      CHECK(ours->length == theirs);
    }
  }
  return known;
}

/// Two and three bytes of VEX: L, pp, map, W.
std::vector<Bytes> vex_prefixes() {
  std::vector<Bytes> all;
  for (unsigned n = 0; n < 64; ++n) {
    const auto last = static_cast<std::uint8_t>(0x78 | (n & 7) | (n & 8) << 4);
    const auto map = static_cast<std::uint8_t>(0xe0 | n >> 4);
    if (map == 0xe0) {
      all.push_back({0xc5, static_cast<std::uint8_t>(last | 0x80)});
    } else {
      all.push_back({0xc4, map, last});
    }
  }
  return all;
}
std::vector<Bytes> evex_prefixes() {
  std::vector<Bytes> all;
  for (const unsigned map : {1U, 2U, 3U, 5U, 6U}) {
    // pp, W, and a vector's length of 128 or 512 bits.
    for (unsigned n = 0; n < 16; ++n) {
      all.push_back({0x62, static_cast<std::uint8_t>(0xf0 | map),
                     static_cast<std::uint8_t>(0x7c | (n & 3) | (n & 4) << 5),
                     static_cast<std::uint8_t>(0x08 | (n & 8) << 3)});
    }
  }
  return all;
}
std::vector<Bytes> xop_prefixes() {
  std::vector<Bytes> all;
  for (const unsigned map : {8U, 9U, 10U}) {
    for (unsigned n = 0; n < 4; ++n) {
      all.push_back({0x8f, static_cast<std::uint8_t>(0xe0 | map),
                     static_cast<std::uint8_t>(0x78 | (n & 1) << 2 | (n & 2) << 6)});
    }
  }
  return all;
}

/// What is expected in every code size.
const std::set<std::string> kEverywhere{"no such control register",
                                        "MOV to CS",
                                        "PadLock",
                                        "LOCK without a destination in memory",
                                        "x87",
                                        "LOCK MOV CR0",
                                        "reserved NOP",
                                        "newer than Capstone",
                                        "group 15 of registers",
                                        "another prefix"};

std::set<std::string> everywhere_and(std::set<std::string> more) {
  more.insert(kEverywhere.begin(), kEverywhere.end());
  return more;
}

}  // namespace

TEST_CASE("every opcode in 16-bit code is as long as Capstone says, but for reasons given") {
  const Differences seen = Walk(CodeSize::Bits16).run();
  CHECK(seen.reasons == everywhere_and({"EXTRQ", "EXTRQ of memory"}));
  CHECK(seen.equal > 1'000'000);
}

TEST_CASE("every opcode in 32-bit code is as long as Capstone says, but for reasons given") {
  const Differences seen = Walk(CodeSize::Bits32).run();
  CHECK(seen.reasons == everywhere_and({"PAUSE with 66"}));
  CHECK(seen.equal > 1'000'000);
}

TEST_CASE("every opcode in 64-bit code is as long as Capstone says, but for reasons given") {
  const Differences seen = Walk(CodeSize::Bits64).run();
  CHECK(seen.reasons ==
        everywhere_and({"near branches heed 66", "RET has 16 bits", "no such debug register",
                        "EXTRQ of memory", "MOVSXD without REX.W", "PAUSE with 66"}));
  CHECK(seen.equal > 2'000'000);
}

TEST_CASE("what VEX, EVEX and XOP begin is as long as Capstone says") {
  for (const CodeSize code_size : {CodeSize::Bits32, CodeSize::Bits64}) {
    CHECK(compare_extended(code_size, vex_prefixes()) > 300'000);
    CHECK(compare_extended(code_size, evex_prefixes()) > 250'000);
    CHECK(compare_extended(code_size, xop_prefixes()) > 20'000);
  }
}

}  // namespace axvm::x86_64::test
