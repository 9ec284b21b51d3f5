#include <doctest/doctest.h>

#include <sim/arch/aarch64/syndrome.hpp>

namespace axvm::sim::aarch64::test {

namespace {

MemoryInstruction decoded(std::uint32_t word) { return decode_memory_instruction(word).value(); }

constexpr Fault kStage2{.kind = FaultKind::Translation, .stage = 2, .level = 3};
constexpr Fault kStage1{.kind = FaultKind::Permission, .stage = 1, .level = 3};
constexpr std::uint32_t kLdrW = 0xb9400020;    // ldr w0, [x1]
constexpr std::uint32_t kStrX = 0xf9000283;    // str x3, [x20]
constexpr std::uint32_t kLdrsb = 0x39800062;   // ldrsb x2, [x3]
constexpr std::uint32_t kLdarb = 0x08dffc41;   // ldarb w1, [x2]
constexpr std::uint32_t kLdp = 0xa9400440;     // ldp x0, x1, [x2]
constexpr std::uint32_t kDcCvac = 0xd50b7a20;  // dc cvac, x0

}  // namespace

TEST_CASE("fault status codes (DDI 0487 D24.2.40)") {
  struct Row {
    FaultKind kind;
    unsigned level;
    unsigned code;
  };
  constexpr Row kRows[] = {
      {FaultKind::AddressSize, 0, 0x00},         {FaultKind::AddressSize, 3, 0x03},
      {FaultKind::Translation, 0, 0x04},         {FaultKind::Translation, 1, 0x05},
      {FaultKind::Translation, 2, 0x06},         {FaultKind::Translation, 3, 0x07},
      {FaultKind::AccessFlag, 1, 0x09},          {FaultKind::AccessFlag, 3, 0x0b},
      {FaultKind::Permission, 1, 0x0d},          {FaultKind::Permission, 3, 0x0f},
      {FaultKind::ExternalAbort, 3, 0x10},       {FaultKind::ExternalAbortOnWalk, 0, 0x14},
      {FaultKind::ExternalAbortOnWalk, 3, 0x17}, {FaultKind::Alignment, 2, 0x21},
      {FaultKind::TlbConflict, 1, 0x30},
  };
  for (const Row& row : kRows) {
    CHECK(Fault{.kind = row.kind, .level = static_cast<std::uint8_t>(row.level)}.status_code() ==
          row.code);
  }
}

TEST_CASE("a stage-2 data abort to EL2 carries the instruction's syndrome") {
  const auto abort = [](std::uint32_t word, bool write) {
    const MemoryInstruction i = decoded(word);
    return data_abort_syndrome(kStage2, Target::El2, 1, write, &i);
  };
  CHECK(abort(kLdrW, false) == 0x93800007);
  CHECK(abort(kStrX, true) == 0x93c38047);
  CHECK(abort(kLdrsb, false) == 0x9322'8007);
  CHECK(abort(kLdarb, false) == 0x9301'4007);
  CHECK(abort(kLdp, false) == 0x92000007);
  CHECK(abort(kDcCvac, false) == 0x92000147);
}

TEST_CASE("no instruction syndrome but for stage 2 proper at EL2") {
  const MemoryInstruction i = decoded(kStrX);
  Fault walk = kStage2;
  walk.during_stage1_walk = true;
  CHECK(data_abort_syndrome(walk, Target::El2, 0, true, &i) == 0x920000c7);
  CHECK(data_abort_syndrome(kStage1, Target::El1, 0, true, &i) == 0x9200004f);
  CHECK(data_abort_syndrome(kStage1, Target::El1, 1, true, &i) == 0x9600004f);
  CHECK(data_abort_syndrome(kStage1, Target::El1, 1, false, nullptr) == 0x9600000f);
  CHECK(data_abort_syndrome(kStage2, Target::El2, 1, true, nullptr) == 0x92000047);
  const Fault external{.kind = FaultKind::ExternalAbort, .stage = 1, .level = 0};
  CHECK(data_abort_syndrome(external, Target::El1, 1, false, nullptr, false) == 0x96000410);
}

TEST_CASE("instruction aborts") {
  CHECK(instruction_abort_syndrome(kStage1, Target::El1, 0) == 0x8200000f);
  CHECK(instruction_abort_syndrome(kStage1, Target::El1, 1) == 0x8600000f);
  CHECK(instruction_abort_syndrome(kStage2, Target::El2, 1) == 0x82000007);
  Fault walk = kStage2;
  walk.during_stage1_walk = true;
  walk.level = 1;
  CHECK(instruction_abort_syndrome(walk, Target::El2, 0) == 0x82000085);
}

TEST_CASE("calls, traps and the rest") {
  CHECK(svc_syndrome(0) == 0x56000000);
  CHECK(hvc_syndrome(0x1234) == 0x5a001234);
  CHECK(smc_syndrome(0xffff) == 0x5e00ffff);
  CHECK(brk_syndrome(0x800) == 0xf2000800);
  CHECK(wfx_syndrome(false) == 0x07e00000);
  CHECK(wfx_syndrome(true) == 0x07e00001);
  CHECK(fp_trap_syndrome() == 0x1fe00000);
  CHECK(unknown_syndrome() == 0x02000000);
  CHECK(illegal_state_syndrome() == 0x3a000000);
  CHECK(pc_alignment_syndrome() == 0x8a000000);
  CHECK(sp_alignment_syndrome() == 0x9a000000);
  // mrs x5, id_aa64pfr0_el1 and msr actlr_el1, x2
  CHECK(system_register_syndrome(SysReg{3, 0, 0, 4, 0}, 5, true) == 0x623000a9);
  CHECK(system_register_syndrome(SysReg{3, 0, 1, 0, 1}, 2, false) == 0x62320440);
  // msr icc_sgi1r_el1, x0
  CHECK(system_register_syndrome(SysReg{3, 0, 12, 11, 5}, 0, false) == 0x623a3016);
}

TEST_CASE("HPFAR_EL2 holds the faulting page, when it is written at all") {
  CHECK(hpfar(0x0900'0018) == 0x90000);
  CHECK(hpfar(0xfff'ffff'ffff) == 0xf'ffff'fff0);
  Fault fault = kStage2;
  CHECK(hpfar_valid(fault));
  fault.kind = FaultKind::AccessFlag;
  CHECK(hpfar_valid(fault));
  fault.kind = FaultKind::AddressSize;
  CHECK(hpfar_valid(fault));
  fault.kind = FaultKind::Permission;
  CHECK_FALSE(hpfar_valid(fault));
  fault.during_stage1_walk = true;
  CHECK(hpfar_valid(fault));
  fault.kind = FaultKind::ExternalAbortOnWalk;
  CHECK_FALSE(hpfar_valid(fault));
  CHECK_FALSE(hpfar_valid(kStage1));
}

}  // namespace axvm::sim::aarch64::test
