// Small programs, run by a test in a hypervisor's place.

#include <doctest/doctest.h>

#include "guest_machine.hpp"

namespace axvm::sim::x86_64::test {
namespace {

using M = GuestMachine;
constexpr std::uint64_t kCode = M::kCode;

TEST_CASE("a guest runs until it calls, and its registers are where the manual says") {
  // mov eax, 0x1234; mov ebx, 0x5678; add rax, rbx; mov r15, rax; vmmcall
  M m({0xb8, 0x34, 0x12, 0, 0, 0xbb, 0x78, 0x56, 0, 0, 0x48, 0x01, 0xd8, 0x49, 0x89, 0xc7, 0x0f,
       0x01, 0xd9});
  CHECK(m.cpu().gif());
  REQUIRE(m.run() == kExitVmmcall);
  CHECK(m.field(0x070) == kExitVmmcall);
  CHECK_FALSE(m.cpu().gif());
  CHECK(m.field(M::kRax) == 0x68ac);
  CHECK(m.cpu().gpr(3) == 0x5678);
  CHECK(m.cpu().gpr(15) == 0x68ac);
  CHECK(m.field(M::kRip) == kCode + 16);
  CHECK(m.field(M::kNextRip) == kCode + 19);
  CHECK(m.field(M::kRsp) == M::kStack);
  CHECK(m.field<std::uint8_t>(M::kCpl) == 0);
  CHECK(m.field<std::uint16_t>(M::kCs) == 8);
  CHECK(m.field<std::uint16_t>(M::kCs + 2) == 0xa9b);
  CHECK(m.cpu().instructions() == 4);
}

TEST_CASE("retired instructions are counted exactly, over loops and through exits") {
  // mov ecx, 100; l: add rbx, rcx; dec ecx; jnz l; vmmcall; inc rbx; vmmcall
  M m({0xb9, 100,  0,    0,    0,    0x48, 0x01, 0xcb, 0xff, 0xc9, 0x75,
       0xf9, 0x0f, 0x01, 0xd9, 0x48, 0xff, 0xc3, 0x0f, 0x01, 0xd9});
  REQUIRE(m.run() == kExitVmmcall);
  CHECK(m.cpu().instructions() == 301);
  CHECK(m.cpu().gpr(3) == 5050);
  REQUIRE(m.run() == kExitVmmcall);
  CHECK(m.cpu().instructions() == 301);
  m.skip_instruction();
  REQUIRE(m.run() == kExitVmmcall);
  CHECK(m.cpu().gpr(3) == 5051);
  CHECK(m.cpu().instructions() == 302);
}

TEST_CASE("a repeated instruction counts once for each element, and at least once") {
  for (const std::uint8_t n : {std::uint8_t{0}, std::uint8_t{1}, std::uint8_t{5}}) {
    CAPTURE(n);
    // mov edi, 0x400000; mov ecx, n; mov al, 7; rep stosb; inc rbx; vmmcall
    M m({0xbf, 0, 0,    0x40, 0,    0xb9, n,    0,    0,    0,
         0xb0, 7, 0xf3, 0xaa, 0x48, 0xff, 0xc3, 0x0f, 0x01, 0xd9});
    REQUIRE(m.run() == kExitVmmcall);
    CHECK(m.cpu().instructions() == 4U + (n == 0 ? 1U : n));
    CHECK(m.cpu().gpr(7) == 0x40'0000U + n);
    CHECK((m.word(0x40'0000) & 0xff) == (n == 0 ? 0 : 7));
  }
}

TEST_CASE("what cannot run is refused by VMRUN") {
  const auto refused = [](unsigned offset, std::uint64_t value) {
    M m({0xf4});
    m.field(offset) = value;
    return m.run() == kExitInvalid && m.field(0x070) == kExitInvalid;
  };
  CHECK(refused(M::kEfer, 0xd00));                // without SVME
  CHECK(refused(M::kCr0, 0x1'8001'0033));         // reserved bits
  CHECK(refused(M::kCr0, 0xa001'0033));           // NW without CD
  CHECK(refused(M::kCr4, 0x600));                 // long mode without PAE
  CHECK(refused(M::kAsid, 0));                    // the host's ASID
  CHECK(refused(M::kMoreIntercepts, 2));          // without VMRUN's intercept
  CHECK(refused(M::kCs, 0xffff'ffff'0e9b'0008));  // code of 64 and 32 bits
}

TEST_CASE("CPUID is the hypervisor's, or the processor's own") {
  // mov eax, 0x8000000a; cpuid; vmmcall
  const Code code{0xb8, 0x0a, 0, 0, 0x80, 0x0f, 0xa2, 0x0f, 0x01, 0xd9};
  M m(code);
  m.field<std::uint32_t>(M::kIntercepts) |= 1U << 18;
  REQUIRE(m.run() == kExitCpuid);
  CHECK(m.field(M::kRip) == kCode + 5);
  CHECK(m.field(M::kNextRip) == kCode + 7);
  CHECK(m.field(M::kRax) == 0x8000'000a);
  CHECK(m.cpu().instructions() == 1);
  M own(code);
  REQUIRE(own.run() == kExitVmmcall);
  CHECK(own.field(M::kRax) == 1);
  CHECK((own.cpu().gpr(2) & 9) == 9);  // nested paging, next RIP
  CHECK(own.cpu().cpuid(0x8000'000a).edx == own.cpu().gpr(2));
  CHECK(own.cpu().instructions() == 2);
}

TEST_CASE("HLT ends at the instruction, with or without the hypervisor") {
  M m({0xf4});
  m.field<std::uint32_t>(M::kIntercepts) |= 1U << 24;
  REQUIRE(m.run() == kExitHlt);
  CHECK(m.field(M::kRip) == kCode);
  CHECK(m.field(M::kNextRip) == kCode + 1);
  // Nobody intercepts: the CPU idles until the end of its turn.
  M own({0xf4});
  own.cpu().set_turn_end(1000);
  REQUIRE(own.run() == kExitIntr);
  CHECK(own.cpu().stopped_by_owner());
  CHECK(own.cpu().time() == 1000);
  CHECK(own.cpu().instructions() == 1);
  CHECK(own.field(M::kRip) == kCode + 1);
  M stuck({0xf4});
  REQUIRE(stuck.run() == 0x52);
  CHECK(stuck.cpu().guest_is_stuck());
}

TEST_CASE("MSRs trap by the bitmap, and are the processor's otherwise") {
  // mov ecx, 0xc0000102; mov eax, 0x1000; xor edx, edx; wrmsr; rdmsr; vmmcall
  const Code code{0xb9, 0x02, 0x01, 0x00, 0xc0, 0xb8, 0x00, 0x10, 0,   0,
                  0x31, 0xd2, 0x0f, 0x30, 0x0f, 0x32, 0x0f, 0x01, 0xd9};
  M m(code);
  m.field<std::uint32_t>(M::kIntercepts) |= 1U << 28;
  // The second range's, two bits for each: the read's and the write's.
  std::uint8_t& bits = *m.machine->memory().at(M::kMsrpm + 0x800 + 0x102 / 4);
  bits = 2U << 0x102 % 4 * 2;
  REQUIRE(m.run() == kExitMsr);
  CHECK(m.field(M::kExitInfo1) == 1);
  CHECK(m.field(M::kRip) == kCode + 12);
  bits = 1U << 0x102 % 4 * 2;
  REQUIRE(m.run() == kExitMsr);
  CHECK(m.field(M::kExitInfo1) == 0);
  CHECK(m.field(M::kRip) == kCode + 14);
  bits = 0;
  REQUIRE(m.run() == kExitVmmcall);
  CHECK(m.field(M::kRax) == 0x1000);
  m.cpu().vmsave(M::kVmcb);
  CHECK(m.field(0x620) == 0x1000);
  // MSRs beyond the bitmap always trap.
  M beyond({0xb9, 0, 0, 0, 0x40, 0x0f, 0x32});
  beyond.field<std::uint32_t>(M::kIntercepts) |= 1U << 28;
  REQUIRE(beyond.run() == kExitMsr);
}

TEST_CASE("ports trap by the bitmap, with all that the hypervisor has to know") {
  // mov dx, 0x3f8; out dx, al; in eax, 0x60; rep outsw
  M m({0x66, 0xba, 0xf8, 0x03, 0xee, 0xe5, 0x60, 0xf3, 0x66, 0x6f});
  m.field<std::uint32_t>(M::kIntercepts) |= 1U << 27;
  for (unsigned n = 0; n < 0x3000; n += 8) m.word(M::kIopm + n) = ~0ULL;
  m.cpu().set_gpr(1, 0x1234);
  REQUIRE(m.run() == kExitIoio);
  CHECK(m.field(M::kExitInfo1) == (0x3f8ULL << 16 | 1U << 9 | 1U << 4));
  CHECK(m.field(M::kExitInfo2) == kCode + 5);
  CHECK(m.field(M::kRip) == kCode + 4);
  CHECK(m.cpu().gpr(1) == 0x1234);
  CHECK(m.cpu().instructions() == 1);
  m.skip_instruction();
  REQUIRE(m.run() == kExitIoio);
  CHECK(m.field(M::kExitInfo1) == (0x60ULL << 16 | 1U << 9 | 1U << 6 | 1));
  m.skip_instruction();
  REQUIRE(m.run() == kExitIoio);
  // A string, repeated, of two bytes, from DS, with addresses of 64 bits.
  CHECK(m.field(M::kExitInfo1) == (0x3f8ULL << 16 | 3U << 10 | 1U << 9 | 1U << 5 | 3U << 2));
  // Nobody answers where nobody intercepts.
  M own({0x31, 0xc0, 0xe4, 0x60, 0x0f, 0x01, 0xd9});
  REQUIRE(own.run() == kExitVmmcall);
  CHECK(own.field(M::kRax) == 0xff);
}

TEST_CASE("control registers trap where they are written, and change translation") {
  // mov cr3, rax; vmmcall
  const Code code{0x0f, 0x22, 0xd8, 0x0f, 0x01, 0xd9};
  M m(code);
  m.field(M::kRax) = M::kTables;
  m.field<std::uint32_t>(M::kCrIntercepts) = 1U << 19;
  REQUIRE(m.run() == 0x13);
  CHECK(m.field(M::kRip) == kCode);
  m.field<std::uint32_t>(M::kCrIntercepts) = 0;
  REQUIRE(m.run() == kExitVmmcall);
  CHECK(m.field(M::kCr3) == M::kTables);
  // mov rax, cr0; vmmcall
  M read({0x0f, 0x20, 0xc0, 0x0f, 0x01, 0xd9});
  REQUIRE(read.run() == kExitVmmcall);
  CHECK(read.field(M::kRax) == 0x8001'0033);
  read.field(M::kRip) = kCode;
  read.field<std::uint32_t>(M::kCrIntercepts) = 1;
  REQUIRE(read.run() == 0x00);
  // mov cr8, rax; mov rbx, cr8; vmmcall
  M cr8({0x44, 0x0f, 0x22, 0xc0, 0x44, 0x0f, 0x20, 0xc3, 0x0f, 0x01, 0xd9});
  cr8.field(M::kRax) = 9;
  REQUIRE(cr8.run() == kExitVmmcall);
  CHECK(cr8.cpu().gpr(3) == 9);
  CHECK((cr8.field(M::kVirtualInterrupt) & 0xff) == 9);
}

TEST_CASE("nested page faults have the exact guest physical address") {
  // Guest physical 1 GiB and above is not there; the guest's own tables lead to it.
  const auto faults_with = [](const Code& code, std::uint64_t info1, std::uint64_t gpa) {
    M m(code);
    m.word(M::kTables + 0x1008) = 0x4000'0087;
    m.cpu().set_gpr(3, 0x4000'0000);
    REQUIRE(m.run() == kExitNpf);
    CHECK(m.field(M::kExitInfo1) == info1);
    CHECK(m.field(M::kExitInfo2) == gpa);
    CHECK(m.field(M::kRip) == kCode);
    CHECK(m.cpu().instructions() == 0);
  };
  constexpr std::uint64_t kFinal = 1ULL << 32 | 4;
  faults_with({0x8b, 0x43, 0x35}, kFinal, 0x4000'0035);                  // mov eax, [rbx+0x35]
  faults_with({0x88, 0x83, 0x23, 0x12, 0, 0}, kFinal | 2, 0x4000'1223);  // mov [rbx+0x1223], al
  faults_with({0xff, 0x43, 0x08}, kFinal | 2, 0x4000'0008);              // inc dword [rbx+8]
  faults_with({0x0f, 0x11, 0x43, 0x01}, kFinal | 2, 0x4000'0001);        // movups [rbx+1], xmm0
  // A fetch.
  M m({0xff, 0xe3});
  m.word(M::kTables + 0x1008) = 0x4000'0087;
  m.cpu().set_gpr(3, 0x4000'0123);
  REQUIRE(m.run() == kExitNpf);
  CHECK(m.field(M::kExitInfo1) == (kFinal | 0x10));
  CHECK(m.field(M::kExitInfo2) == 0x4000'0123);
  CHECK(m.field(M::kRip) == 0x4000'0123);
  CHECK(m.cpu().instructions() == 1);
  // An entry of the guest's tables.
  M tables({0x8b, 0x03});
  tables.word(M::kTables + 8) = 0x4000'2000 | 7;
  tables.cpu().set_gpr(3, 1ULL << 39);
  REQUIRE(tables.run() == kExitNpf);
  CHECK(tables.field(M::kExitInfo1) == (1ULL << 33 | 6));
  CHECK(tables.field(M::kExitInfo2) == 0x4000'2000);
}

TEST_CASE("an access of two pages is whole or not at all, and faults at its first refused byte") {
  // Four bytes in each of two pages, of which one is not there.
  const auto faults_at = [](const Code& code, bool first, std::uint64_t gpa) {
    CAPTURE(code[0]);
    CAPTURE(first);
    M m(code);
    constexpr std::uint64_t kBorder = 0x80'0000;
    m.field(M::kRax) = ~0ULL;
    m.word(M::kNested + 0x1000) = (M::kNested + 0x2000) | 7;  // pages of 2 MiB
    for (unsigned n = 0; n < 8; ++n) m.word(M::kNested + 0x2000 + n * 8) = n << 21 | 0x87;
    m.word(M::kNested + 0x2000 + (first ? 3 : 4) * 8) = 0;
    for (const std::uint64_t at : {kBorder - 8, kBorder}) m.word(at) = 0x1122'3344'5566'7788;
    m.cpu().set_gpr(3, kBorder - 4);
    m.cpu().set_gpr(7, kBorder - 4);
    m.field(M::kRsp) = code[0] == 0x50 ? kBorder + 4 : kBorder - 4;
    REQUIRE(m.run() == kExitNpf);
    CHECK(m.field(M::kExitInfo2) == gpa);
    for (const std::uint64_t at : {kBorder - 8, kBorder}) {
      CHECK(m.word(at) == 0x1122'3344'5566'7788);
    }
  };
  // mov [rbx], rax; mov rax, [rbx]; add [rbx], rax; stosq; push rax; pop rax
  for (const Code& code : {Code{0x48, 0x89, 0x03}, Code{0x48, 0x8b, 0x03}, Code{0x48, 0x01, 0x03},
                           Code{0x48, 0xab}, Code{0x50}, Code{0x58}}) {
    faults_at(code, true, 0x80'0000 - 4);
    faults_at(code, false, 0x80'0000);
  }
}

TEST_CASE("nothing of an instruction that faults is executed, nor what follows") {
  // mov [rbx], eax; mov eax, [rbx]; add [rbx], eax; xchg [rbx], eax; push [rbx]; each inc rbx
  for (const Code& access : {Code{0x89, 0x03}, Code{0x8b, 0x03}, Code{0x01, 0x03}, Code{0x87, 0x03},
                             Code{0xff, 0x33}, Code{0xf3, 0xa5}}) {
    M m(join({access, code::kIncRbx, code::kIncRbx, code::kVmmcall}));
    m.word(M::kTables + 0x1008) = 0x4000'0087;
    m.cpu().set_gpr(3, 0x4000'0000);
    m.cpu().set_gpr(6, 0x4000'0000);
    m.cpu().set_gpr(7, 0x50'0000);
    m.cpu().set_gpr(1, 3);
    m.field(M::kRax) = 0x1234;
    REQUIRE(m.run() == kExitNpf);
    CHECK(m.field(M::kExitInfo2) == 0x4000'0000);
    CHECK(m.field(M::kRip) == kCode);
    CHECK(m.cpu().gpr(3) == 0x4000'0000);
    CHECK(m.cpu().gpr(6) == 0x4000'0000);
    CHECK(m.cpu().gpr(1) == 3);
    CHECK(m.field(M::kRsp) == M::kStack);
    CHECK(m.field(M::kRax) == 0x1234);
    CHECK(m.cpu().instructions() == 0);
  }
}

TEST_CASE("the turn ends at an asynchronous point, the limit anywhere") {
  // l: inc rbx; inc rbx; inc rbx; jmp l
  const Code code{0x48, 0xff, 0xc3, 0x48, 0xff, 0xc3, 0x48, 0xff, 0xc3, 0xeb, 0xf5};
  M m(code);
  m.cpu().set_turn_end(1001);
  REQUIRE(m.run() == kExitIntr);
  CHECK(m.cpu().stopped_by_owner());
  CHECK(m.cpu().instructions() == 1004);
  CHECK(m.field(M::kRip) == kCode);
  m.cpu().set_turn_end(Pcpu::kNever);
  m.cpu().set_instruction_limit(2002);
  REQUIRE(m.run() == kExitIntr);
  CHECK(m.cpu().stopped_at_limit());
  CHECK(m.cpu().instructions() == 2002);
  CHECK(m.field(M::kRip) == kCode + 6);
  CHECK(m.cpu().gpr(3) == 1502);
}

TEST_CASE("the time-stamp counter counts instructions, with the control block's offset") {
  // inc rbx; inc rbx; rdtsc; vmmcall
  M m({0x48, 0xff, 0xc3, 0x48, 0xff, 0xc3, 0x0f, 0x31, 0x0f, 0x01, 0xd9});
  m.field(M::kTscOffset) = 0x5'0000'0000;
  REQUIRE(m.run() == kExitVmmcall);
  CHECK(m.field(M::kRax) == 2);
  CHECK(m.cpu().gpr(2) == 5);
}

}  // namespace
}  // namespace axvm::sim::x86_64::test
