#include "instructions.hpp"

#include "program.hpp"

namespace axvm::test::hostile {
namespace {

/// An encoding group: `fixed` where `mask` has ones, anything elsewhere.
struct Group {
  std::uint32_t fixed;
  std::uint32_t mask;
};

constexpr Group kGroups[] = {
    {0x1000'0000, 0x1c00'0000},  // data processing, immediate
    {0x1400'0000, 0x1c00'0000},  // branches, exceptions, system
    {0x0800'0000, 0x0a00'0000},  // loads and stores
    {0x0a00'0000, 0x0e00'0000},  // data processing, register
    {0x0e00'0000, 0x0e00'0000},  // SIMD and floating point
    {0xd400'0000, 0xff00'0000},  // exception generation
    {0xd500'0000, 0xffc0'0000},  // system
    {0xd600'0000, 0xfe00'0000},  // branches to registers
    {0x0000'0000, 0x1e00'0000},  // reserved, SVE
};

constexpr Group kAccesses[] = {
    {0x3900'0000, 0x3b00'0000},  // unsigned offset
    {0x3800'0000, 0x3b20'0000},  // unscaled, pre- and post-index, unprivileged
    {0x3820'0800, 0x3b20'0c00},  // register offset
    {0x3820'0000, 0x3b20'0c00},  // atomics
    {0x0800'0000, 0x3f00'0000},  // exclusive, ordered
    {0x2800'0000, 0x3a00'0000},  // pairs
    {0x0c00'0000, 0xbf00'0000},  // SIMD structures
    {0x0d00'0000, 0xbf00'0000},  // SIMD single structures
    {0x1800'0000, 0x3b00'0000},  // literals
};

constexpr Group kShortBranches[] = {
    {0x1400'0000, 0xffff'ffc0},  // B, up to 63 instructions on
    {0x17ff'ffc0, 0xffff'ffc0},  // B, back
    {0x9400'0000, 0xffff'ffc0},  // BL
    {0x5400'0000, 0xffff'f010},  // B.cond
    {0x3400'0000, 0x7eff'f800},  // CBZ, CBNZ
    {0x3600'0000, 0x7efc'f000},  // TBZ, TBNZ
};

constexpr std::uint32_t kSimple[] = {
    0xd503'201f,  // NOP
    0xd503'203f,  // YIELD
    0xd503'205f,  // WFE
    0xd503'207f,  // WFI
    0xd503'209f,  // SEV
    0xd503'20bf,  // SEVL
    0xd503'305f,  // CLREX
    0xd503'3f9f,  // DSB SY
    kIsb,        kEret,
    0xd65f'03c0,  // RET
    0xd6bf'03e0,  // DRPS
    0xd400'0001,  // SVC
    kHvc,
    0xd400'0003,  // SMC
    0xd420'0000,  // BRK
    0xd440'0000,  // HLT
    0xd508'871f,  // TLBI VMALLE1
    0xd508'831f,  // TLBI VMALLE1IS
    0xd508'751f,  // IC IALLU
    0xd508'711f,  // IC IALLUIS
    0x0000'0000,  // UDF
};

/// SYS operations with an operand, as bits 20:5.
constexpr std::uint16_t kOperations[] = {
    0x4439, 0x443a, 0x443b, 0x443d, 0x443f, 0x4419, 0x441a, 0x441b, 0x441d, 0x441f,  // TLBI
    0x43c0, 0x43c1, 0x43c2, 0x43c3,                                                  // AT S1
    0x43b1, 0x43b2, 0x43d2, 0x43f2,                  // DC IVAC, ISW, CSW, CISW
    0x5ba1, 0x5ba9, 0x5bd1, 0x5bd9, 0x5bf1,          // DC ZVA, IC IVAU, DC C…
    0x63c0, 0x63c4, 0x6418, 0x643c, 0x6438, 0x6401,  // EL2's AT and TLBI
};

std::uint32_t from(Group group, Random& random) {
  return (random.word() & ~group.mask) | group.fixed;
}

unsigned pointer(Random& random) {
  return random.once_in(8) ? 31 : kFirstPointer + random.below(kPointers);
}

std::uint32_t access(Random& random) {
  const std::uint32_t word = from(random.one_of(kAccesses), random);
  if (random.once_in(4)) return word;
  return (word & ~(31U << 5)) | (pointer(random) << 5);
}

// MRS and MSR: registers that exist more often than others.
std::uint32_t system_register(Random& random) {
  constexpr std::uint16_t kKnown[] = {
      kSctlrEl1, kTtbr0El1, kTtbr1El1, kTcrEl1, kSpsrEl1, kElrEl1, kSpEl0, kMairEl1,
      kVbarEl1,  0xc081,    0xc082,    0xc288,  0xc289,   0xc290,  0xc300, 0xc3a0,
      0xc518,    0xc600,    0xc681,    0xc684,  0xde82,   0xde83,  0xda10, 0xda11,
      0xda20,    0xda21,    0xc210,    0xc212,  0xdf00,   0xdf01,  0xdf02, 0xdf10,
      0xdf11,    0xdf12,    0xdf18,    0xdf19,  0xdf1a,   0xc708,  0xd801, 0xd807,
      0xc800,    0xc801,    0xd000,    0xdce0,  0xdce8,   0xe088,  0xe100, 0xe108,
      0xf088,    0x8012,    0x8004,    0x8028,  0x8005,   0x8084,  0x8080, 0xc000,
      0xc005,    0xc020,    0xc030,    0xc038,  0xc65d,   0xc661,  0xc662, 0xcc0c};
  const std::uint32_t encoding =
      random.once_in(3) ? random.below(0x8000) | 0x8000U : random.one_of(kKnown);
  return 0xd500'0000 | (random.below(2) << 21) | (encoding << 5) | random.below(32);
}

// MSR (immediate): DAIFSet, DAIFClr, SPSel, PAN, UAO and what does not exist.
std::uint32_t system_immediate(Random& random) {
  constexpr std::uint32_t kFields[] = {0xd503'40df, 0xd503'40ff, 0xd500'40bf,
                                       0xd500'409f, 0xd500'407f, 0xd501'401f};
  return random.one_of(kFields) | (random.below(16) << 8);
}

void call(Code& code, Random& random) {
  constexpr std::uint32_t kFunctions[] = {
      0x8400'0000, 0x8400'0001, 0xc400'0001, 0x8400'0002, 0x8400'0003, 0xc400'0003,
      0x8400'0004, 0xc400'0004, 0x8400'0005, 0x8400'0006, 0x8400'0007, 0x8400'000a,
      0xc400'000e, 0xc400'000d, 0x8400'0012, 0x8000'0000, 0x8000'0001, 0xc600'ff00};
  std::uint64_t function = random.one_of(kFunctions);
  if (random.once_in(3)) function = random.below(12);
  if (random.once_in(16)) function = 0x8400'0008 + random.below(2);
  if (random.once_in(16)) function = random.next();
  move(code, 0, function);
  move(code, 1, random.once_in(4) ? random.next() : random.below(3));
  move(code, 2, interesting_address(random));
  move(code, 3, random.once_in(2) ? random.next() : interesting_address(random));
  code.push_back(random.once_in(4) ? kHvc + 1 : kHvc | (random.once_in(8) ? 0xffe0U : 0U));
}

// Changes an instruction nearby, with or without the maintenance that this needs.
void change_code(Code& code, Random& random) {
  const std::uint32_t offset = (random.below(64) - 32) & 0x7'ffff;
  code.push_back(0x1000'0000 | (offset << 5) | 9);  // ADR X9
  move(code, 10, random.once_in(2) ? random.word() : random.one_of(kSimple));
  code.push_back(0xb900'012a);  // STR W10, [X9]
  if (random.once_in(2)) return;
  code.insert(code.end(), {0xd50b'7b29,    // DC CVAU, X9
                           0xd503'3b9f,    // DSB ISH
                           0xd50b'7529});  // IC IVAU, X9
  if (!random.once_in(3)) code.insert(code.end(), {0xd503'3b9f, kIsb});
}

void change_table(Code& code, Random& random) {
  move(code, 9, kTables + random.below(kTablePages * 512) * 8);
  move(code, 10, random_descriptor(random));
  code.push_back(0xf900'012a);  // STR X10, [X9]
  if (random.once_in(2)) code.insert(code.end(), {0xd503'3b9f, 0xd508'871f, kIsb});
}

void change_system(Code& code, Random& random) {
  constexpr std::uint16_t kTargets[] = {kSctlrEl1, kTtbr0El1, kTtbr1El1, kTcrEl1,    kSpsrEl1,
                                        kElrEl1,   kMairEl1,  kVbarEl1,  kCntkctlEl1};
  const std::uint16_t target = random.one_of(kTargets);
  move(code, 9, plausible_value(target, random));
  write_system(code, target, 9);
  if (random.once_in(2)) code.push_back(kIsb);
  if (random.once_in(4)) code.push_back(kEret);
}

}  // namespace

void move(Code& code, unsigned rd, std::uint64_t value) {
  code.push_back(0xd280'0000 | static_cast<std::uint32_t>((value & 0xffff) << 5) | rd);
  for (unsigned half = 1; half < 4; ++half) {
    const auto bits = static_cast<std::uint32_t>(value >> (16 * half) & 0xffff);
    if (bits != 0) code.push_back(0xf280'0000 | (half << 21) | (bits << 5) | rd);
  }
}

void write_system(Code& code, std::uint16_t encoding, unsigned rt) {
  code.push_back(0xd500'0000 | (std::uint32_t{encoding} << 5) | rt);
}

void append_anything(Code& code, Random& random) {
  switch (random.below(24)) {
    case 0:
    case 1: code.push_back(random.word()); return;
    case 2:
    case 3:
    case 4: code.push_back(from(random.one_of(kGroups), random)); return;
    case 5:
    case 6:
    case 7:
    case 8:
    case 9:
    case 10: code.push_back(access(random)); return;
    case 11:
    case 12: code.push_back(from(random.one_of(kShortBranches), random)); return;
    case 13: code.push_back(random.one_of(kSimple)); return;
    case 14:
    case 15: code.push_back(system_register(random)); return;
    case 16: code.push_back(system_immediate(random)); return;
    case 17:
      code.push_back(0xd500'0000 | (std::uint32_t{random.one_of(kOperations)} << 5) |
                     (random.once_in(4) ? random.below(32) : pointer(random)));
      return;
    case 18: call(code, random); return;
    case 19: change_code(code, random); return;
    case 20: change_table(code, random); return;
    case 21: change_system(code, random); return;
    case 22: move(code, pointer(random) % 31, interesting_address(random)); return;
    default: code.push_back(random.one_of(kSimple)); return;
  }
}

}  // namespace axvm::test::hostile
