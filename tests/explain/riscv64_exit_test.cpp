// What is explained of RISC-V's traps is what the machine put there and what the VMM reads.

#include <doctest/doctest.h>
#include <fmt/ranges.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <core/arch/riscv64/memory_instruction.hpp>
#include <core/arch/riscv64/trap.hpp>
#include <explain/riscv64/exit.hpp>
#include <explain/riscv64/instruction.hpp>
#include <explain/riscv64/layouts.hpp>
#include <explain/traced_exit.hpp>
#include <sim/arch/riscv64/decode.hpp>

namespace vmm = axvm::riscv64;
namespace machine = axvm::sim::riscv64;
using namespace axvm::explain::riscv64;

namespace {

/// Words of loads, stores and atomics, compressed ones among them.
rc::Gen<std::uint32_t> memory_instructions() {
  return rc::gen::suchThat(
      rc::gen::map(
          rc::gen::pair(rc::gen::arbitrary<std::uint32_t>(),
                        rc::gen::element<std::uint32_t>(0x03, 0x07, 0x23, 0x27, 0x2f, 0, 2)),
          [](std::pair<std::uint32_t, std::uint32_t> parts) {
            const auto [word, opcode] = parts;
            if (opcode <= 2) return (word & 0xfffc) | opcode;
            return (word & ~0x7fU) | opcode;
          }),
      [](std::uint32_t word) { return machine::decode_memory_instruction(word).has_value(); });
}

}  // namespace

TEST_CASE("explain: htinst as the machine writes it is explained as the VMM decodes it") {
  CHECK(rc::check([] {
    const std::uint32_t word = *memory_instructions();
    const std::uint32_t distance = *rc::gen::inRange(0U, 8U);
    const auto executed = machine::decode_memory_instruction(word);
    const std::uint32_t htinst = executed->transformed | distance << 15;
    const auto told = transformed_access(htinst);
    RC_ASSERT(told.has_value());
    RC_ASSERT(told->bytes == executed->access_bytes);
    RC_ASSERT(told->is_store == executed->is_store());
    RC_ASSERT(told->floating == executed->floating);
    RC_ASSERT(told->instruction == executed->instruction_bytes);
    RC_ASSERT(told->offset == distance);

    const auto read = vmm::decode_transformed(htinst);
    RC_ASSERT(read.has_value());
    RC_ASSERT(told->bytes == axvm::bytes(read->width));
    RC_ASSERT(told->instruction == read->length);
    if (read->kind == vmm::MemoryInstruction::Kind::Atomic) {
      RC_ASSERT(told->form == TransformedAccess::Form::Atomic);
      return;
    }
    RC_ASSERT(told->is_store == (read->kind == vmm::MemoryInstruction::Kind::Store));
    RC_ASSERT(told->floating == read->is_float);
    RC_ASSERT(told->data == read->reg);
    if (!told->is_store && told->bytes < 8) RC_ASSERT(told->is_signed == read->sign_extend);
  }));
}

TEST_CASE("explain: causes have the names that the VMM gives them") {
  for (std::uint64_t cause = 0; cause < 64; ++cause) {
    CAPTURE(cause);
    const bool named = !vmm::to_string(vmm::exception_cause(cause)).empty();
    const std::string_view told = cause_text(cause);
    CHECK(named == (told != "reserved" && told != "custom or platform use"));
  }
}

TEST_CASE("explain: a guest-page fault on a walk is one to the VMM, too, with htinst and without") {
  CHECK(rc::check([](std::uint64_t gva, std::uint64_t gpa) {
    gpa = (gpa >> 8 & ~std::uint64_t{7}) | 0x1000;
    // Another offset than the entry's.
    gva = (gva & ~std::uint64_t{0xfff}) | ((gpa ^ *rc::gen::inRange(1U, 512U) * 8) & 0xfff);
    const std::uint64_t htinst = *rc::gen::element<std::uint64_t>(0x3000, 0x3020);
    const vmm::GuestPageFault fault(vmm::ExceptionCause::LoadGuestPage, gva, gpa >> 2, htinst);
    RC_ASSERT(fault.on_table_walk);
    const std::string expected =
        fmt::format("a load from GVA {:#x}, whose walk reads the VS-stage entry at GPA {:#x}", gva,
                    fault.address.value);
    Exit exit{.scause = 21, .stval = gva, .htval = gpa >> 2, .htinst = htinst};
    RC_ASSERT(what_happened(exit) == expected);
    exit.htinst.reset();
    RC_ASSERT(what_happened(exit) == expected);
  }));
}

TEST_CASE("explain: a trap to HS-mode is told in a sentence") {
  std::array<std::uint64_t, 31> x{};
  x[10] = 0x48;        // a1
  x[16] = 0x54494d45;  // a7
  CHECK(what_happened({.scause = 23,
                       .stval = 0x1000'0001,
                       .htval = 0x400'0000,
                       .htinst = 0x00b0'0023,
                       .registers = x}) ==
        "a 1-byte store of a1 = 0x48 to GVA 0x10000001, GPA 0x10000001");
  CHECK(what_happened({.scause = 21, .stval = 0x1000, .htval = 0x400, .htinst = 0x0000'2503}) ==
        "a 4-byte load of a0, sign-extended, from GVA 0x1000, GPA 0x1000");
  CHECK(what_happened({.scause = 21, .stval = 0x1000, .htval = 0x400, .htinst = 0x0000'3505}) ==
        "an 8-byte load of f10 from GVA 0x1000, GPA 0x1000");
  CHECK(what_happened({.scause = 23, .stval = 0x1000, .htval = 0x400, .htinst = 0x00b0'252f}) ==
        "a 4-byte AMOADD of GVA 0x1000, GPA 0x1000");
  CHECK(what_happened({.scause = 20, .stval = 0x1000, .htval = 0x400}) ==
        "a fetch from GVA 0x1000, GPA 0x1000");
  CHECK(what_happened({.scause = 22, .stval = 0x1050'0073}) == "WFI: the guest has nothing to do");
  CHECK(what_happened({.scause = 22, .stval = 0x1805'9073, .registers = x}) ==
        "an instruction that is trapped: csrrw zero, satp, a1, a1 = 0x48");
  CHECK(what_happened({.scause = 22, .stval = 0x12b5'0073}) ==
        "an instruction that is trapped: sfence.vma a0, a1");
  CHECK(what_happened({.scause = 2, .stval = 0}) == "an illegal instruction");
  CHECK(what_happened({.scause = 10, .registers = x}) ==
        "ECALL from VS-mode, a call to firmware: a7 = 0x54494d45 (Timer), a6 = 0x0");
  CHECK(what_happened({.scause = 13, .stval = 8}) == "a load from GVA 0x8");
  CHECK(what_happened({.scause = 1ULL << 63 | 5}) == "supervisor timer interrupt");
}

TEST_CASE("explain: what follows tells how far to skip, and only what can be emulated") {
  const auto told = [](const Exit& exit) {
    return fmt::format("{}", fmt::join(what_follows(exit), "\n"));
  };
  const auto has = [&told](const Exit& exit, std::string_view part) {
    return told(exit).find(part) != std::string::npos;
  };
  CHECK(has({.scause = 23, .htinst = 0x00b0'2021}, "sepc + 2 skips"));
  CHECK(has({.scause = 23, .htinst = 0x00b0'2023}, "sepc + 4 skips"));
  CHECK(has({.scause = 21, .htinst = 0x0000'0503}, "put 1 byte, sign-extended, into a0"));
  CHECK(has({.scause = 21, .htinst = 0x0000'4503}, "put 1 byte, zero-extended, into a0"));
  CHECK(has({.scause = 21, .htinst = 0}, "has to be read (HLVX) and decoded"));
  CHECK_FALSE(has({.scause = 23, .htinst = 0x00b0'252f}, "To emulate"));
  CHECK_FALSE(has({.scause = 21, .htinst = 0x3000}, "emulate"));
  CHECK(has({.scause = 20}, "SRET fetches it again"));
  CHECK(has({.scause = 10}, "sepc + 4 skips"));
  CHECK(has({.scause = 22, .hstatus = 1U << 7}, "it came from VU-mode"));
  CHECK(has({.scause = 22, .hstatus = 0}, "did not come from a guest"));
  CHECK(told({.scause = 1ULL << 63 | 5}).empty());
}

TEST_CASE("explain: an exit of a trace has the registers of its instruction set") {
  const axvm::hal_sim::TraceEvent event{
      .line = 2,
      .kind = "TrapTaken",
      .fields = {{"syndrome", std::uint64_t{21}},
                 {"fault_address", std::uint64_t{0x1000}},
                 {"fault_gpa", std::uint64_t{0x400}},
                 {"saved_state", std::uint64_t{0x180}},
                 {"registers", std::vector<std::uint64_t>(31, 7)}}};
  const auto told = axvm::explain::traced_exit(axvm::hal_sim::Isa::Riscv64, event);
  CHECK(told.happened == "a load from address 0x1000, GPA 0x1000");
  CHECK(told.general.size() == 31);
  CHECK(told.title == "load guest-page fault");
  CHECK_FALSE(told.interrupted);
  CHECK(told.registers.front().name == "scause");
  axvm::hal_sim::TraceEvent with_htinst = event;
  with_htinst.fields.push_back({"instruction", std::uint64_t{0x0000'4503}});
  const auto in_full = axvm::explain::traced_exit(axvm::hal_sim::Isa::Riscv64, with_htinst);
  CHECK(in_full.happened == "a 1-byte load of a0 from address 0x1000, GPA 0x1000");
  CHECK(std::ranges::count(in_full.registers, "htinst", &axvm::explain::NamedWord::name) == 1);
  CHECK(std::ranges::count(told.registers, "htinst", &axvm::explain::NamedWord::name) == 0);
  CHECK(axvm::explain::general_register(axvm::hal_sim::Isa::Riscv64, 9) == "a0");
  CHECK(axvm::explain::general_register(axvm::hal_sim::Isa::Aarch64, 9) == "X9");
}
