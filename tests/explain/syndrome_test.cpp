// What is explained of a syndrome is what the machine put there and what the VMM reads.

#include <doctest/doctest.h>
#include <fmt/ranges.h>
#include <rapidcheck.h>

#include <core/arch/aarch64/syndrome.hpp>
#include <explain/aarch64/exit.hpp>
#include <explain/aarch64/layouts.hpp>
#include <explain/decode.hpp>
#include <hal-sim/arch/aarch64/trace/syndrome_text.hpp>
#include <hal-sim/config/machine_config.hpp>
#include <hal-sim/host/host.hpp>
#include <set>
#include <sim/arch/aarch64/syndrome.hpp>

namespace vmm = axvm::aarch64;
namespace machine = axvm::sim::aarch64;
namespace explain = axvm::explain;
using axvm::explain::aarch64::Exit;

namespace {

/// The ISS of an exception, by name of its fields.
class Syndrome {
 public:
  explicit Syndrome(std::uint64_t esr)
      : part_(explain::decode(*explain::aarch64::iss_layout(esr), esr).front()) {}

  [[nodiscard]] bool has(std::string_view name) const { return part_.find(name) != nullptr; }
  [[nodiscard]] std::uint64_t operator[](std::string_view name) const {
    const auto* const field = part_.find(name);
    REQUIRE(field != nullptr);
    return field->value;
  }

 private:
  explain::Part part_;
};

void check_data_abort(std::uint64_t esr) {
  const Syndrome iss(esr);
  const vmm::DataAbort abort(esr);
  REQUIRE(iss["ISV"] == abort.described);
  REQUIRE(iss["WnR"] == abort.is_write);
  REQUIRE(iss["CM"] == abort.cache_maintenance);
  REQUIRE(iss["S1PTW"] == abort.on_table_walk);
  REQUIRE(iss["DFSC"] == abort.status_code);
  REQUIRE(iss.has("SAS") == abort.described);
  if (!abort.described) return;
  REQUIRE((1U << iss["SAS"]) == axvm::bytes(abort.width));
  REQUIRE(iss["SSE"] == abort.sign_extend);
  REQUIRE(iss["SRT"] == abort.rt);
  REQUIRE(iss["SF"] == abort.is_64bit);
  REQUIRE(iss["AR"] == abort.acquire_release);
}

void check_system_register(std::uint64_t esr) {
  const Syndrome iss(esr);
  const vmm::SystemRegisterTrap trap(esr);
  const std::uint64_t encoding =
      iss["Op0"] << 14 | iss["Op1"] << 11 | iss["CRn"] << 7 | iss["CRm"] << 3 | iss["Op2"];
  REQUIRE(encoding == trap.encoding);
  REQUIRE(iss["Rt"] == trap.rt);
  REQUIRE(iss["Direction"] == trap.is_read);
}

/// With the VMM's decoder and with that of traces.
void check_syndrome(std::uint64_t esr) {
  CAPTURE(esr);
  const Syndrome iss(esr);
  switch (vmm::exception_class(esr)) {
    case vmm::ExceptionClass::DataAbortLower:
    case vmm::ExceptionClass::DataAbortSame: check_data_abort(esr); break;
    case vmm::ExceptionClass::InstructionAbortLower:
    case vmm::ExceptionClass::InstructionAbortSame:
      REQUIRE(iss["IFSC"] == vmm::InstructionAbort(esr).status_code);
      REQUIRE(iss["S1PTW"] == vmm::InstructionAbort(esr).on_table_walk);
      break;
    case vmm::ExceptionClass::SystemRegister: check_system_register(esr); break;
    case vmm::ExceptionClass::Hvc: REQUIRE(iss["imm16"] == vmm::Hvc(esr).immediate); break;
    case vmm::ExceptionClass::Smc: REQUIRE(iss["imm16"] == vmm::Smc(esr).immediate); break;
    case vmm::ExceptionClass::Wfx:
      REQUIRE(iss["TI"] == static_cast<std::uint64_t>(vmm::Wfx(esr).kind));
      break;
    default: break;
  }
  for (const auto& field : axvm::hal_sim::aarch64::syndrome_fields(esr)) {
    CAPTURE(field.name);
    // EC and IL are no part of the ISS, and traces do not decode each class further than "ISS".
    if (field.name == "EC" || field.name == "IL" || field.name == "ISS") continue;
    REQUIRE(iss[field.name] == field.value);
  }
  CHECK_FALSE(explain::aarch64::what_happened(Exit{.esr = esr}).empty());
}

struct Syndromes final : axvm::hal_sim::TraceSink {
  explicit Syndromes(std::set<std::uint64_t>& out) : seen(out) {}
  void event(const axvm::hal_sim::Stamp&, const axvm::Event& event) override {
    const auto* const trap = std::get_if<axvm::TrapTaken>(&event);
    if (trap != nullptr && trap->cause == 0) seen.insert(trap->syndrome);
  }
  void unmaintained_code(const axvm::sim::UnmaintainedCode&) override {}

  std::set<std::uint64_t>& seen;
};

/// Those of all synchronous exits of a guest.
std::set<std::uint64_t> syndromes_of(const std::string& guest) {
  const auto config =
      axvm::hal_sim::load_config({AXVM_SOURCE_DIR "/configs/" + guest + "-aarch64.toml"});
  REQUIRE(config.has_value());
  axvm::hal_sim::HostOptions options;
  options.images.directories = {AXVM_SOURCE_DIR, AXVM_BINARY_DIR};
  std::set<std::uint64_t> seen;
  auto host = axvm::hal_sim::Host::create(*config, std::move(options));
  REQUIRE(host.has_value());
  (*host)->trace().add(std::make_unique<Syndromes>(seen));
  static_cast<void>((*host)->run());
  return seen;
}

}  // namespace

TEST_CASE("explain: any syndrome's fields are those that the VMM and traces decode") {
  CHECK(rc::check([](std::uint64_t word) {
    const std::uint64_t ec = *rc::gen::element<std::uint64_t>(0x01, 0x07, 0x15, 0x16, 0x17, 0x18,
                                                              0x20, 0x21, 0x24, 0x25, 0x2f, 0x3c);
    check_syndrome((word & 0x03ff'ffff) | ec << 26);
  }));
}

TEST_CASE("explain: syndromes of real exits are explained as the VMM decodes them") {
  for (const char* guest : {"corpus", "mmio", "hvc", "sysreg", "permissions", "unknown"}) {
    CAPTURE(guest);
    const auto seen = syndromes_of(guest);
    CHECK_FALSE(seen.empty());
    for (const std::uint64_t esr : seen) check_syndrome(esr);
  }
}

TEST_CASE("explain: an exit is told in a sentence") {
  const auto told = [](const Exit& exit) { return explain::aarch64::what_happened(exit); };
  std::array<std::uint64_t, 31> x{};
  x[1] = 0x48;
  CHECK(told({.esr = 0x93810045, .far = 0x9000000, .hpfar = 0x90000, .registers = x}) ==
        "a 4-byte write of w1 = 0x48 to VA 0x9000000, IPA 0x9000000");
  CHECK(told({.esr = 0x93820005, .far = 0xffff'0000'0000'0018, .hpfar = 0x90000}) ==
        "a 4-byte read into w2 of VA 0xffff000000000018, IPA 0x9000018");
  CHECK(told({.esr = 0x92000087, .far = 0x1000, .hpfar = 0x400930}) ==
        "a read of VA 0x1000, whose walk reads a stage-1 descriptor in the page at IPA 0x40093000");
  // HPFAR_EL2 is UNKNOWN after a permission fault.
  CHECK(told({.esr = 0x9200004f, .far = 0x1000, .hpfar = 0x400930}) == "a write to VA 0x1000");
  CHECK(told({.esr = machine::system_register_syndrome(machine::reg::SCTLR_EL1, 3, false),
              .registers = x}) == "MSR SCTLR_EL1, x3 = 0x0");
  CHECK(told({.esr = machine::system_register_syndrome(machine::reg::MIDR_EL1, 31, true)}) ==
        "MRS xzr, MIDR_EL1");
  CHECK(told({.esr = machine::hvc_syndrome(0x4b00)}) == "HVC #0x4b00");
  CHECK(told({.esr = machine::wfx_syndrome(true)}) == "WFE: the guest has nothing to do");
  // From the same Exception level: EL2's own, and bit 7 has no meaning.
  CHECK(told({.esr = 0x96000087, .far = 0x1000, .hpfar = 0x400930}) == "a read of VA 0x1000");
  // Level -1.
  CHECK(told({.esr = 0x9200002b, .far = 0x1234, .hpfar = 0x400930}) ==
        "a read of VA 0x1234, IPA 0x40093234");
}

TEST_CASE("explain: only what a guest did is told as a fault of stage 2") {
  const auto told = [](std::uint64_t esr) {
    return fmt::format("{}", fmt::join(explain::aarch64::what_follows({.esr = esr}), "\n"));
  };
  for (const std::string_view part : {"of stage 2", "S1PTW", "HPFAR_EL2"}) {
    CAPTURE(part);
    CHECK(told(0x9200008f).find(part) != std::string::npos);
    CHECK(told(0x9600008f).find(part) == std::string::npos);
    CHECK(told(0x8600008f).find(part) == std::string::npos);
  }
  CHECK(told(0x92000007).find("To emulate") == std::string::npos);
  CHECK(told(0x92000007).find("ISV is 0") != std::string::npos);
  CHECK(told(0x96000007).find("ISV is 0") == std::string::npos);
}
