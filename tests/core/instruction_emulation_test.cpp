// Accesses to devices of which the syndrome tells nothing: the VMM reads the instruction.

#include <doctest/doctest.h>
#include <tests/core/vm_fixture.hpp>

using namespace axvm;
using namespace axvm::test;
using namespace axvm::exit_reason;

namespace {

constexpr std::uint64_t kNoSyndromeLoad = 0x9200'0007;   // translation fault at level 3, ISV 0
constexpr std::uint64_t kNoSyndromeStore = 0x9200'0047;  // the same, WnR
constexpr std::uint64_t kImsc = kUart + 0x38;
constexpr std::uint64_t kIds = kUart + 0xfe0;
/// The page before the console is memory: accesses may begin there.
constexpr std::uint64_t kBefore = kUart - kPageSize;

struct EmulationFixture : VmFixture {
  EmulationFixture() {
    memory.push_back({GuestPhysAddr(kBefore), kPageSize});
    memory.push_back({GuestPhysAddr(kUart + kPageSize), kPageSize, MappingFlags::Read});
    start();
    run<ExternalInterrupt>();
    hal.events.clear();
    cpu().set(SysReg::VBAR_EL1, kVectors);
    cpu().set(SysReg::DCZID_EL0, 4);
    for (unsigned n = 0; n < 31; ++n) cpu().gprs[n] = 0x1000'0000'0000'0000 + n;
  }
  /// The guest executes `word`, which aborts at `va` = `ipa`.
  void execute(std::uint32_t word, std::uint64_t esr, std::uint64_t va, std::uint64_t ipa) {
    put(kEntry, word);
    cpu().set(SysReg::ELR_EL2, kEntry);
    cpu().set(SysReg::PAR_EL1, 0x5a5a);
    trap(esr, va, ipa);
    hal.events.clear();
    run<ExternalInterrupt>();
    CHECK(cpu().get(SysReg::PAR_EL1) == 0x5a5a);
  }
  void execute(std::uint32_t word, std::uint64_t esr, std::uint64_t va) {
    execute(word, esr, va, va);
  }
  template <class T>
  void put(std::uint64_t gpa, T value) {
    REQUIRE(
        (*vm)->write_to_guest(GuestPhysAddr(gpa), std::as_writable_bytes(std::span(&value, 1))));
  }
  template <class T>
  T get(std::uint64_t gpa) {
    T value{};
    REQUIRE(
        (*vm)->read_from_guest(GuestPhysAddr(gpa), std::as_writable_bytes(std::span(&value, 1))));
    return value;
  }
  [[nodiscard]] bool done() { return cpu().get(SysReg::ELR_EL2) == kEntry + 4; }
  [[nodiscard]] std::vector<DeviceAccess> accesses() const { return hal.events_of<DeviceAccess>(); }
  static DeviceAccess read(std::uint64_t at, unsigned width, std::uint64_t data) {
    return {VmId(5), VcpuId(0), Bus::Mmio, false, static_cast<std::uint8_t>(width),
            at,      data,      "uart"};
  }
  static DeviceAccess write(std::uint64_t at, unsigned width, std::uint64_t data) {
    return {VmId(5), VcpuId(0), Bus::Mmio, true, static_cast<std::uint8_t>(width),
            at,      data,      "uart"};
  }
  void check_aborted(std::uint64_t esr, std::uint64_t far) {
    CHECK(cpu().get(SysReg::ELR_EL2) == kVectors + 0x200);
    CHECK(cpu().get(SysReg::ESR_EL1) == esr);
    CHECK(cpu().get(SysReg::FAR_EL1) == far);
    CHECK(cpu().get(SysReg::ELR_EL1) == kEntry);
  }
};

}  // namespace

TEST_CASE_FIXTURE(EmulationFixture, "a pair of loads is two accesses in order of address") {
  cpu().gprs[3] = kIds;
  execute(0x2940'0861, kNoSyndromeLoad, kIds);  // ldp w1, w2, [x3]
  CHECK(done());
  CHECK(accesses() == std::vector{read(kIds, 4, 0x11), read(kIds + 4, 4, 0x10)});
  CHECK(cpu().gprs[1] == 0x11);
  CHECK(cpu().gprs[2] == 0x10);
  CHECK(cpu().gprs[3] == kIds);
}

TEST_CASE_FIXTURE(EmulationFixture, "a pair of stores writes both registers, XZR as zero") {
  cpu().gprs[3] = kUart + 0x34;  // IFLS, IMSC
  cpu().gprs[1] = 0xffff'ffff'0000'0012;
  execute(0x2900'7c61, kNoSyndromeStore, kUart + 0x34);  // stp w1, wzr, [x3]
  CHECK(done());
  CHECK(accesses() == std::vector{write(kUart + 0x34, 4, 0x12), write(kImsc, 4, 0)});
}

TEST_CASE_FIXTURE(EmulationFixture, "pairs of signed words fill X registers") {
  cpu().gprs[3] = kIds;
  execute(0x6940'0861, kNoSyndromeLoad, kIds);  // ldpsw x1, x2, [x3]
  CHECK(done());
  CHECK(cpu().gprs[1] == 0x11);
}

TEST_CASE_FIXTURE(EmulationFixture, "write-back changes the base after the access") {
  cpu().gprs[1] = kImsc;
  cpu().gprs[0] = 0x7;
  execute(0xb800'4420, kNoSyndromeStore, kImsc);  // str w0, [x1], #4
  CHECK(done());
  CHECK(accesses() == std::vector{write(kImsc, 4, 7)});
  CHECK(cpu().gprs[1] == kImsc + 4);

  cpu().gprs[1] = kImsc - 4;
  execute(0xb840'4c22, kNoSyndromeLoad, kImsc);  // ldr w2, [x1, #4]!
  CHECK(done());
  CHECK(cpu().gprs[2] == 7);
  CHECK(cpu().gprs[1] == kImsc);
}

TEST_CASE_FIXTURE(EmulationFixture, "the base may be the stack pointer in use") {
  cpu().set(SysReg::SP_EL1, kImsc);
  cpu().set(SysReg::SP_EL0, 0);
  cpu().gprs[0] = 5;
  execute(0xb800'47e0, kNoSyndromeStore, kImsc);  // str w0, [sp], #4
  CHECK(done());
  CHECK(cpu().get(SysReg::SP_EL1) == kImsc + 4);
  CHECK(cpu().get(SysReg::SP_EL0) == 0);

  cpu().set(SysReg::SPSR_EL2, 0x3c4);  // EL1t
  cpu().set(SysReg::SP_EL0, kImsc);
  execute(0xb840'47e1, kNoSyndromeLoad, kImsc);  // ldr w1, [sp], #4
  CHECK(done());
  CHECK(cpu().gprs[1] == 5);
  CHECK(cpu().get(SysReg::SP_EL0) == kImsc + 4);
}

TEST_CASE_FIXTURE(EmulationFixture, "SIMD registers of every width reach devices") {
  const struct {
    std::uint32_t store, load;  // str/ldr ?0, [x1] and ?2
    std::vector<unsigned> widths;
  } forms[] = {{0x3d00'0020, 0x3d40'0022, {1}},
               {0x7d00'0020, 0x7d40'0022, {2}},
               {0xbd00'0020, 0xbd40'0022, {4}},
               {0xfd00'0020, 0xfd40'0022, {8}},
               {0x3d80'0020, 0x3dc0'0022, {8, 8}}};
  for (const auto& form : forms) {
    cpu().gprs[1] = kImsc;
    cpu().vregs[0] = {0x1111'2222'3333'0405, 0x5555'6666'7777'8888};
    cpu().vregs[2] = {~0ULL, ~0ULL};
    execute(form.store, kNoSyndromeStore, kImsc);
    CHECK(done());
    REQUIRE(accesses().size() == form.widths.size());
    for (std::size_t n = 0; n < form.widths.size(); ++n) {
      CHECK(accesses()[n].width == form.widths[n]);
      const std::uint64_t half = n == 0 ? cpu().vregs[0].low : cpu().vregs[0].high;
      CHECK(accesses()[n].data == truncate(half, *access_width(form.widths[n])));
    }
    execute(form.load, kNoSyndromeLoad, kImsc);
    CHECK(done());
    CHECK(cpu().vregs[2].high == 0);
    CHECK(cpu().vregs[2].low == accesses()[0].data);
  }
}

TEST_CASE_FIXTURE(EmulationFixture, "big-endian guests see each register's bytes in their order") {
  cpu().set(SysReg::SCTLR_EL1, 1ULL << 25);
  cpu().gprs[3] = kIds;
  execute(0x2940'0861, kNoSyndromeLoad, kIds);  // ldp w1, w2, [x3]
  CHECK(done());
  CHECK(cpu().gprs[1] == 0x1100'0000);
  CHECK(cpu().gprs[2] == 0x1000'0000);
  cpu().gprs[1] = kImsc;
  cpu().vregs[0] = {0x1122'3344'5566'7788, 0x99aa'bbcc'ddee'ff00};
  execute(0x3d80'0020, kNoSyndromeStore, kImsc);  // str q0, [x1]
  CHECK(accesses() == std::vector{write(kImsc, 8, 0x00ff'eedd'ccbb'aa99),
                                  write(kImsc + 8, 8, 0x8877'6655'4433'2211)});
}

TEST_CASE_FIXTURE(EmulationFixture, "an access may begin in memory and end in a device") {
  put<std::uint32_t>(kUart - 4, 0xa1b2'c3d4);
  hal.input = "Z";
  cpu().gprs[1] = kUart - 4;
  execute(0xf940'0020, kNoSyndromeLoad, kUart);  // ldr x0, [x1]: FR… DR holds a byte
  CHECK(done());
  CHECK(cpu().gprs[0] == (std::uint64_t{'Z'} << 32 | 0xa1b2'c3d4));
  CHECK(accesses() == std::vector{read(kUart, 4, 'Z')});

  cpu().gprs[0] = 0x4100'0000'0000;  // 'A' is byte 5
  cpu().gprs[1] = kUart - 5;
  execute(0xf900'0020, kNoSyndromeStore, kUart);  // str x0, [x1]
  CHECK(done());
  CHECK(hal.output == "A");
  CHECK(get<std::uint32_t>(kUart - 5) == 0);
  CHECK(accesses() == std::vector{write(kUart, 2, 0x41), write(kUart + 2, 1, 0)});
}

TEST_CASE_FIXTURE(EmulationFixture,
                  "a described access at a page's start may have begun before it") {
  put<std::uint16_t>(kUart - 2, 0xbeef);
  hal.input = "Z";
  cpu().gprs[1] = kUart - 2;
  const std::uint64_t esr = kNoSyndromeLoad | (1 << 24) | (2 << 22);  // ISV, word, SRT 0
  execute(0xb940'0020, esr, kUart);                                   // ldr w0, [x1]
  CHECK(done());
  CHECK(cpu().gprs[0] == (std::uint64_t{'Z'} << 16 | 0xbeef));
}

TEST_CASE_FIXTURE(EmulationFixture, "of two halves each goes by its own rules") {
  const std::uint64_t end = kUart + kPageSize;  // read-only memory behind the device
  cpu().gprs[1] = end - 4;
  cpu().gprs[0] = 1;
  execute(0xf900'0020, kNoSyndromeStore, end - 4);  // str x0, [x1]
  check_aborted(0x9600'0050, end);
  CHECK(accesses().empty());

  cpu().gprs[1] = end - 4;
  execute(0xf940'0020, kNoSyndromeLoad, end - 4);  // ldr x0, [x1]
  CHECK(done());
  CHECK(cpu().gprs[0] == 0xb1);

  // Stage 1 has no page there: the guest sees its own fault, at the address of the second half.
  cpu().stage1 = [=](std::uint64_t va, unsigned, bool) {
    return va >= end && va < kGuestRam ? 1 | (0b000111ULL << 1) : va & ~0xfffULL;
  };
  cpu().gprs[1] = end - 4;
  execute(0xf940'0020, kNoSyndromeLoad, end - 4);
  check_aborted(0x9600'0007, end);
}

TEST_CASE_FIXTURE(EmulationFixture, "the other half is translated as the instruction accesses it") {
  unsigned level = 9;
  bool writes = false;
  cpu().stage1 = [&](std::uint64_t va, unsigned el, bool write) {
    if ((va & ~0xfffULL) == kBefore) level = el, writes = write;
    return va & ~0xfffULL;
  };
  cpu().gprs[1] = kUart - 4;
  execute(0xf800'0820, kNoSyndromeStore, kUart);  // sttr x0, [x1]
  CHECK(done());
  CHECK(level == 0);
  CHECK(writes);
  execute(0xf940'0020, kNoSyndromeLoad, kUart);  // ldr x0, [x1]
  CHECK(level == 1);
  CHECK_FALSE(writes);
}

TEST_CASE_FIXTURE(EmulationFixture, "addresses may carry tags") {
  const std::uint64_t tag = 0xab00'0000'0000'0000;
  cpu().gprs[1] = tag | kImsc;
  cpu().gprs[0] = 3;
  cpu().stage1 = [](std::uint64_t va, unsigned, bool) { return va & 0xffff'f000; };
  execute(0xb800'4420, kNoSyndromeStore, kImsc);  // str w0, [x1], #4
  CHECK(done());
  CHECK(cpu().gprs[1] == (tag | (kImsc + 4)));
}

TEST_CASE_FIXTURE(EmulationFixture, "DC ZVA writes zeroes over its block") {
  cpu().gprs[5] = kUart + 0x3c;
  execute(0xd50b'7425, kNoSyndromeStore, kUart + 0x3c);  // dc zva, x5
  CHECK(done());
  REQUIRE(accesses().size() == 8);
  CHECK(accesses().front() == write(kUart, 8, 0));
  CHECK(accesses().back() == write(kUart + 0x38, 8, 0));
}

TEST_CASE_FIXTURE(EmulationFixture, "hints are stepped over") {
  execute(0xf980'0020, kNoSyndromeLoad, kUart);  // prfm pldl1keep, [x1]
  CHECK(done());
  CHECK(accesses().empty());
}

TEST_CASE_FIXTURE(EmulationFixture, "indivisible accesses to devices abort") {
  for (const std::uint32_t word : {0x885f'7c20U, 0xf8e0'0020U, 0x88a0'7c20U, 0x4c40'7820U}) {
    execute(word, kNoSyndromeLoad, kImsc);  // ldxr, ldaddal, cas, ld1
    check_aborted(0x9600'0010, kImsc);
    CHECK(accesses().empty());
  }
}

TEST_CASE_FIXTURE(EmulationFixture,
                  "an instruction that did not abort is repeated once, then aborts") {
  const auto again = [&](std::uint32_t word, std::uint64_t esr) {
    execute(word, esr, kImsc);
    CHECK(cpu().get(SysReg::ELR_EL2) == kEntry);
    put(kEntry, word);
    trap(esr, kImsc, kImsc);
    trap(esr, kImsc, kImsc);
    run<ExternalInterrupt>();
    CHECK(cpu().get(SysReg::ELR_EL1) == kEntry);
    CHECK(cpu().get(SysReg::FAR_EL1) == kImsc);
    CHECK(cpu().get(SysReg::ELR_EL2) == kVectors + 0x200);
  };
  again(0xd503'201f, kNoSyndromeLoad);  // nop: the other CPU was faster
  cpu().gprs[1] = kGuestRam;
  again(0xb800'4420, kNoSyndromeStore);  // another page
  cpu().gprs[1] = kImsc;
  again(0xb840'4420, kNoSyndromeStore);  // another direction
  CHECK(cpu().gprs[1] == kImsc);
  // The instruction is not to be read at all.
  cpu().stage1 = [](std::uint64_t, unsigned, bool) { return std::uint64_t{1 | (0b000111 << 1)}; };
  again(0xb840'4420, kNoSyndromeLoad);
}

TEST_CASE_FIXTURE(EmulationFixture, "a register is loaded only when all of its bytes are there") {
  cpu().gprs[1] = kUart + kPageSize - 4;
  cpu().gprs[2] = 77;
  (*vm)->write_to_guest(GuestPhysAddr(kEntry), {});
  execute(0xa940'0c22, kNoSyndromeLoad, kUart + kPageSize - 4);  // ldp x2, x3, [x1]
  CHECK(done());
  CHECK(cpu().gprs[2] == 0xb1);
  CHECK(cpu().gprs[3] == 0);
}

TEST_CASE_FIXTURE(EmulationFixture,
                  "memory that runs out while an access is carried out fails the run") {
  put(kEntry, 0xf900'0020U);  // str x0, [x1]
  cpu().gprs[1] = kUart - 4;
  trap(kNoSyndromeStore, kUart, kUart);
  hal.budget = 0;
  CHECK((*vm)->run_vcpu(VcpuId(0)).error().kind == ErrorKind::NoMemory);
  CHECK(cpu().get(SysReg::ELR_EL2) == kEntry);
  CHECK(hal.output.empty());
}
