// Events: intercepted, injected, and delivered to the guest in all modes.

#include <doctest/doctest.h>

#include "guest_machine.hpp"

namespace axvm::sim::x86_64::test {
namespace {

using M = GuestMachine;
constexpr std::uint64_t kCode = M::kCode;
constexpr std::uint64_t kRf = 1ULL << 16;

/// The words on the guest's stack, from its top.
std::uint64_t stack(M& m, unsigned n) { return m.word(m.field(M::kRsp) + 8 * n); }

std::uint64_t handler(unsigned vector) { return M::kHandlers + vector * 64; }

TEST_CASE("an exception goes through its gate in long mode") {
  M m({0x0f, 0x0b});  // ud2
  m.handle(6, code::kVmmcall);
  m.field(M::kRsp) = M::kStack + 8;
  m.field(M::kRflags) = 0x202;
  REQUIRE(m.run() == kExitVmmcall);
  CHECK(m.field(M::kRip) == handler(6));
  CHECK(m.field(M::kRsp) == M::kStack - 40);  // aligned to 16 bytes first
  CHECK(stack(m, 0) == kCode);
  CHECK(stack(m, 1) == 0x08);
  CHECK(stack(m, 2) == (0x202 | kRf));
  CHECK(stack(m, 3) == M::kStack + 8);
  CHECK(stack(m, 4) == 0x10);
  CHECK(m.field(M::kRflags) == 2);
  CHECK(m.cpu().instructions() == 0);
}

TEST_CASE("an intercepted exception leaves the guest as it is") {
  M m({0x0f, 0x0b});
  m.field<std::uint32_t>(M::kExceptions) = 1U << 6 | 1U << 13 | 1U << 14;
  REQUIRE(m.run() == 0x46);
  CHECK(m.field(M::kRip) == kCode);
  CHECK(m.field(M::kExitIntInfo) == 0);
  // mov rax, [rbx], with an address that is not canonical, and with one that is not mapped
  m.put(kCode, {0x48, 0x8b, 0x03});
  m.cpu().set_gpr(3, 1ULL << 62);
  REQUIRE(m.run() == 0x4d);
  CHECK(m.field(M::kExitInfo1) == 0);
  m.cpu().set_gpr(3, 0x7'0000'0321);
  REQUIRE(m.run() == 0x4e);
  CHECK(m.field(M::kExitInfo1) == 0);
  CHECK(m.field(M::kExitInfo2) == 0x7'0000'0321);
  CHECK(m.field(M::kCr2) == 0);
}

TEST_CASE("a page fault has its address in CR2 and its error on the stack") {
  // add [rbx+4], eax, by user code
  M m({0x01, 0x43, 0x04});
  m.handle(14, code::kVmmcall);
  m.segment(M::kCs, 0x2b, 0xafb, ~0U, 0);
  m.segment(M::kSs, 0x23, 0xcf3, ~0U, 0);
  m.field<std::uint8_t>(M::kCpl) = 3;
  m.cpu().set_gpr(3, 0x7'0000'0000);
  REQUIRE(m.run() == kExitVmmcall);
  CHECK(m.field(M::kCr2) == 0x7'0000'0004);
  CHECK(m.field<std::uint8_t>(M::kCpl) == 0);
  // On RSP0, with the error code: a user's write.
  CHECK(m.field(M::kRsp) == M::kStack + 0x1'0000 - 48);
  CHECK(stack(m, 0) == 6);
  CHECK(stack(m, 1) == kCode);
  CHECK(stack(m, 2) == 0x2b);
  CHECK(stack(m, 4) == M::kStack);
  CHECK(stack(m, 5) == 0x23);
  CHECK(m.field<std::uint16_t>(M::kSs) == 0);
}

TEST_CASE("a gate may ask for a stack of its own") {
  M m({0xcd, 0x80});  // int 0x80
  m.handle(0x80, code::kVmmcall, 2);
  m.word(M::kTss + 36 + 8) = 0x44'0000;
  REQUIRE(m.run() == kExitVmmcall);
  CHECK(m.field(M::kRsp) == 0x44'0000 - 40);
  CHECK(stack(m, 0) == kCode + 2);
  CHECK(stack(m, 2) == 2);  // a trap: without RF
}

TEST_CASE("INT n respects the gate's privilege, and its intercept") {
  M m({0xcd, 0x80});
  m.handle(0x80, code::kVmmcall);
  m.word(M::kIdt + 16 * 0x80) &= ~(3ULL << 45);  // DPL 0
  m.handle(13, code::kVmmcall);
  m.segment(M::kCs, 0x2b, 0xafb, ~0U, 0);
  m.segment(M::kSs, 0x23, 0xcf3, ~0U, 0);
  m.field<std::uint8_t>(M::kCpl) = 3;
  REQUIRE(m.run() == kExitVmmcall);
  CHECK(m.field(M::kRip) == handler(13));
  CHECK(stack(m, 0) == 0x80 * 8 + 2);
  CHECK(stack(m, 1) == kCode);
  M intercepted({0xcd, 0x80});
  intercepted.field<std::uint32_t>(M::kIntercepts) |= 1U << 21;
  REQUIRE(intercepted.run() == 0x75);
  CHECK(intercepted.field(M::kExitInfo1) == 0x80);
  CHECK(intercepted.field(M::kNextRip) == kCode + 2);
}

TEST_CASE("a fault while a fault is delivered is a double fault, and then the end") {
  M m({0x0f, 0x0b});
  m.handle(8, code::kVmmcall, 1);
  m.word(M::kTss + 36) = 0x44'0000;
  m.field(M::kRsp) = 0x7'0000'0000;  // no stack: #PF by #UD, which is benign
  m.handle(6, code::kVmmcall);
  m.handle(14, code::kVmmcall);  // nor is there one for it
  REQUIRE(m.run() == kExitVmmcall);
  CHECK(m.field(M::kRip) == handler(8));
  CHECK(stack(m, 0) == 0);
  CHECK(stack(m, 1) == kCode);
  CHECK(m.field(M::kCr2) == 0x7'0000'0000 - 48);
  M triple({0x0f, 0x0b});
  triple.segment(M::kIdtr, 0, 0, 0, M::kIdt);
  CHECK(triple.run() == kExitShutdown);
  CHECK(triple.field(M::kRip) == kCode);
}

TEST_CASE("what was being delivered when the guest was left is told") {
  M m({0xcd, 0x80});
  m.handle(0x80, code::kVmmcall);
  m.word(M::kTables + 0x1008) = 0x4000'0087;
  m.field(M::kRsp) = 0x4000'1000;
  REQUIRE(m.run() == kExitNpf);
  CHECK(m.field(M::kExitInfo2) == 0x4000'0fd8);
  CHECK(m.field(M::kExitInfo1) == (1ULL << 32 | 6));
  CHECK(m.field(M::kExitIntInfo) == (1ULL << 31 | 4U << 8 | 0x80));
  CHECK(m.field(M::kRip) == kCode);
}

TEST_CASE("events are injected by VMRUN") {
  M m({0x90, 0x0f, 0x01, 0xd9});
  m.handle(0x41, code::kVmmcall);
  m.handle(13, code::kVmmcall);
  m.field(M::kRflags) = 0x202;
  m.field(M::kEventInjection) = 1ULL << 31 | 0x41;
  REQUIRE(m.run() == kExitVmmcall);
  CHECK(m.field(M::kRip) == handler(0x41));
  CHECK(stack(m, 0) == kCode);
  CHECK(stack(m, 2) == 0x202);
  CHECK((m.field(M::kEventInjection) >> 31 & 1) == 0);
  m.field(M::kRip) = kCode;
  m.field(M::kEventInjection) = 0x1234ULL << 32 | 1ULL << 31 | 1U << 11 | 3U << 8 | 13;
  REQUIRE(m.run() == kExitVmmcall);
  CHECK(m.field(M::kRip) == handler(13));
  CHECK(stack(m, 0) == 0x1234);
  CHECK(stack(m, 1) == kCode);
  // No exception has the vector 40.
  m.field(M::kEventInjection) = 1ULL << 31 | 3U << 8 | 40;
  CHECK(m.run() == kExitInvalid);
}

TEST_CASE("a virtual interrupt waits for IF and for the shadow of STI to end") {
  // inc rbx; sti; inc rbx; inc rbx; vmmcall
  M m({0x48, 0xff, 0xc3, 0xfb, 0x48, 0xff, 0xc3, 0x48, 0xff, 0xc3, 0x0f, 0x01, 0xd9});
  m.handle(0x50, code::kVmmcall);
  m.field(M::kVirtualInterrupt) = 0x50ULL << 32 | 1ULL << 24 | 1ULL << 20 | 1ULL << 8;
  REQUIRE(m.run() == kExitVmmcall);
  CHECK(m.field(M::kRip) == handler(0x50));
  CHECK(m.cpu().gpr(3) == 2);
  CHECK(stack(m, 0) == kCode + 7);
  CHECK((m.field(M::kVirtualInterrupt) >> 8 & 1) == 0);
  // Of a priority that is not above the TPR it waits.
  M masked({0xfb, 0x90, 0x90, 0x0f, 0x01, 0xd9});
  masked.field(M::kVirtualInterrupt) = 0x50ULL << 32 | 1ULL << 24 | 5U << 16 | 1U << 8 | 5;
  REQUIRE(masked.run() == kExitVmmcall);
  CHECK(masked.field(M::kRip) == kCode + 3);
  // The hypervisor may want to know when one would be taken.
  M window({0xfb, 0x90, 0x90, 0x0f, 0x01, 0xd9});
  window.field(M::kVirtualInterrupt) = 0x50ULL << 32 | 1ULL << 24 | 1ULL << 20 | 1ULL << 8;
  window.field<std::uint32_t>(M::kIntercepts) |= 1U << 4;
  REQUIRE(window.run() == 0x64);
  CHECK(window.field(M::kRip) == kCode + 2);
  CHECK((window.field(M::kVirtualInterrupt) >> 8 & 1) == 1);
}

/// A guest in real mode, of which CS:IP is the code.
void enter_real_mode(M& m) {
  m.field(M::kCr0) = 0x10;
  m.field(M::kCr4) = 0;
  m.field(M::kEfer) = 1ULL << 12;
  for (unsigned at = 0x400; at < 0x460; at += 0x10) m.segment(at, 0, 0x93, 0xffff, 0);
  m.segment(M::kCs, 0xf000, 0x9b, 0xffff, 0xf'0000);
  m.segment(M::kIdtr, 0, 0, 0x3ff, 0x8'0000);
  m.field(M::kRip) = 0x100;
  m.field(M::kRsp) = 0x7c00;
}

TEST_CASE("real mode has vectors instead of gates") {
  M m({});
  enter_real_mode(m);
  // mov bx, 7; int 0x10; vmmcall -- and there: add bx, 1; iret
  m.put(0xf'0100, {0xbb, 7, 0, 0xcd, 0x10, 0x0f, 0x01, 0xd9});
  m.put(0x9'0020, {0x83, 0xc3, 0x01, 0xcf});
  m.word(0x8'0000 + 4 * 0x10) = 0x9000'0020;
  REQUIRE(m.run() == kExitVmmcall);
  CHECK(m.cpu().gpr(3) == 8);
  CHECK(m.field(M::kRip) == 0x105);
  CHECK(m.field<std::uint16_t>(M::kCs) == 0xf000);
  CHECK(m.field(M::kCs + 8) == 0xf'0000);
  CHECK(m.field(M::kRsp) == 0x7c00);
  CHECK(m.cpu().instructions() == 3);  // INT is an event, not retired
  CHECK((m.word(0x7c00 - 6) & 0xffff'ffff) == 0xf000'0105);
}

TEST_CASE("protected mode of 32 bits: gates, and stacks by privilege") {
  M m({});
  m.field(M::kCr0) = 0x11;
  m.field(M::kCr4) = 0;
  m.field(M::kEfer) = 1ULL << 12;
  m.segment(M::kCs, 0x33, 0xcfb, ~0U, 0);
  m.segment(M::kSs, 0x23, 0xcf3, ~0U, 0);
  m.field<std::uint8_t>(M::kCpl) = 3;
  m.word(M::kGdt + 0x30) = 0x00cf'fb00'0000'ffff;
  m.word(M::kTss + 4) = 0x10ULL << 32 | 0x66'0000;  // SS0:ESP0
  // inc ebx; int 0x21; the handler is at 0x310000, in code of CPL 0
  m.put(kCode, {0x43, 0xcd, 0x21});
  m.put(0x31'0000, code::kVmmcall);
  m.word(M::kIdt + 8 * 0x21) = 0x0031'ee00'0018'0000;
  m.field(M::kRflags) = 0x202;
  REQUIRE(m.run() == kExitVmmcall);
  CHECK(m.field(M::kRip) == 0x31'0000);
  CHECK(m.field<std::uint16_t>(M::kCs) == 0x18);
  CHECK(m.field<std::uint16_t>(M::kSs) == 0x10);
  CHECK(m.field<std::uint8_t>(M::kCpl) == 0);
  CHECK(m.field(M::kRsp) == 0x66'0000 - 20);
  CHECK(m.word(0x66'0000 - 20) == (0x33ULL << 32 | (kCode + 3)));
  CHECK(m.word(0x66'0000 - 12) == (M::kStack << 32 | 0x202));
  CHECK((m.word(0x66'0000 - 4) & 0xffff'ffff) == 0x23);
  CHECK(m.field(M::kRflags) == 2);
}

TEST_CASE("SYSCALL and SYSRET change rings by the MSRs that VMLOAD has loaded") {
  // At CPL 3: syscall; inc rbx; int3 -- the kernel: inc r8; sysretq
  M m({0x0f, 0x05, 0x48, 0xff, 0xc3, 0xcc});
  m.put(M::kHandlers, {0x49, 0xff, 0xc0, 0x48, 0x0f, 0x07});
  m.field(0x600) = 0x18ULL << 48 | 0x08ULL << 32;  // STAR
  m.field(0x608) = M::kHandlers;                   // LSTAR
  m.field(0x618) = 1U << 9;                        // SFMASK
  m.cpu().vmload(M::kVmcb);
  m.segment(M::kCs, 0x2b, 0xafb, ~0U, 0);
  m.segment(M::kSs, 0x23, 0xcf3, ~0U, 0);
  m.field<std::uint8_t>(M::kCpl) = 3;
  m.field(M::kRflags) = 0x202;
  m.field<std::uint32_t>(M::kExceptions) = 1U << 3;
  REQUIRE(m.run() == 0x43);
  CHECK(m.field(M::kRip) == kCode + 5);
  CHECK(m.cpu().gpr(1) == kCode + 2);
  CHECK(m.cpu().gpr(11) == 0x202);
  CHECK(m.cpu().gpr(3) == 1);
  CHECK(m.cpu().gpr(8) == 1);
  CHECK(m.field<std::uint8_t>(M::kCpl) == 3);
  CHECK(m.field<std::uint16_t>(M::kCs) == 0x2b);
  CHECK(m.cpu().instructions() == 4);
}

}  // namespace
}  // namespace axvm::sim::x86_64::test
