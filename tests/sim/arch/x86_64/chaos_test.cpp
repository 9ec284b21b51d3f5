// Nothing visible depends on what the engine has cached, nor on how it cuts its blocks.

#include <doctest/doctest.h>

#include <string_view>

#include "guest_machine.hpp"

namespace axvm::sim::x86_64::test {
namespace {

using M = GuestMachine;

/// A simple digest of all that describe() names.
class Digest final : public StateVisitor {
 public:
  static std::uint64_t of(Machine& machine) {
    Digest d;
    machine.describe(d);
    return d.value_;
  }
  void enter(std::string_view name, std::uint64_t index) override {
    text(name);
    mix(index);
  }
  void leave() override { mix(1); }
  void field(std::string_view name, std::uint64_t& value) override {
    text(name);
    mix(value);
  }
  void bytes(std::string_view name, std::span<std::byte> value) override {
    text(name);
    for (const std::byte b : value) mix(static_cast<std::uint64_t>(b));
  }

 private:
  void text(std::string_view s) {
    for (const char c : s) mix(static_cast<unsigned char>(c));
  }
  void mix(std::uint64_t v) { value_ = (value_ ^ v) * 0x100000001b3ULL + (value_ >> 29); }
  std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

/// A bit of everything: loops, strings, stores into its own code, exceptions, calls, exits.
Code program() {
  return {
      0xb9, 200,  0,    0,    0,                 //   mov ecx, 200
      0x51,                                      // l: push rcx
      0xbf, 0x00, 0x00, 0x50, 0x00,              //   mov edi, 0x500000
      0x89, 0xc8,                                //   mov eax, ecx
      0x83, 0xe1, 0x07,                          //   and ecx, 7
      0xf3, 0xaa,                                //   rep stosb
      0x59,                                      //   pop rcx
      0x88, 0x0d, 0x01, 0x00, 0x00, 0x00,        //   mov [rip+1], cl: the next one's immediate
      0x05, 0x00, 0x00, 0x00, 0x00,              //   add eax, cl
      0x48, 0x01, 0xc3,                          //   add rbx, rax
      0x0f, 0x0b,                                //   ud2, which the handler skips
      0x0f, 0xa2,                                //   cpuid, of whatever eax is
      0x0f, 0x31,                                //   rdtsc
      0x48, 0x01, 0xc3,                          //   add rbx, rax
      0x8b, 0x0c, 0x24,                          //   mov ecx, [rsp]
      0xff, 0x04, 0x24,                          //   inc dword [rsp]
      0x81, 0x3c, 0x24, 0xc8, 0x00, 0x00, 0x00,  // cmp dword [rsp], 200
      0x72, 0xc3,                                //   jb l
      0x0f, 0x01, 0xd9,                          //   vmmcall
  };
}

struct Outcome {
  std::uint64_t exit;
  std::uint64_t instructions;
  std::uint64_t digest;
  bool operator==(const Outcome&) const = default;
};

Outcome run(std::uint64_t seed, std::uint64_t turn) {
  M m(program());
  // add qword [rsp], 2; iretq
  m.handle(6, {0x48, 0x83, 0x04, 0x24, 0x02, 0x48, 0xcf});
  m.cpu().set_chaos(seed);
  std::uint64_t exit = 0;
  for (unsigned n = 0; n < 10'000; ++n) {
    if (turn != 0) m.cpu().set_turn_end(m.cpu().time() + turn);
    exit = m.run();
    if (exit != kExitIntr) break;
  }
  m.cpu().set_turn_end(Pcpu::kNever);
  return {exit, m.cpu().instructions(), Digest::of(*m.machine)};
}

TEST_CASE("chaos is not visible") {
  const Outcome plain = run(0, 0);
  CHECK(plain.exit == kExitVmmcall);
  CHECK(plain.instructions > 3000);
  CHECK(run(0, 0) == plain);
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    const Outcome chaotic = run(seed, 0);
    CHECK(chaotic.exit == plain.exit);
    CHECK(chaotic.instructions == plain.instructions);
    CHECK(chaotic.digest == plain.digest);
  }
}

TEST_CASE("turns end at the same instructions, with chaos and without") {
  const Outcome plain = run(0, 37);
  CHECK(plain.exit == kExitVmmcall);
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    CHECK(run(seed, 37) == plain);
  }
}

TEST_CASE("a guest that stops at every instruction does what one does that never stops") {
  const Outcome plain = run(0, 0);
  M m(program());
  m.handle(6, {0x48, 0x83, 0x04, 0x24, 0x02, 0x48, 0xcf});
  std::uint64_t exit = kExitIntr;
  while (exit == kExitIntr) {
    m.cpu().set_instruction_limit(m.cpu().instructions() + 7);
    exit = m.run();
  }
  CHECK(exit == kExitVmmcall);
  CHECK(m.cpu().instructions() == plain.instructions);
  m.cpu().set_instruction_limit(Pcpu::kNever);
  CHECK(Digest::of(*m.machine) == plain.digest);
}

}  // namespace
}  // namespace axvm::sim::x86_64::test
