#include <doctest/doctest.h>

#include <hal-sim/arch/aarch64/trace/syndrome_text.hpp>
#include <hal-sim/arch/aarch64/trace/sysreg_names.hpp>
#include <hal-sim/trace/disassembler.hpp>

using namespace axvm::hal_sim;
using namespace axvm::hal_sim::aarch64;

TEST_CASE("exception classes have names") {
  CHECK(exception_class_name(0x24ULL << 26) == "data abort from EL0/EL1");
  CHECK(exception_class_name(0x20ULL << 26) == "instruction abort from EL0/EL1");
  CHECK(exception_class_name(0x01ULL << 26) == "WFI or WFE");
  CHECK(exception_class_name(0x3FULL << 26) == "reserved exception class");
}

TEST_CASE("an abort without ISV shows none of the fields that ISV validates") {
  const std::string text = syndrome_text(0x9200'0047);
  CHECK(text ==
        "EC=0x24 IL=1 ISV=0 (no instruction syndrome) WnR=1 (write) DFSC=7 (translation "
        "fault, level 3)");
}

TEST_CASE("a stage-2 fault of a stage-1 walk is marked") {
  CHECK(syndrome_text(0x8200'0086).find("S1PTW=1 (stage 2 of a stage-1 walk)") !=
        std::string::npos);
}

TEST_CASE("WFI and WFE are told apart") {
  CHECK(syndrome_text(0x07E0'0000).ends_with("TI=0 (WFI)"));
  CHECK(syndrome_text(0x07E0'0001).ends_with("TI=1 (WFE)"));
}

TEST_CASE("every syndrome has a text") {
  for (std::uint64_t ec = 0; ec < 64; ++ec) {
    for (const std::uint64_t iss : {0x0ULL, 0x1FF'FFFFULL, 0x155'5555ULL, 0x0AA'AAAAULL}) {
      const std::uint64_t esr = ec << 26 | iss;
      CHECK(syndrome_text(esr).starts_with("EC="));
      CHECK_FALSE(exception_class_name(esr).empty());
    }
  }
}

TEST_CASE("system registers have names, unknown ones the manual's generic form") {
  CHECK(sysreg_name(0xC020) == "ID_AA64PFR0_EL1");
  CHECK(sysreg_name(0xC081) == "ACTLR_EL1");
  CHECK(sysreg_name(0xFFFF) == "S3_7_C15_C15_7");
}

TEST_CASE("instructions are disassembled, other words shown as data") {
  const Disassembler disassembler(Isa::Aarch64);
  CHECK(disassembler.instruction(0x1000, 0xB900'0001) == "str w1, [x0]");
  CHECK(disassembler.instruction(0x1000, 0x1400'0001) == "b #0x1004");
  CHECK(disassembler.instruction(0x1000, 0xFFFF'FFFF) == ".word 0xffffffff");

  const Disassembler riscv(Isa::Riscv64);
  CHECK(riscv.instruction(0x1000, 0x00B5'2023) == "sw a1, 0(a0)");
  CHECK(riscv.instruction(0x1000, 0xFFFF'C10C) == "c.sw a1, 0(a0)");
}
