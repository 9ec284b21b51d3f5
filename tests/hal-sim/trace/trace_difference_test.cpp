#include <doctest/doctest.h>
#include <hal-sim/trace/json_sink.hpp>
#include <hal-sim/trace/permitted_differences.hpp>
#include <hal-sim/trace/trace_difference.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "sample_events.hpp"

using namespace axvm;
using namespace axvm::hal_sim;

namespace {

constexpr VcpuId kVcpu{0};
constexpr VmId kVm = sample::kVm;
constexpr TrapTaken kStore = sample::store(kVcpu);
constexpr DeviceAccess kWriteH = sample::write_h(kVcpu);
constexpr Stamp kEarly{.time_ns = 5, .pcpu = 0, .instructions = 5, .host = false};
constexpr Stamp kLate{.time_ns = 900, .pcpu = 3, .instructions = 77, .host = false};

std::string lines(const std::vector<Event>& events, const Stamp& stamp = kEarly) {
  std::string text;
  for (const Event& event : events) text += to_json(stamp, event) + "\n";
  return text;
}

std::expected<TraceComparison, std::string> compare(const std::string& a, const std::string& b,
                                                    const CodeReader& code = {}) {
  std::istringstream in_a(a);
  std::istringstream in_b(b);
  TraceReader reader_a("a", in_a);
  TraceReader reader_b("b", in_b);
  return compare_traces(reader_a, reader_b, code);
}

std::string difference(const std::string& a, const std::string& b, const CodeReader& code = {}) {
  const auto compared = compare(a, b, code);
  return compared ? compared->difference : "error: " + compared.error();
}

}  // namespace

TEST_CASE("trace difference: events agree whenever and wherever they happened") {
  const auto compared = compare(lines({kStore, kWriteH}, kEarly), lines({kStore, kWriteH}, kLate));
  REQUIRE(compared);
  CHECK(compared->agreed == 2);
  CHECK(compared->difference.empty());
}

TEST_CASE("trace difference: of several VMs' traces one VM's events can be compared") {
  TrapTaken other = kStore;
  other.vm = VmId(kVm.value + 1);
  other.registers[1] = 0x999;
  const auto compare_vm = [&](std::uint32_t vm) {
    std::istringstream in_a(lines({kStore, other, kWriteH}));
    std::istringstream in_b(lines({other, other, kStore, kWriteH}));
    TraceReader reader_a("a", in_a, TraceContent::All, vm);
    TraceReader reader_b("b", in_b, TraceContent::All, vm);
    const auto compared = compare_traces(reader_a, reader_b, {});
    REQUIRE(compared);
    return *compared;
  };
  CHECK(compare_vm(kVm.value).difference.empty());
  CHECK(compare_vm(kVm.value).agreed == 2);
  CHECK_FALSE(compare_vm(other.vm.value).difference.empty());
}

TEST_CASE("trace difference: what the host did, said or knew is not compared") {
  const Stamp turn{.time_ns = 6, .pcpu = 0, .instructions = 6, .host = true};
  const std::string theirs =
      "{\"event\":\"log\",\"level\":\"Info\",\"text\":\"before\"}\r\n" +
      lines({StateChanged{kVm, kVcpu, false, "Running"}, kStore}) + lines({kStore}, turn) + "\n" +
      "{\"event\":\"console\",\"text\":\"H\"}\r\n" +
      lines({PageMapped{kVm, kVcpu, GuestPhysAddr(0x1000), HostPhysAddr(0x2000), 4096},
             StateChanged{kVm, VcpuId(7), false, "Stopped"}}) +
      "{\"event\":\"end\",\"status\":0}\r\n";
  const std::string ours =
      lines({kStore, PageMapped{kVm, kVcpu, GuestPhysAddr(0x1000), HostPhysAddr(0x9000), 4096},
             StateChanged{kVm, kVcpu, false, "Stopped"}});
  const auto compared = compare(theirs, ours);
  REQUIRE(compared);
  CHECK(compared->agreed == 3);
  CHECK(compared->difference.empty());
}

TEST_CASE("trace difference: each field that differs has its register's name and both values") {
  TrapTaken other = kStore;
  other.syndrome = 0x9382'0006;
  other.fault_gpa = 0xA'0000;
  other.registers[1] = 'J';
  CHECK(difference(lines({kStore, kStore}), lines({kStore, other})) ==
        "event 2 differs:\n"
        "               a:2          b:2\n"
        "  ESR_EL2      0x93810046   0x93820006\n"
        "  ESR_EL2.SRT  0x1 (w1)     0x2 (w2)\n"
        "  ESR_EL2.WnR  0x1 (write)  0x0 (read)\n"
        "  HPFAR_EL2    0x90000      0xa0000\n"
        "  X1           0x48         0x4a\n"
        "the last events that agree:\n"
        "  1 TrapTaken, data abort from EL0/EL1 vm=0x1 vcpu=0x0 ESR_EL2=0x93810046 "
        "FAR_EL2=0x9000000 HPFAR_EL2=0x90000 ELR_EL2=0x40080010 SPSR_EL2=0x3c5\n");
}

TEST_CASE("trace difference: a field of the syndrome that only one side has is - in the other") {
  TrapTaken other = kStore;
  other.syndrome = 0x9200'0046;
  const std::string text = difference(lines({kStore}), lines({other}));
  CHECK(text.find("ESR_EL2.ISV  0x1") != std::string::npos);
  CHECK(text.find("ESR_EL2.SAS  0x2 (4 bytes)  -\n") != std::string::npos);
}

TEST_CASE("trace difference: events of different kinds, and the end of one trace") {
  CHECK(difference(lines({kStore, kWriteH}), lines({kStore, kStore}))
            .find("event  DeviceAccess vm=0x1 vcpu=0x0 bus=Mmio is_write=true width=0x4 "
                  "address=0x9000000 data=0x48 device=pl011  TrapTaken, data abort") !=
        std::string::npos);
  const std::string text = difference(lines({kStore, kWriteH}), lines({kStore}));
  CHECK(text.find("b:end") != std::string::npos);
  CHECK(text.find("(the end)") != std::string::npos);
}

TEST_CASE("trace difference: the instructions around the trap") {
  const CodeReader code = [](std::uint64_t vm,
                             std::uint64_t address) -> std::optional<std::uint32_t> {
    CHECK(vm == 1);
    if (address == 0x4008'000C) return 0xD503'201F;  // nop
    if (address == 0x4008'0010) return 0xB900'0001;  // str w1, [x0]
    return std::nullopt;
  };
  const std::string around =
      "instructions around:\n"
      "    0x4008000c: nop\n"
      "  > 0x40080010: str w1, [x0]\n";
  TrapTaken other = kStore;
  other.registers[2] = 1;
  CHECK(difference(lines({kStore}), lines({other}), code).find(around) != std::string::npos);
  // What the core did about a trap is told by where the trap was.
  DeviceAccess write = kWriteH;
  write.data = 'J';
  CHECK(difference(lines({kStore, kWriteH}), lines({kStore, write}), code).find(around) !=
        std::string::npos);
  TrapTaken elsewhere = kStore;
  elsewhere.return_address = 0x1000;
  CHECK(
      difference(lines({elsewhere}), lines({other}), code).find("code at 0x1000 is in no image") !=
      std::string::npos);
}

TEST_CASE("trace difference: tables that map something else") {
  const TablesChanged tables{sample::kVm, kVcpu, 0x1234, 0x3000, 2};
  TablesChanged other = tables;
  other.hash = 0x5678;
  other.mapped = 0x4000;
  CHECK(difference(lines({kStore, tables}), lines({kStore, tables})).empty());
  const std::string text = difference(lines({kStore, tables}), lines({kStore, other}));
  CHECK(text.find("  hash    0x1234  0x5678\n") != std::string::npos);
  CHECK(text.find("  mapped  0x3000  0x4000\n") != std::string::npos);
}

TEST_CASE("trace difference: what is no trace is refused in one line") {
  CHECK(difference("", "") == "error: a: has no trap");
  CHECK(difference(lines({kStore}), "[0.5 s] pcpu0\n") == "error: b:1: is no JSON object");
  CHECK(difference("{\"event\":3}\n", "") == "error: a:1: has no \"event\" with a name");
  CHECK(difference("\n{\"event\":\"TrapTaken\",\"vm\":1}\n", "") ==
        "error: a:2: TrapTaken has no vcpu");
  CHECK(difference("{\"event\":\"TrapTaken\",\"vm\":{}}\n", "") ==
        "error: a:1: TrapTaken has no vm");
}

TEST_CASE("trace difference: QEMU may name stage 1's level in a fault on its walk, and no more") {
  TrapTaken walk = kStore;
  walk.syndrome = 0x9200'0087;
  TrapTaken other = walk;
  other.syndrome = 0x9200'0084;
  const auto permitted = [](const TrapTaken& a, const TrapTaken& b) {
    std::istringstream in_a(lines({a}));
    std::istringstream in_b(lines({b}));
    TraceReader reader_a("a", in_a);
    TraceReader reader_b("b", in_b);
    const auto compared = compare_traces(reader_a, reader_b, {}, qemu_differences(Isa::Aarch64));
    REQUIRE(compared);
    return compared->difference.empty();
  };
  CHECK(permitted(walk, other));
  CHECK(permitted(walk, walk));
  other.syndrome = 0x9200'008C;  // another fault
  CHECK_FALSE(permitted(walk, other));
  other.syndrome = 0x9200'0084;
  other.registers[3] = 1;
  CHECK_FALSE(permitted(walk, other));
  TrapTaken plain = kStore;  // not on a walk
  plain.syndrome = 0x9200'0007;
  other = plain;
  other.syndrome = 0x9200'0004;
  CHECK_FALSE(permitted(plain, other));
}

TEST_CASE("trace difference: what QEMU does not trap may be missing in one of both, and no more") {
  const auto trap = [](std::uint64_t syndrome) {
    TrapTaken taken = kStore;
    taken.syndrome = syndrome;
    return taken;
  };
  // MRS of a debug register, by CRn, CRm and Op2.
  const auto read_debug = [](std::uint64_t crn, std::uint64_t crm, std::uint64_t op2) {
    return 0x18ULL << 26 | 1ULL << 25 | 2 << 20 | op2 << 17 | crn << 10 | crm << 1 | 1;
  };
  const auto compared = [](const std::vector<Event>& a, const std::vector<Event>& b) {
    std::istringstream in_a(lines(a));
    std::istringstream in_b(lines(b));
    TraceReader reader_a("a", in_a);
    TraceReader reader_b("b", in_b);
    auto result = compare_traces(reader_a, reader_b, {}, qemu_differences(Isa::Aarch64),
                                 missing_in_qemu(Isa::Aarch64));
    REQUIRE(result);
    return *result;
  };
  const TrapTaken maintenance = trap(0x9200'0147);
  const TrapTaken wfe = trap(0x7E0'0001);
  const TrapTaken debug = trap(read_debug(7, 14, 6));
  const DeviceAccess access{sample::kVm, kVcpu, Bus::SysReg, false, 8, 0x83F6, 0, {}};
  const auto few = compared({kStore, kWriteH, kStore},
                            {kStore, maintenance, kWriteH, wfe, debug, access, kStore});
  CHECK(few.difference.empty());
  CHECK(few.agreed == 3);
  CHECK(few.absent == 4);
  CHECK(compared({kStore, wfe}, {kStore}).difference.empty());
  // Not what else is like it, nor what follows from it.
  for (const std::uint64_t syndrome :
       {0x9200'0047ULL, 0x9200'01C7ULL, 0x7E0'0000ULL, read_debug(0, 2, 2)}) {
    CHECK_FALSE(compared({kStore}, {kStore, trap(syndrome)}).difference.empty());
  }
  CHECK_FALSE(compared({kStore}, {kStore, maintenance, kWriteH}).difference.empty());
  // Not in either of both.
  CHECK_FALSE(compared({kStore, wfe, kStore}, {kStore, maintenance, kStore}).difference.empty());
  CHECK_FALSE(
      compared({kStore, wfe, kStore, kWriteH}, {kStore, kStore, wfe, kWriteH}).difference.empty());
}

TEST_CASE(
    "trace difference: up to time, interrupts and waiting are left out, and what holds times") {
  TrapTaken interrupt = kStore;
  interrupt.cause = 1;
  TrapTaken wait = kStore;
  wait.syndrome = 0x7E0'0000;
  TrapTaken later = kStore;
  later.registers[5] = 900;
  later.saved_state = 0x8000'03C5;
  const auto agree = [](const std::vector<Event>& a, const std::vector<Event>& b) {
    std::istringstream in_a(lines(a));
    std::istringstream in_b(lines(b));
    TraceReader reader_a("a", in_a, TraceContent::UpToTime);
    TraceReader reader_b("b", in_b, TraceContent::UpToTime);
    const auto compared = compare_traces(reader_a, reader_b, {});
    REQUIRE(compared);
    return compared->difference.empty();
  };
  CHECK(agree({kStore, wait, interrupt, kWriteH}, {interrupt, later, kWriteH}));
  TrapTaken elsewhere = kStore;
  elsewhere.return_address += 4;
  CHECK_FALSE(agree({kStore, kWriteH}, {elsewhere, kWriteH}));
  const auto call = [](std::string_view name, std::uint64_t argument) {
    return FirmwareCall{kVm, kVcpu, name, 0, {argument, 0, 0}, 0};
  };
  for (const std::string_view name : {"sbi_set_timer", "sbi_legacy_set_timer"}) {
    CHECK(agree({kStore, call(name, 900)}, {kStore, call(name, 901)}));
  }
  CHECK_FALSE(agree({kStore, call("sbi_hart_stop", 1)}, {kStore, call("sbi_hart_stop", 2)}));
  CHECK_FALSE(agree({kStore, call("sbi_set_timer", 1)}, {kStore, call("sbi_hart_stop", 1)}));
}

TEST_CASE("trace reader: a heading says whose registers the events are of") {
  const auto read = [](const std::string& text) {
    std::istringstream in(text + lines({kStore}));
    TraceReader reader("a", in);
    const auto first = reader.next();
    REQUIRE(first.has_value());
    REQUIRE(first->has_value());
    return std::pair(reader.named_isa(), (*first)->line);
  };
  CHECK(read({}) == std::pair<std::optional<Isa>, std::uint64_t>(std::nullopt, 1));
  CHECK(read(trace_heading(Isa::Riscv64)) ==
        std::pair<std::optional<Isa>, std::uint64_t>(Isa::Riscv64, 2));
  CHECK(read(trace_heading(Isa::Aarch64)) ==
        std::pair<std::optional<Isa>, std::uint64_t>(Isa::Aarch64, 2));
  CHECK(read("{\"event\":\"Machine\",\"isa\":\"vax\"}\n").first == std::nullopt);
}
