// Registers and dumps that are typed in: read, or refused with what was expected.

#include <doctest/doctest.h>

#include <explain/typed_input.hpp>

using namespace axvm::explain;

namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("explain: registers and dumps are typed in as TOML") {
  const auto typed = parse_registers("r.toml", R"(
sctlr_el1 = 1
VTTBR_EL2 = "0x8001000080000000"
ID_AA64MMFR0_EL1 = 2
memory = [{file = "a.bin", address = 0x80000000},
          {address = 0x1000, words = [3, "0x8000000000000003"]}]
)");
  REQUIRE(typed.has_value());
  CHECK(typed->isa() == axvm::hal_sim::Isa::Aarch64);
  const auto& of_aarch64 = std::get<aarch64::TypedRegisters>(typed->registers);
  CHECK(of_aarch64.registers.sctlr_el1 == 1);
  CHECK(of_aarch64.registers.vttbr_el2 == 0x8001'0000'8000'0000);
  CHECK(of_aarch64.features.pa_bits == 40);
  REQUIRE(typed->dumps.size() == 2);
  CHECK(typed->dumps[0].address == 0x8000'0000);
  CHECK(typed->dumps[1].words == std::vector<std::uint64_t>{3, 0x8000'0000'0000'0003});

  const auto wrong = parse_registers("r.toml", "VTCR_EL3 = 1\nTCR_EL1 = true\nMIDR_EL1 = 1\n");
  REQUIRE_FALSE(wrong.has_value());
  REQUIRE(wrong.error().size() == 3);
  for (const auto& finding : wrong.error()) CHECK(finding.at.line != 0);
}

TEST_CASE("explain: RISC-V's registers are typed in, and nobody else's beside them") {
  const auto typed = parse_registers("r.toml", R"(
vsatp = "0x8000000000080200"
HGATP = "0x8000500000080000"
vsstatus = 0x40000
sstatus = 0x80000
)");
  REQUIRE(typed.has_value());
  CHECK(typed->isa() == axvm::hal_sim::Isa::Riscv64);
  const auto& registers = std::get<riscv64::TypedRegisters>(typed->registers);
  CHECK_FALSE(registers.one_stage());
  CHECK(registers.registers().hgatp == 0x8000'5000'0008'0000);
  CHECK(registers.registers().vsatp == 0x8000'0000'0008'0200);
  const auto context = registers.context(axvm::sim::riscv64::Access::Store, true);
  CHECK(context == axvm::sim::riscv64::AccessContext{.access = axvm::sim::riscv64::Access::Store,
                                                     .user = true,
                                                     .sum = true,
                                                     .hs_mxr = true});

  const auto both = parse_registers("r.toml", "vsatp = 0\nHCR_EL2 = 1\n");
  REQUIRE_FALSE(both.has_value());
  REQUIRE(both.error().size() == 1);
  CHECK(contains(to_string(both.error()[0]), "is of riscv64, expected one of aarch64"));
  TypedInput input;
  CHECK_FALSE(input.isa());
  CHECK(set_register(input, "satp", 1).has_value());
  CHECK_FALSE(set_register(input, "vttbr", 1).has_value());
  CHECK(contains(set_register(input, "vsatpp", 1).error(), "expected perhaps vsatp"));
  CHECK_FALSE(set_register(input, "htval", 1).has_value());
}

TEST_CASE("explain: satp alone is one stage, with sstatus's SUM and MXR") {
  riscv64::TypedRegisters typed{.satp = 8ULL << 60 | 7, .sstatus = 3ULL << 18};
  CHECK(typed.one_stage());
  CHECK(typed.registers().vsatp == typed.satp);
  CHECK(typed.registers().hgatp == 0);
  const auto context = typed.context(axvm::sim::riscv64::Access::Load, false);
  CHECK((context.sum && context.mxr));
  CHECK_FALSE(context.hs_mxr);
  // A hypervisor's own, beside its guest's.
  typed.vsatp = 9ULL << 60 | 3;
  CHECK_FALSE(typed.one_stage());
  CHECK(typed.registers().vsatp == typed.vsatp);
}

TEST_CASE("explain: what of RISC-V cannot be walked is named") {
  riscv64::TypedRegisters typed;
  CHECK(unsupported(typed).empty());
  for (const std::uint64_t mode : {0ULL, 8ULL, 9ULL, 10ULL}) {
    typed.vsatp = typed.hgatp = mode << 60;
    CHECK(unsupported(typed).empty());
  }
  typed.hgatp = 1ULL << 60;
  CHECK(unsupported(typed) ==
        "hgatp.MODE is 1, expected 0 (Bare), 8 (Sv39), 9 (Sv48) or 10 (Sv57)");
  typed.hgatp = 0;
  typed.vsatp = 11ULL << 60;
  CHECK(contains(unsupported(typed), "vsatp.MODE is 11"));
  CHECK(contains(unsupported(riscv64::TypedRegisters{.satp = 15ULL << 60}), "satp.MODE is 15"));
  CHECK(contains(unsupported(riscv64::TypedRegisters{.hstatus = 1ULL << 32}), "hstatus.VSXL"));
  CHECK(unsupported(riscv64::TypedRegisters{.hstatus = 2ULL << 32}).empty());
  CHECK(contains(unsupported(riscv64::TypedRegisters{.hstatus = 1U << 5}), "hstatus.VSBE"));
  CHECK(contains(unsupported(riscv64::TypedRegisters{.henvcfg = 2ULL << 32}), "henvcfg.PMM"));
  CHECK(contains(unsupported(riscv64::TypedRegisters{.henvcfg = 1ULL << 61}), "henvcfg.ADUE"));
  CHECK(unsupported(riscv64::TypedRegisters{.henvcfg = 1ULL << 62}).empty());
}

TEST_CASE("explain: FILE@ADDRESS, and what of AArch64 cannot be walked") {
  const auto dump = parse_dump("a@b.bin@0x1000");
  REQUIRE(dump.has_value());
  CHECK(dump->file == "a@b.bin");
  CHECK(dump->address == 0x1000);
  for (const char* text : {"", "@", "a", "a@", "@0x1000", "a@x"}) CHECK_FALSE(parse_dump(text));

  aarch64::TypedRegisters typed;
  CHECK(unsupported(typed).empty());
  typed.registers.hcr_el2 = 1;
  typed.registers.vtcr_el2 = 1U << 14;
  CHECK(contains(unsupported(typed), "VTCR_EL2.TG0"));
  for (const auto& [bit, name] : {std::pair{32, "VTCR_EL2.DS"}, std::pair{36, "VTCR_EL2.S2PIE"},
                                  std::pair{38, "VTCR_EL2.D128"}}) {
    typed.registers.vtcr_el2 = 1ULL << bit;
    CHECK(contains(unsupported(typed), name));
  }
  typed.registers.vtcr_el2 = 0;
  CHECK(unsupported(typed).empty());
  typed.registers.hcr_el2 = 1ULL << 46 | 1;
  CHECK(contains(unsupported(typed), "HCR_EL2.FWB"));
  typed.registers.hcr_el2 = 1ULL << 34;
  CHECK(unsupported(typed).empty());
  typed.registers.hcr_el2 = 1ULL << 34 | 1ULL << 27;
  CHECK(contains(unsupported(typed), "HCR_EL2.E2H and TGE"));
}
