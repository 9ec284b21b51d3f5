// Instructions that trap or fault although the engine would execute them (DDI 0487 D1.3.5, D7.5.9,
// D24.2).

#include <doctest/doctest.h>

#include <initializer_list>

#include "guest_machine.hpp"

namespace axvm::sim::aarch64 {
namespace {

constexpr std::uint64_t kCode = GuestMachine::kCode;
constexpr std::uint64_t kVectors = GuestMachine::kRam + 0x1000;
constexpr std::uint64_t kStage1 = GuestMachine::kRam + 0xfe'0000;
constexpr SysReg kSctlr{3, 0, 1, 0, 0};
constexpr SysReg kCpacr{3, 0, 1, 0, 2};
constexpr SysReg kTtbr0{3, 0, 2, 0, 0};
constexpr SysReg kTcr{3, 0, 2, 0, 2};
constexpr SysReg kElrEl1{3, 0, 4, 0, 1};
constexpr SysReg kSpsrEl1{3, 0, 4, 0, 0};
constexpr SysReg kEsrEl1{3, 0, 5, 2, 0};
constexpr SysReg kFarEl1{3, 0, 6, 0, 0};
constexpr SysReg kMair{3, 0, 10, 2, 0};
constexpr SysReg kCptr{3, 4, 1, 1, 2};

constexpr std::uint64_t kHcrPlain = 1 | 1ULL << 31;
constexpr std::uint64_t kSctlrReset = 0x30c5'0830;
constexpr std::uint64_t kUci = 1U << 26;
constexpr std::uint64_t kDze = 1U << 14;

constexpr std::uint64_t kReadOnly = 0x8000'0000;  // virtual, in the tables of translating()
constexpr std::uint64_t kUnmapped = 0xc000'0000;
constexpr std::uint64_t kNothing = 0x0900'0000;  // no stage 2 there

constexpr std::uint32_t kDcIvac = 0xd5087620;
constexpr std::uint32_t kDcCvac = 0xd50b7a20;
constexpr std::uint32_t kDcCvau = 0xd50b7b20;
constexpr std::uint32_t kDcCivac = 0xd50b7e20;
constexpr std::uint32_t kIcIvau = 0xd50b7520;
constexpr std::uint32_t kDcZva = 0xd50b7420;
constexpr std::uint32_t kHvc7 = 0xd40000e2;
constexpr std::uint32_t kWfe = 0xd503205f;

/// Only RW and VM in HCR_EL2; exceptions to EL1 end in HVC #7.
void plain(GuestMachine& m) {
  m.cpu().write(GuestMachine::kHcr, kHcrPlain);
  m.cpu().write(GuestMachine::kVbar, kVectors);
  m.put(kVectors + 0x200, {kHvc7});
  m.put(kVectors + 0x400, {kHvc7});
}

/// Stage 1 with 1 GiB blocks: RAM as it is, the same read-only for EL1 at kReadOnly.
void translating(GuestMachine& m) {
  plain(m);
  const std::uint64_t table[] = {0, GuestMachine::kRam | 0x701, GuestMachine::kRam | 0x781, 0};
  std::memcpy(m.machine->memory().at(kStage1), table, sizeof table);
  m.cpu().write(kMair, 0xff);
  m.cpu().write(kTcr, 25);  // 39 bits: level 1
  m.cpu().write(kTtbr0, kStage1);
  m.cpu().write(kSctlr, kSctlrReset | 1);
}

TEST_CASE("cache maintenance by VA reports stage 2's faults to EL2, with CM and WnR") {
  for (const std::uint32_t op : {kDcIvac, kDcCvac, kDcCvau, kDcCivac, kIcIvau}) {
    for (const std::uint64_t chaos : {0UL, 3UL}) {
      CAPTURE(op);
      GuestMachine m({0xd503201f, op, kHvc7});  // nop
      plain(m);
      m.cpu().set_chaos(chaos);
      m.cpu().set_gpr(0, kNothing + 0x123);
      CHECK(m.cpu().enter_guest() == Vector::Synchronous);
      CHECK(m.esr() == 0x92000145);  // translation fault, level 1
      CHECK(m.cpu().read(GuestMachine::kFar) == kNothing + 0x123);
      CHECK(m.cpu().read(GuestMachine::kHpfar) == kNothing >> 8);
      CHECK(m.elr() == kCode + 4);
      CHECK(m.cpu().instructions() == 1);
    }
  }
}

TEST_CASE("cache maintenance by VA reports stage 1's faults to EL1") {
  for (const std::uint32_t op : {kDcIvac, kDcCvac, kDcCvau, kDcCivac, kIcIvau}) {
    CAPTURE(op);
    GuestMachine m({op, kHvc7});
    translating(m);
    m.cpu().set_gpr(0, kUnmapped + 8);
    CHECK(m.cpu().enter_guest() == Vector::Synchronous);
    CHECK(m.cpu().read(kEsrEl1) == 0x96000145);
    CHECK(m.cpu().read(kFarEl1) == kUnmapped + 8);
    CHECK(m.cpu().read(kElrEl1) == kCode);

    // Where reading is permitted, all but DC IVAC may be done.
    m.cpu().write(GuestMachine::kElr, kCode);
    m.cpu().set_gpr(0, kReadOnly + 8);
    m.cpu().write(kEsrEl1, 0);
    CHECK(m.cpu().enter_guest() == Vector::Synchronous);
    CHECK(m.cpu().read(kEsrEl1) == (op == kDcIvac ? 0x9600014dULL : 0));  // permission, level 1
  }
}

TEST_CASE("cache maintenance by VA at EL0 needs EL1's leave and permission to read") {
  for (const std::uint32_t op : {kDcCvac, kDcCvau, kDcCivac, kIcIvau}) {
    CAPTURE(op);
    for (const bool allowed : {false, true}) {
      GuestMachine m({op});
      translating(m);
      m.cpu().write(kSctlr, kSctlrReset | 1 | (allowed ? kUci : 0));
      m.cpu().write(GuestMachine::kSpsr, 0);
      m.cpu().set_gpr(0, GuestMachine::kRam);
      CHECK(m.cpu().enter_guest() == Vector::Synchronous);
      const std::uint64_t esr = m.cpu().read(kEsrEl1);
      if (allowed) {
        CHECK(esr == 0x9200014d);  // permission fault, level 1: EL0 may not read there
      } else {
        CHECK((esr >> 26) == 0x18);
      }
    }
  }
}

TEST_CASE("maintenance of whole caches and by set and way is carried out") {
  GuestMachine m({0xd508751f, 0xd508711f, 0xd5087640, kHvc7});  // ic iallu, ialluis; dc isw, x0
  plain(m);
  CHECK(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.ec() == 0x16);
  CHECK(m.cpu().instructions() == 4);
}

TEST_CASE("instructions of features that the CPU does not claim are undefined") {
  for (const std::uint32_t word : {
           0xd508811fU,  // tlbi vmalle1os
           0xd5088120U,  // tlbi vae1os, x0
           0xd5088620U,  // tlbi rvae1, x0
           0xd50b7c20U,  // dc cvap, x0
           0xd5087900U,  // at s1e1rp, x0
           0xd53be0a1U,  // mrs x1, cntpctss_el0
           0xd53be0c1U,  // mrs x1, cntvctss_el0
       }) {
    CAPTURE(word);
    GuestMachine m({word});
    plain(m);
    m.cpu().write(SysReg(3, 4, 14, 1, 0), 3);
    CHECK(m.cpu().enter_guest() == Vector::Synchronous);
    CHECK(m.cpu().read(kEsrEl1) == 0x02000000);
    CHECK(m.cpu().read(kElrEl1) == kCode);
  }
}

TEST_CASE("HCR_EL2 traps cache and TLB maintenance by kind") {
  constexpr std::uint64_t kTsw = 1ULL << 22, kTpcp = 1ULL << 23, kTpu = 1ULL << 24,
                          kTtlb = 1ULL << 25, kTdz = 1ULL << 28;
  struct Row {
    std::uint32_t word;
    std::uint64_t traps_with;
  };
  for (const Row& row :
       {Row{kDcIvac, kTpcp}, Row{kDcCvac, kTpcp}, Row{kDcCivac, kTpcp}, Row{kDcCvau, kTpu},
        Row{kIcIvau, kTpu}, Row{0xd508751f, kTpu}, Row{0xd508711f, kTpu}, Row{0xd5087640, kTsw},
        Row{kDcZva, kTdz}, Row{0xd508871f, kTtlb}, Row{0xd5088320, kTtlb}}) {
    CAPTURE(row.word);
    for (const std::uint64_t control : {kTsw, kTpcp, kTpu, kTtlb, kTdz}) {
      CAPTURE(control);
      GuestMachine m({0xd503201f, row.word, kHvc7});  // nop
      plain(m);
      m.cpu().write(GuestMachine::kHcr, kHcrPlain | control);
      m.cpu().set_gpr(0, GuestMachine::kRam + 0x10'0000);
      // Data accesses with stage 1 off are to Device memory: DC ZVA needs the MMU.
      translating(m);
      m.cpu().write(GuestMachine::kHcr, kHcrPlain | control);
      CHECK(m.cpu().enter_guest() == Vector::Synchronous);
      if (control == row.traps_with) {
        CHECK(m.ec() == 0x18);
        CHECK((m.esr() & 1) == 0);  // a write
        CHECK(m.elr() == kCode + 4);
      } else {
        CHECK(m.ec() == 0x16);
        CHECK(m.elr() == kCode + 12);
      }
    }
  }
}

TEST_CASE("DCZID_EL0 says who may use DC ZVA") {
  constexpr std::uint64_t kTdz = 1ULL << 28;
  const auto read = [](std::uint64_t hcr, std::uint64_t spsr, std::uint64_t sctlr) {
    GuestMachine m({0xd53b00e1, 0xd4000001});  // mrs x1, dczid_el0; svc #0
    plain(m);
    m.cpu().write(GuestMachine::kHcr, kHcrPlain | hcr);
    m.cpu().write(kSctlr, kSctlrReset | sctlr);
    m.cpu().write(GuestMachine::kSpsr, spsr);
    CHECK(m.cpu().enter_guest() == Vector::Synchronous);
    return m.cpu().gpr(1);
  };
  CHECK(read(0, 0x3c5, 0) == 0x04);
  CHECK(read(kTdz, 0x3c5, 0) == 0x14);
  CHECK(read(0, 0, 0) == 0x14);
  CHECK(read(0, 0, kDze) == 0x04);
  CHECK(read(kTdz, 0, kDze) == 0x14);
}

TEST_CASE("AT whose walk stage 2 stops is an abort at EL2, precisely") {
  GuestMachine m({0xd5087800, kHvc7});  // at s1e1r, x0
  translating(m);
  m.put(kStage1 + 24, {static_cast<std::uint32_t>(kNothing | 3), 0});  // a table out of stage 2
  m.cpu().set_gpr(0, kUnmapped + 0x20'0000);
  CHECK(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.esr() == 0x920001c5);  // CM, S1PTW, WnR, translation fault, level 1
  CHECK(m.cpu().read(GuestMachine::kFar) == kUnmapped + 0x20'0000);
  CHECK(m.cpu().read(GuestMachine::kHpfar) == kNothing >> 8);
  CHECK(m.elr() == kCode);
  CHECK(m.cpu().instructions() == 0);
}

constexpr std::initializer_list<std::uint32_t> kFpInstructions = {
    0x1e604020,  // fmov d0, d1
    0x3dc00000,  // ldr q0, [x0]
    0x6d000400,  // stp d0, d1, [x0]
    0x4e22d420,  // fadd v0.4s, v1.4s, v2.4s
    0xd53b4401,  // mrs x1, fpcr
    0xd51b4421,  // msr fpsr, x1
};
constexpr std::uint64_t kFpSyndrome = 0x1fe00000;  // EC 7, IL, CV, COND always

TEST_CASE("CPACR_EL1.FPEN traps FP and SIMD to EL1, CPTR_EL2.TFP to EL2") {
  constexpr std::uint64_t kTfp = 1U << 10;
  for (const std::uint32_t word : kFpInstructions) {
    CAPTURE(word);
    for (const std::uint64_t fpen : {0UL, 1UL, 2UL, 3UL}) {
      for (const unsigned el : {0U, 1U}) {
        for (const std::uint64_t tfp : {std::uint64_t{0}, kTfp}) {
          CAPTURE(fpen);
          CAPTURE(el);
          CAPTURE(tfp);
          GuestMachine m({0xd503201f, word, el == 0 ? 0xd4000001 : kHvc7});  // nop; …; svc #0
          plain(m);
          m.cpu().write(kCpacr, fpen << 20);
          m.cpu().write(kCptr, tfp);
          m.cpu().write(GuestMachine::kSpsr, el == 0 ? 0 : 0x3c5);
          m.cpu().set_gpr(0, GuestMachine::kRam + 0x10'0000);
          CHECK(m.cpu().enter_guest() == Vector::Synchronous);
          const bool to_el1 = fpen == 0 || fpen == 2 || (fpen == 1 && el == 0);
          if (to_el1) {
            CHECK(m.cpu().read(kEsrEl1) == kFpSyndrome);
            CHECK(m.cpu().read(kElrEl1) == kCode + 4);
          } else if (tfp != 0) {
            CHECK(m.esr() == kFpSyndrome);
            CHECK(m.elr() == kCode + 4);
            CHECK(m.cpu().instructions() == 1);
          } else if (el == 0) {
            CHECK((m.cpu().read(kEsrEl1) >> 26) == 0x15);
          } else {
            CHECK(m.elr() == kCode + 12);
          }
        }
      }
    }
  }
}

TEST_CASE("switching FP off reaches code that ran while it was on") {
  for (const std::uint64_t chaos : {0UL, 5UL}) {
    GuestMachine m({
        0x1e604020,  // fmov d0, d1
        0xd5181041,  // msr cpacr_el1, x1
        0x17fffffe,  // b -8
    });
    plain(m);
    m.cpu().set_chaos(chaos);
    m.cpu().write(kCpacr, 3U << 20);
    CHECK(m.cpu().enter_guest() == Vector::Synchronous);
    CHECK(m.cpu().read(kEsrEl1) == kFpSyndrome);
    CHECK(m.cpu().read(kElrEl1) == kCode);
    CHECK(m.cpu().instructions() == 4);  // fmov, msr, b, and the vector's hvc
  }
}

TEST_CASE("CPTR_EL2.TCPAC traps CPACR_EL1") {
  GuestMachine m({0xd5181041});  // msr cpacr_el1, x1
  plain(m);
  m.cpu().write(kCptr, 1ULL << 31);
  CHECK(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.ec() == 0x18);
}

TEST_CASE("the event register lets one WFE through: after SEV, SEVL and returns") {
  constexpr std::uint64_t kTwe = 1U << 14;
  const auto wfes_done = [](std::initializer_list<std::uint32_t> code, std::uint64_t chaos) {
    GuestMachine m(code);
    plain(m);
    m.cpu().set_chaos(chaos);
    m.put(kVectors + 0x200, {0xd69f03e0});  // eret
    m.cpu().write(GuestMachine::kHcr, kHcrPlain | kTwe);
    CHECK(m.cpu().enter_guest() == Vector::Synchronous);
    CHECK(m.esr() == 0x07e00001);
    return m.cpu().instructions();
  };
  for (const std::uint64_t chaos : {0UL, 7UL}) {
    CHECK(wfes_done({kWfe, kWfe}, chaos) == 1);                            // EL2's ERET
    CHECK(wfes_done({kWfe, 0xd503209f, kWfe, kWfe}, chaos) == 3);          // sev
    CHECK(wfes_done({kWfe, 0xd50320bf, kWfe, kWfe}, chaos) == 3);          // sevl
    CHECK(wfes_done({0xd50320bf, 0xd50320bf, kWfe, kWfe}, chaos) == 3);    // it counts to one
    CHECK(wfes_done({kWfe, 0xd4000001, kWfe, kWfe}, chaos) == 1 + 2 + 1);  // svc; its eret
  }
}

/// Reads one field of a machine's description.
class Field final : public StateVisitor {
 public:
  static std::uint64_t of(Machine& machine, std::string_view name, unsigned pcpu) {
    Field f(name, pcpu);
    machine.describe(f);
    return f.value_;
  }
  void enter(std::string_view name, std::uint64_t index) override {
    if (name == "pcpu") at_ = index;
  }
  void leave() override {}
  void field(std::string_view name, std::uint64_t& value) override {
    if (name == name_ && at_ == pcpu_) value_ = value;
  }
  void bytes(std::string_view, std::span<std::byte>) override {}

 private:
  Field(std::string_view name, unsigned pcpu) : name_(name), pcpu_(pcpu) {}
  std::string_view name_;
  std::uint64_t pcpu_;
  std::uint64_t at_ = ~0ULL;
  std::uint64_t value_ = ~0ULL;
};

TEST_CASE("SEV reaches every CPU, SEVL only its own") {
  for (const auto& [word, reaches] : {std::pair{0xd503209fU, 1U}, std::pair{0xd50320bfU, 0U}}) {
    GuestMachine m({kWfe, kHvc7}, 2);
    m.put(kCode + 0x100, {word, kHvc7});
    REQUIRE(m.cpu(0).enter_guest() == Vector::Synchronous);
    CHECK(Field::of(*m.machine, "event", 0) == 0);
    m.cpu(1).write(GuestMachine::kElr, kCode + 0x100);
    REQUIRE(m.cpu(1).enter_guest() == Vector::Synchronous);
    CHECK(Field::of(*m.machine, "event", 0) == reaches);
    CHECK(Field::of(*m.machine, "event", 1) == 1);
  }
}

TEST_CASE("an illegal exception return is an exception at its target") {
  // To EL2, to EL3, to a mode that is reserved, and legal but for SPSR_EL1.IL.
  for (const std::uint64_t spsr : {0x3c9UL, 0x3cdUL, 0x3c7UL, 0x1003c5UL}) {
    for (const std::uint64_t chaos : {0UL, 6UL}) {
      CAPTURE(spsr);
      GuestMachine m({
          0xd5184000,  // msr spsr_el1, x0
          0xd5184021,  // msr elr_el1, x1
          0xd69f03e0,  // eret
      });
      plain(m);
      m.cpu().set_chaos(chaos);
      m.cpu().set_gpr(0, spsr | 1ULL << 29);
      m.cpu().set_gpr(1, kCode + 0x100);
      CHECK(m.cpu().enter_guest() == Vector::Synchronous);
      CHECK(m.ec() == 0x16);
      CHECK(m.cpu().read(kEsrEl1) == 0x3a000000);
      CHECK(m.cpu().read(kElrEl1) == kCode + 0x100);
      CHECK(m.cpu().read(kSpsrEl1) == 0x201003c5);
      CHECK(m.cpu().instructions() == 4);
    }
  }
}

TEST_CASE("a return from EL2 with SPSR_EL2.IL set executes nothing") {
  GuestMachine m({0xd2800021});  // mov x1, #1
  plain(m);
  m.cpu().write(GuestMachine::kSpsr, 0x1003c5);
  CHECK(m.cpu().enter_guest() == Vector::Synchronous);
  CHECK(m.cpu().read(kEsrEl1) == 0x3a000000);
  CHECK(m.cpu().read(kElrEl1) == kCode);
  CHECK(m.cpu().gpr(1) == 0);
}

TEST_CASE("unaligned accesses to Device memory fault before stage 2 is asked") {
  struct Row {
    std::uint32_t word;
    std::uint64_t alignment;  ///< of one element; 128: never aligned
    bool write;
  };
  for (const Row& row : {Row{0xb9400001, 4, false},   // ldr w1, [x0]
                         Row{0xf9000001, 8, true},    // str x1, [x0]
                         Row{0xa9400801, 8, false},   // ldp x1, x2, [x0]
                         Row{0x29400801, 4, false},   // ldp w1, w2, [x0]
                         Row{0x3dc00000, 16, false},  // ldr q0, [x0]
                         Row{0x39400001, 1, false},   // ldrb w1, [x0]
                         Row{0x0c407400, 2, false},   // ld1 {v0.4h}, [x0]
                         Row{0x0d409000, 4, false},   // ld1 {v0.s}[1], [x0]
                         Row{0x4d40c800, 4, false},   // ld1r {v0.4s}, [x0]
                         Row{kDcZva, 128, true}}) {
    for (const std::uint64_t offset : {0UL, 1UL, 2UL, 4UL, 8UL, 64UL}) {
      for (const bool device : {true, false}) {
        CAPTURE(row.word);
        CAPTURE(offset);
        CAPTURE(device);
        constexpr std::uint64_t kDc = 1U << 12;  // stage 1 off: Normal memory
        GuestMachine m({row.word});
        plain(m);
        m.cpu().write(kCpacr, 3U << 20);
        m.cpu().write(GuestMachine::kHcr, kHcrPlain | (device ? 0 : kDc));
        m.cpu().set_gpr(0, kNothing + offset);
        CHECK(m.cpu().enter_guest() == Vector::Synchronous);
        const bool aligned = row.alignment <= 64 && offset % row.alignment == 0;
        if (device && !aligned) {
          CHECK(m.cpu().read(kEsrEl1) == (row.write ? 0x96000061 : 0x96000021));
          CHECK(m.cpu().read(kFarEl1) == kNothing + offset);
          CHECK(m.cpu().read(kElrEl1) == kCode);
        } else {
          CHECK(m.ec() == 0x24);
        }
      }
    }
  }
}

}  // namespace
}  // namespace axvm::sim::aarch64
