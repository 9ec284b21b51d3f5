// The engine as a bare core: its hidden state, and what it leaves to us.

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <sim/arch/x86_64/engine.hpp>
#include <sim/arch/x86_64/registers.hpp>
#include <utility>
#include <vector>

namespace axvm::sim::x86_64::test {
namespace {

constexpr std::uint64_t kCode = 0x1000;

/// An engine whose addresses are physical, in long mode unless it is told otherwise.
struct Bare {
  Bare() : memory(make()), engine(std::move(*Engine::open(memory))) {
    add(
        UC_HOOK_TLB_FILL,
        +[](uc_engine*, std::uint64_t va, uc_mem_type, uc_tlb_entry* entry, void*) {
          entry->paddr = va;
          entry->perms = UC_PROT_ALL;
          return va < kSize;
        });
    add(
        UC_HOOK_INTR, +[](uc_engine*, std::uint32_t n, void* self) {
          static_cast<Bare*>(self)->number = n;
          static_cast<Bare*>(self)->engine.stop();
        });
    engine.change([](EngineContext& c) {
      EngineHead& head = c.head();
      head.cr[0] = cr0::PE | cr0::PG | cr0::ET;
      head.cr[4] = cr4::PAE;
      head.efer = efer::LME | efer::LMA;
      for (EngineSegment& s : head.segments) s = {0, 0, 0, 0xffff'ffff, 0xc0'9300};
      head.segments[kCs].flags = 0xa0'9b00;
      head.hflags = hidden_flags(head, 0);
    });
  }
  template <class Function>
  void add(int type, Function* function) {
    uc_hook hook = 0;
    uc_hook_add(engine.handle(), &hook, type, reinterpret_cast<void*>(function), this, 1, 0);
  }
  static PhysicalMemory make() {
    const std::array<PhysicalMemory::Bank, 1> banks{{{0, kSize}}};
    return std::move(PhysicalMemory::create(banks).value());
  }
  std::uint32_t run(const std::vector<std::uint8_t>& code) {
    std::memcpy(memory.at(kCode), code.data(), code.size());
    engine.flush_code();
    number = 0;
    engine.run(kCode);
    return number;
  }

  static constexpr std::uint64_t kSize = 0x10000;
  PhysicalMemory memory;
  Engine engine;
  std::uint32_t number = 0;
};

TEST_CASE("sensitive instructions are told, and not executed") {
  Bare b;
  using Code = std::vector<std::uint8_t>;
  const std::pair<Code, std::uint32_t> cases[] = {
      {{0x0f, 0xa2}, 0x72},        // cpuid
      {{0xf4}, 0x78},              // hlt
      {{0x0f, 0x32}, 0x7c},        // rdmsr
      {{0x0f, 0x22, 0xc0}, 0x10},  // mov cr0, rax
      {{0x0f, 0x22, 0xd8}, 0x13},  // mov cr3, rax
      {{0x0f, 0x22, 0xe0}, 0x14},  // mov cr4, rax
      {{0x0f, 0x23, 0xf8}, 0x37},  // mov dr7, rax
      {{0x0f, 0x01, 0x38}, 0x79},  // invlpg [rax]
      {{0xcd, 0x80}, 0x75},        // int 0x80
      {{0x0f, 0x0b}, 0x46},        // ud2
      {{0x0f, 0x01, 0xd9}, 0x46},  // vmmcall, without SVM
      {{0xf7, 0xf1}, 0x40},        // div ecx
  };
  for (const auto& [code, exit] : cases) {
    CAPTURE(exit);
    CHECK(b.run(code) == kInterceptBase + exit);
    CHECK(b.engine.rip() == kCode);
  }
}

TEST_CASE("registers, flags and MSRs survive a change of the context") {
  Bare b;
  b.engine.set_gpr(kRbx, 0x1234'5678'9abc'def0);
  b.engine.set_gpr(15, 7);
  b.engine.change([](EngineContext& c) {
    set_rflags(c.head(), rflags::CF | rflags::IF | rflags::DF | 1U << 7 | rflags::AC);
    c.set_msr(EngineMsr::SysenterCs, 0x10);
    c.set_msr(EngineMsr::SysenterEsp, 0x1111'2222'3333);
    c.set_msr(EngineMsr::KernelGsBase, 0x4444'5555'6666);
  });
  CHECK(b.engine.gpr(kRbx) == 0x1234'5678'9abc'def0);
  CHECK(b.engine.gpr(15) == 7);
  CHECK(b.engine.rflags() ==
        (rflags::ONE | rflags::CF | rflags::IF | rflags::DF | 1U << 7 | rflags::AC));
  EngineContext& c = b.engine.look();
  CHECK(c.msr(EngineMsr::SysenterCs) == 0x10);
  CHECK(c.msr(EngineMsr::SysenterEsp) == 0x1111'2222'3333);
  CHECK(c.msr(EngineMsr::KernelGsBase) == 0x4444'5555'6666);
}

TEST_CASE("code runs in the mode that the segments say") {
  // inc eax in 16 and 32 bits, a prefix of the next in 64; hlt.
  constexpr std::uint8_t kIncOrPrefix = 0x40;
  Bare b;
  b.engine.set_gpr(kRax, 0xffff'ffff);
  CHECK(b.run({kIncOrPrefix, 0xf4}) == kInterceptBase + 0x78);
  CHECK(b.engine.rip() == kCode);
  const auto enter = [&](std::uint32_t attributes, std::uint64_t control) {
    b.engine.change([&](EngineContext& c) {
      EngineHead& head = c.head();
      head.cr[0] = control;
      head.cr[4] = head.efer = 0;
      head.segments[kCs].flags = attributes;
      head.hflags = hidden_flags(head, 0);
      head.gpr[kRax] = 0xffff;
    });
    CHECK(b.run({kIncOrPrefix, 0xf4}) == kInterceptBase + 0x78);
    CHECK(b.engine.rip() == kCode + 1);
  };
  enter(0xc0'9b00, cr0::PE);
  CHECK(b.engine.gpr(kRax) == 0x1'0000);
  enter(0x00'9b00, 0);
  CHECK(b.engine.gpr(kRax) == 0);
}

TEST_CASE("an instruction can be left from inside its hook") {
  Bare b;
  uc_hook hook = 0;
  using OutHook = void (*)(uc_engine*, std::uint32_t, int, std::uint32_t, void*);
  const OutHook out = [](uc_engine*, std::uint32_t, int, std::uint32_t, void* self) {
    static_cast<Bare*>(self)->engine.abandon_instruction();
  };
  uc_hook_add(b.engine.handle(), &hook, UC_HOOK_INSN, reinterpret_cast<void*>(out), &b,
              std::uint64_t{1}, std::uint64_t{0}, UC_X86_INS_OUT);
  CHECK(b.run({0xff, 0xc3, 0xe6, 0x80, 0xff, 0xc3, 0xf4}) == kInterceptBase + 0x7c);
  CHECK(b.engine.rip() == kCode + 2);
  CHECK(b.engine.gpr(kRbx) == 1);
  CHECK(b.engine.gpr(kRcx) == Engine::kAbandoned);
}

}  // namespace
}  // namespace axvm::sim::x86_64::test
