// What the manual says about instructions in general, and what is decoded of those that a VMM
// carries out. All opcodes are in instruction_lengths_test.cpp and instruction_operands_test.cpp.

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <core/arch/x86_64/instruction_decoder.hpp>
#include <vector>

namespace axvm::x86_64::test {
namespace {

using Operation = Instruction::Operation;
using Bytes = std::vector<std::uint8_t>;
constexpr auto k16 = CodeSize::Bits16;
constexpr auto k32 = CodeSize::Bits32;
constexpr auto k64 = CodeSize::Bits64;

Instruction decoded(const Bytes& bytes, CodeSize code_size = k64) {
  const auto i = decode_instruction(bytes, code_size);
  REQUIRE(i.has_value());
  CHECK(i->length == bytes.size());
  return *i;
}
DecodeError refused(const Bytes& bytes, CodeSize code_size = k64) {
  const auto i = decode_instruction(bytes, code_size);
  REQUIRE_FALSE(i.has_value());
  return i.error();
}

/// Registers that hold 0x100 times their number, and then some.
constexpr auto kGprs = [](unsigned n) { return std::uint64_t{0x1'0000'0000} + 0x100 * n; };
std::uint64_t offset_of(const Instruction& i, std::uint64_t next_rip = 0) {
  REQUIRE(i.memory.has_value());
  return i.memory->offset(kGprs, next_rip, i.address_size);
}

}  // namespace

TEST_CASE("an instruction is what its own bytes say, and fewer of them are incomplete") {
  CHECK(rc::check([] {
    const auto bytes = *rc::gen::container<Bytes>(20, rc::gen::arbitrary<std::uint8_t>());
    const auto code_size = *rc::gen::element(k16, k32, k64);
    const auto i = decode_instruction(bytes, code_size);
    const std::span<const std::uint8_t> all(bytes);
    if (!i) {
      // All 15 bytes are there.
      RC_ASSERT(i.error() != DecodeError::Incomplete);
      return;
    }
    RC_ASSERT(i->length >= 1U && i->length <= kMaxInstructionLength);
    const bool same = decode_instruction(all.first(i->length), code_size) == i;
    RC_ASSERT(same);
    for (std::size_t n = 0; n < i->length; ++n) {
      const auto cut = decode_instruction(all.first(n), code_size);
      RC_ASSERT(!cut && cut.error() == DecodeError::Incomplete);
    }
  }));
}

TEST_CASE("an instruction has 15 bytes at most") {
  Bytes bytes(14, 0x2e);
  bytes.push_back(0x90);
  CHECK(decoded(bytes).length == 15);
  bytes.insert(bytes.begin(), 0x2e);
  CHECK(refused(bytes) == DecodeError::TooLong);
  CHECK(refused(Bytes(15, 0x66)) == DecodeError::TooLong);
  CHECK(refused(Bytes(14, 0x66)) == DecodeError::Incomplete);
  // ADD of an immediate of 4 bytes at an address with as many, and 4 prefixes too many.
  CHECK(refused({0x64, 0x64, 0x64, 0x64, 0x64, 0x48, 0x81, 0x84, 0x88, 1, 2, 3, 4, 5, 6, 7, 8}) ==
        DecodeError::TooLong);
  CHECK(refused({}) == DecodeError::Incomplete);
}

TEST_CASE("the last prefix of a kind counts, REX only before the opcode") {
  CHECK(decoded({0xf2, 0xf3, 0xa4}).repeat == Repeat::WhileEqual);
  CHECK(decoded({0xf3, 0xf2, 0xa4}).repeat == Repeat::WhileNotEqual);
  CHECK(decoded({0x26, 0x64, 0x8b, 0x00}, k32).memory->segment == Segment::Fs);
  CHECK(decoded({0x64, 0x26, 0x8b, 0x00}, k32).memory->segment == Segment::Es);
  CHECK(decoded({0x48, 0x8b, 0x00}).width == AccessWidth::Qword);
  CHECK(decoded({0x48, 0x64, 0x8b, 0x00}).width == AccessWidth::Dword);
  CHECK(decoded({0x48, 0x44, 0x8b, 0x00}).width == AccessWidth::Dword);
  CHECK(decoded({0x48, 0x44, 0x8b, 0x00}).other.number == 8);
}

TEST_CASE("in 64-bit mode only FS and GS override a segment, whatever follows them") {
  CHECK(decoded({0x2e, 0x8b, 0x00}).memory->segment == Segment::Ds);
  CHECK(decoded({0x64, 0x2e, 0x8b, 0x00}).memory->segment == Segment::Fs);
  CHECK(decoded({0x64, 0x65, 0x8b, 0x00}).memory->segment == Segment::Gs);
}

TEST_CASE("operands have the size of the code, the other one by 66, 64 bits by REX.W") {
  CHECK(decoded({0x89, 0x07}, k16).width == AccessWidth::Word);
  CHECK(decoded({0x66, 0x89, 0x07}, k16).width == AccessWidth::Dword);
  CHECK(decoded({0x89, 0x07}, k32).width == AccessWidth::Dword);
  CHECK(decoded({0x66, 0x89, 0x07}, k32).width == AccessWidth::Word);
  CHECK(decoded({0x89, 0x07}).width == AccessWidth::Dword);
  CHECK(decoded({0x66, 0x89, 0x07}).width == AccessWidth::Word);
  CHECK(decoded({0x66, 0x48, 0x89, 0x07}).width == AccessWidth::Qword);
}

TEST_CASE("addresses have the size of the code, another one by 67, and wrap at it") {
  CHECK(decoded({0x88, 0x07}, k16).address_size == AccessWidth::Word);
  CHECK(decoded({0x67, 0x88, 0x07}, k16).address_size == AccessWidth::Dword);
  CHECK(decoded({0x67, 0x88, 0x07}, k32).address_size == AccessWidth::Word);
  CHECK(decoded({0x67, 0x88, 0x07}).address_size == AccessWidth::Dword);
  // [rdi - 0x800], [edi - 0x800], [bx + di - 0x1000]
  CHECK(offset_of(decoded({0x88, 0x87, 0x00, 0xf8, 0xff, 0xff})) == 0x1'0000'0700 - 0x800);
  CHECK(offset_of(decoded({0x67, 0x88, 0x87, 0x00, 0xf8, 0xff, 0xff})) == 0xffff'ff00);
  CHECK(offset_of(decoded({0x88, 0x81, 0x00, 0xf0}, k16)) == 0xfa00);
}

TEST_CASE("addresses of 16 bits are made of BX, BP, SI and DI") {
  CHECK(offset_of(decoded({0x88, 0x00}, k16)) == 0x300 + 0x600);
  CHECK(offset_of(decoded({0x88, 0x43, 0xfe}, k16)) == 0x500 + 0x700 - 2);
  CHECK(decoded({0x88, 0x43, 0xfe}, k16).memory->segment == Segment::Ss);
  CHECK(decoded({0x88, 0x07}, k16).memory->segment == Segment::Ds);
  CHECK(offset_of(decoded({0x88, 0x06, 0x34, 0xf2}, k16)) == 0xf234);
}

TEST_CASE("SIB adds a scaled index, but RSP is none and R12 is one") {
  const Instruction plain = decoded({0x8b, 0x44, 0x98, 0x10});  // [rax + rbx * 4 + 16]
  CHECK(offset_of(plain) == 5 * kGprs(0) + 4 * 0x300 + 16);
  CHECK(decoded({0x8b, 0x04, 0x24}).memory->index == MemoryOperand::kNone);
  CHECK(decoded({0x8b, 0x04, 0x24}).memory->segment == Segment::Ss);
  CHECK(decoded({0x42, 0x8b, 0x04, 0x20}).memory->index == 12);
  // [disp32] and [r13 * 1 + disp32], not [r13 + …]
  CHECK(offset_of(decoded({0x8b, 0x04, 0x25, 0x00, 0x00, 0x00, 0x80})) == 0xffff'ffff'8000'0000);
  CHECK(offset_of(decoded({0x42, 0x8b, 0x04, 0x2d, 1, 0, 0, 0})) == kGprs(13) + 1);
  CHECK(decoded({0x41, 0x8b, 0x04, 0x25, 1, 0, 0, 0}).memory->base == MemoryOperand::kNone);
}

TEST_CASE("addresses are in SS if their base is rSP or rBP, and else in DS") {
  CHECK(decoded({0x8b, 0x45, 0x08}, k32).memory->segment == Segment::Ss);
  CHECK(decoded({0x8b, 0x44, 0x25, 0x08}, k32).memory->segment == Segment::Ss);
  CHECK(decoded({0x8b, 0x44, 0x24, 0x08}, k32).memory->segment == Segment::Ss);
  // As an index, as no base at all, and as R13.
  CHECK(decoded({0x8b, 0x04, 0x28}, k32).memory->segment == Segment::Ds);
  CHECK(decoded({0x8b, 0x05, 1, 2, 3, 4}, k32).memory->segment == Segment::Ds);
  CHECK(decoded({0x8b, 0x04, 0x25, 1, 2, 3, 4}, k32).memory->segment == Segment::Ds);
  CHECK(decoded({0x41, 0x8b, 0x45, 0x08}).memory->segment == Segment::Ds);
  CHECK(decoded({0x3e, 0x8b, 0x45, 0x08}, k32).memory->segment == Segment::Ds);
}

TEST_CASE("64-bit code has addresses relative to the next instruction") {
  // MOV DWORD [rip - 16], 1: the immediate lies behind the displacement.
  const Bytes bytes{0xc7, 0x05, 0xf0, 0xff, 0xff, 0xff, 1, 0, 0, 0};
  CHECK(offset_of(decoded(bytes), 0xffff'8000'0000'100a) == 0xffff'8000'0000'0ffa);
  CHECK(offset_of(decoded(bytes, k32), 0x1000) == 0xffff'fff0);
  Bytes short_addresses = bytes;
  short_addresses.insert(short_addresses.begin(), 0x67);
  CHECK(offset_of(decoded(short_addresses), 0xffff'8000'0000'1010) == 0x1000);
}

TEST_CASE("MOV with an offset of its own has one of the address' size") {
  const Instruction whole = decoded({0xa1, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x91});
  CHECK(offset_of(whole) == 0x9122'3344'5566'7788);
  CHECK_FALSE(whole.memory_is_first);
  CHECK(offset_of(decoded({0xa2, 0x00, 0x00, 0xfe, 0xff}, k32)) == 0xfffe'0000);
  CHECK(offset_of(decoded({0x65, 0xa3, 0x00, 0x80}, k16)) == 0x8000);
  CHECK(decoded({0x65, 0xa3, 0x00, 0x80}, k16).memory->segment == Segment::Gs);
}

TEST_CASE("AH to BH are registers of instructions without REX only") {
  const Instruction high = decoded({0x88, 0x20});
  CHECK(high.other.number == 0);
  CHECK(high.other.is_high_byte);
  CHECK(high.stored(0x1234) == 0x12);
  const Instruction low = decoded({0x40, 0x88, 0x20});
  CHECK(low.other.number == 4);
  CHECK_FALSE(low.other.is_high_byte);
  CHECK(low.stored(0x1234) == 0x34);
  // MOVZX has a register of its own size.
  CHECK(decoded({0x0f, 0xb6, 0x20}).other.number == 4);
}

TEST_CASE("a load leaves in its register what the manual says, and no more") {
  constexpr std::uint64_t kOld = 0x1122'3344'5566'7788;
  CHECK(decoded({0x8a, 0x00}).loaded(kOld, 0xab) == 0x1122'3344'5566'77ab);
  CHECK(decoded({0x8a, 0x20}).loaded(kOld, 0xab) == 0x1122'3344'5566'ab88);
  CHECK(decoded({0x66, 0x8b, 0x00}).loaded(kOld, 0xabcd) == 0x1122'3344'5566'abcd);
  CHECK(decoded({0x8b, 0x00}).loaded(kOld, 0x8abc'def0) == 0x8abc'def0);
  CHECK(decoded({0x48, 0x8b, 0x00}).loaded(kOld, 0x89ab'cdef'0000'0001) == 0x89ab'cdef'0000'0001);
  CHECK(decoded({0x0f, 0xb6, 0x00}).loaded(kOld, 0xff) == 0xff);
  CHECK(decoded({0x66, 0x0f, 0xb6, 0x00}).loaded(kOld, 0xff) == 0x1122'3344'5566'00ff);
  CHECK(decoded({0x0f, 0xbe, 0x00}).loaded(kOld, 0xff) == 0xffff'ffff);
  CHECK(decoded({0x66, 0x0f, 0xbe, 0x00}).loaded(kOld, 0x80) == 0x1122'3344'5566'ff80);
  CHECK(decoded({0x48, 0x0f, 0xbf, 0x00}).loaded(kOld, 0x8000) == 0xffff'ffff'ffff'8000);
  CHECK(decoded({0x48, 0x63, 0x00}).loaded(kOld, 0x8000'0000) == 0xffff'ffff'8000'0000);
  CHECK(decoded({0x63, 0x00}).loaded(kOld, 0x8000'0000) == 0x8000'0000);
}

TEST_CASE("immediates are sign-extended, and those of bits count modulo the operand's size") {
  CHECK(decoded({0x48, 0xc7, 0x00, 0xff, 0xff, 0xff, 0xff}).other.immediate == -1);
  CHECK(decoded({0x83, 0x38, 0x80}).other.immediate == -128);
  CHECK(decoded({0x66, 0x81, 0x38, 0x34, 0x12}).other.immediate == 0x1234);
  CHECK(decoded({0x0f, 0xba, 0x28, 0xff}).other.immediate == 31);
  CHECK(decoded({0x48, 0x0f, 0xba, 0x28, 0xff}).other.immediate == 63);
  CHECK(decoded({0x66, 0x0f, 0xba, 0x28, 0xff}).other.immediate == 15);
}

TEST_CASE("a register may name any bit, in whole operands before and behind the address") {
  const Instruction dwords = decoded({0x0f, 0xab, 0x10});
  CHECK(dwords.bit_displacement(31) == 0);
  CHECK(dwords.bit_displacement(32) == 4);
  CHECK(dwords.bit_displacement(0xffff'ffff) == -4);  // bit -1
  CHECK(dwords.bit_displacement(0x1'0000'0020) == 4);
  CHECK(dwords.bit_displacement(0x8000'0000) == -0x1000'0000);
  CHECK(decoded({0x66, 0x0f, 0xab, 0x10}).bit_displacement(0xffe0) == -4);
  CHECK(decoded({0x48, 0x0f, 0xab, 0x10}).bit_displacement(~0ULL) == -8);
  CHECK(decoded({0x48, 0x0f, 0xab, 0x10}).bit_displacement(200) == 24);
  CHECK(decoded({0x0f, 0xba, 0x28, 0xff}).bit_displacement(200) == 0);
}

TEST_CASE("the order of operands is told: comparing is not symmetrical") {
  const Instruction with_memory_first = decoded({0x39, 0x08});
  CHECK(with_memory_first.operation == Operation::Compare);
  CHECK(with_memory_first.memory_is_first);
  CHECK_FALSE(decoded({0x3b, 0x08}).memory_is_first);
  for (const auto& i : {with_memory_first, decoded({0x3b, 0x08})}) {
    CHECK(i.reads_memory());
    CHECK_FALSE(i.writes_memory());
  }
}

TEST_CASE("LOCK stands before what changes memory, and before nothing else") {
  CHECK(decoded({0xf0, 0x0f, 0xb3, 0x17}).operation == Operation::BitTestReset);
  CHECK(decoded({0xf0, 0x0f, 0xb3, 0x17}).is_locked);
  for (const std::uint8_t opcode : Bytes{0xa3, 0xab, 0xb3, 0xbb, 0xb0, 0xb1, 0xc0, 0xc1}) {
    CHECK(refused({0xf0, 0x0f, opcode, 0xd7}) == DecodeError::Undefined);
  }
  CHECK(refused({0xf0, 0x0f, 0xba, 0xef, 0x01}) == DecodeError::Undefined);
  CHECK(refused({0xf0, 0x0f, 0xa3, 0x17}) == DecodeError::Undefined);  // BT
  CHECK(refused({0xf0, 0x39, 0x17}) == DecodeError::Undefined);        // CMP
  CHECK(refused({0xf0, 0x03, 0x17}) == DecodeError::Undefined);        // into a register
  CHECK(refused({0xf0, 0x89, 0x17}) == DecodeError::Undefined);
  CHECK(refused({0xf0, 0x90}) == DecodeError::Undefined);
  CHECK(decoded({0xf0, 0x87, 0x17}).operation == Operation::Exchange);
  CHECK(decoded({0xf0, 0x0f, 0xc7, 0x0f}).operation == Operation::Other);  // CMPXCHG8B
}

TEST_CASE("strings go by rSI, whose segment may be overridden, and by rDI in ES") {
  const Instruction move = decoded({0x64, 0xf3, 0x48, 0xa5});
  CHECK(move.operation == Operation::MoveString);
  CHECK(move.repeat == Repeat::WhileEqual);
  CHECK(move.width == AccessWidth::Qword);
  CHECK(*move.memory == MemoryOperand{.segment = Segment::Fs, .base = 6});
  CHECK(*move.string_destination() == MemoryOperand{.segment = Segment::Es, .base = 7});
  const Instruction store = decoded({0x64, 0xaa}, k32);
  CHECK(*store.memory == MemoryOperand{.segment = Segment::Es, .base = 7});
  CHECK(store.writes_memory());
  CHECK_FALSE(store.reads_memory());
  CHECK_FALSE(decoded({0xac}).string_destination().has_value());
  CHECK(decoded({0xae}).reads_memory());
}

TEST_CASE("ports are an immediate or DX, and have 32 bits at most") {
  const Instruction in = decoded({0xe4, 0xf8});
  CHECK(in.operation == Operation::In);
  CHECK(in.other.immediate == 0xf8);
  CHECK(in.width == AccessWidth::Byte);
  const Instruction out = decoded({0x66, 0xef});
  CHECK(out.operation == Operation::Out);
  CHECK(out.other.kind == OtherOperand::Kind::Register);
  CHECK(out.other.number == 2);
  CHECK(out.width == AccessWidth::Word);
  CHECK(decoded({0x48, 0xed}).width == AccessWidth::Dword);
  CHECK(decoded({0xf3, 0x6e}).operation == Operation::OutString);
  CHECK(decoded({0xf3, 0x48, 0x6d}).width == AccessWidth::Dword);
}

TEST_CASE("MOV of control registers ignores mod, and has CR8 by REX or LOCK") {
  const Instruction to = decoded({0x0f, 0x22, 0x18});  // mod is 0
  CHECK(to.operation == Operation::WriteControlRegister);
  CHECK(to.other.number == 3);
  CHECK(to.gpr == 0);
  const Instruction from = decoded({0x45, 0x0f, 0x20, 0xc1});
  CHECK(from.operation == Operation::ReadControlRegister);
  CHECK(from.other.number == 8);
  CHECK(from.gpr == 9);
  CHECK(decoded({0xf0, 0x0f, 0x22, 0xc0}, k32).other.number == 8);
  CHECK(refused({0x0f, 0x22, 0xc8}) == DecodeError::Undefined);
  CHECK(refused({0x44, 0x0f, 0x22, 0xd8}) == DecodeError::Undefined);
  CHECK(refused({0xf0, 0x0f, 0x22, 0xd8}) == DecodeError::Undefined);
  CHECK(decoded({0x0f, 0x23, 0xf8}).operation == Operation::WriteDebugRegister);
  CHECK(decoded({0x0f, 0x23, 0xf8}).other.number == 7);
}

TEST_CASE("what traps for its effect is told by name") {
  CHECK(decoded({0x0f, 0xa2}).operation == Operation::Cpuid);
  CHECK(decoded({0x0f, 0x32}).operation == Operation::ReadMsr);
  CHECK(decoded({0x0f, 0x01, 0xd9}).operation == Operation::Vmmcall);
  CHECK(decoded({0x0f, 0x01, 0xc1}).operation == Operation::Vmcall);
  CHECK(decoded({0x0f, 0x01, 0xd1}).operation == Operation::SetXcr);
  CHECK(decoded({0x0f, 0x01, 0x38}).operation == Operation::InvalidatePage);
  CHECK(decoded({0x0f, 0x01, 0xe3}).gpr == 3);
  CHECK(decoded({0xf3, 0x90}).operation == Operation::Pause);
  CHECK(decoded({0x90}).operation == Operation::Other);
  CHECK(decoded({0xf3, 0x41, 0x90}).operation == Operation::Other);
}

TEST_CASE("what 64-bit mode has not is undefined there") {
  for (const std::uint8_t opcode : Bytes{0x06, 0x0e, 0x27, 0x37, 0x60, 0xce, 0xd6}) {
    CHECK(refused({opcode}) == DecodeError::Undefined);
    CHECK(decoded({opcode}, k32).length == 1);
  }
  CHECK(refused({0x9a, 1, 2, 3, 4, 5, 6}) == DecodeError::Undefined);
  CHECK(decoded({0x9a, 1, 2, 3, 4, 5, 6}, k32).length == 7);
  CHECK(decoded({0x9a, 1, 2, 3, 4}, k16).length == 5);
}

TEST_CASE("LES, LDS, BOUND and POP share their opcodes with VEX, EVEX and XOP") {
  CHECK(decoded({0xc4, 0x00}, k32).map == OpcodeMap::Primary);
  CHECK(decoded({0xc4, 0xe2, 0x79, 0x18, 0x00}, k32).map == OpcodeMap::Vex);
  CHECK(decoded({0xc5, 0x78, 0x77}).map == OpcodeMap::Vex);
  CHECK(decoded({0x62, 0x00}, k32).map == OpcodeMap::Primary);
  CHECK(decoded({0x62, 0xf1, 0x7c, 0x48, 0x28, 0x00}, k32).map == OpcodeMap::Evex);
  CHECK(decoded({0x8f, 0x00}).operation == Operation::Pop);
  CHECK(refused({0x8f, 0x08, 0x00, 0x00, 0x00}) == DecodeError::Incomplete);  // XOP, map 8
  CHECK(refused({0x8f, 0x30, 0x00, 0x00, 0x00}) == DecodeError::Undefined);
  // None of them has a prefix that it has in itself.
  CHECK(refused({0x66, 0xc5, 0xf8, 0x77}) == DecodeError::Undefined);
  CHECK(refused({0x48, 0xc5, 0xf8, 0x77}) == DecodeError::Undefined);
  CHECK(refused({0xf0, 0xc5, 0xf8, 0x77}) == DecodeError::Undefined);
}

}  // namespace axvm::x86_64::test
