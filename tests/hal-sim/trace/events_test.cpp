#include <doctest/doctest.h>

#include <hal-sim/trace/hash_sink.hpp>
#include <hal-sim/trace/json_sink.hpp>
#include <hal-sim/trace/text_sink.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sample_events.hpp"

using namespace axvm;
using namespace axvm::hal_sim;

namespace {

constexpr VcpuId kVcpu{2};
constexpr VmId kVm = sample::kVm;
constexpr TrapTaken kStore = sample::store(kVcpu);
constexpr DeviceAccess kWriteH = sample::write_h(kVcpu);
constexpr Stamp kStamp{.time_ns = 1'000'001'234, .pcpu = 3, .instructions = 77, .host = false};

template <class Sink, class... Args>
std::string written(const std::vector<std::pair<Stamp, Event>>& events, Args&&... args) {
  std::string text;
  const auto write = [&text](std::string_view more) { text += more; };
  auto sink = [&] {
    if constexpr (std::is_constructible_v<Sink, Isa, TextOutput, Args...>) {
      return Sink(Isa::Aarch64, write, std::forward<Args>(args)...);
    } else {
      return Sink(write, std::forward<Args>(args)...);
    }
  }();
  for (const auto& [stamp, event] : events) sink.event(stamp, event);
  sink.finish();
  return text;
}

std::string as_text(const Event& event) {
  const InstructionReader reader = [](std::uint32_t,
                                      std::uint64_t address) -> std::optional<std::uint32_t> {
    if (address == 0x4008'0010) return 0xB900'0001;  // str w1, [x0]
    if (address == 0x4008'0020) return 0xD400'0002;  // hvc #0
    if (address == 0x4008'0030) return 0xD538'0400;  // mrs x0, id_aa64pfr0_el1
    return std::nullopt;
  };
  return written<TextSink>({{kStamp, event}}, reader);
}

}  // namespace

TEST_CASE("a trap is a block that names registers and fields and shows the instruction") {
  CHECK(as_text(kStore) == R"(
[1.000001234 s] pcpu3 vm1.vcpu2 after 77 instructions: data abort from EL0/EL1
  0x40080010: str w1, [x0]
  ESR_EL2=0x93810046: EC=0x24 IL=1 ISV=1 SAS=2 (4 bytes) SSE=0 SRT=1 (w1) SF=0 AR=0 WnR=1 (write) DFSC=6 (translation fault, level 2)
  FAR_EL2=0x9000000 HPFAR_EL2=0x90000: IPA 0x9000000
  ELR_EL2=0x40080010 SPSR_EL2=0x3c5: EL1h
)");
}

TEST_CASE("a hypercall shows the HVC itself, which ELR_EL2 is already past") {
  TrapTaken hvc = kStore;
  hvc.syndrome = 0x5A00'0000;
  hvc.return_address = 0x4008'0024;
  CHECK(as_text(hvc) == R"(
[1.000001234 s] pcpu3 vm1.vcpu2 after 77 instructions: HVC from AArch64
  0x40080020: hvc #0
  ESR_EL2=0x5a000000: EC=0x16 IL=1 imm16=0
  ELR_EL2=0x40080024 SPSR_EL2=0x3c5: EL1h
)");
}

TEST_CASE("a trapped system register is named") {
  TrapTaken mrs = kStore;
  mrs.syndrome = 0x6230'0009 | 0ULL << 5;
  mrs.return_address = 0x4008'0030;
  const std::string text = as_text(mrs);
  CHECK(text.find("CRm=4 (ID_AA64PFR0_EL1) Direction=1 (read)") != std::string::npos);
  CHECK(text.find("mrs x0, id_aa64pfr0_el1") != std::string::npos);
}

TEST_CASE("an interrupt of the host says so and has no syndrome") {
  std::string text;
  TextSink sink(Isa::Aarch64, [&text](std::string_view more) { text += more; }, {});
  TrapTaken irq = kStore;
  irq.cause = 1;
  Stamp stamp = kStamp;
  stamp.host = true;
  sink.event(stamp, irq);
  CHECK(text == R"(
[1.000001234 s] pcpu3 vm1.vcpu2 after 77 instructions: IRQ (the host's)
  0x40080010: (not readable)
  ELR_EL2=0x40080010 SPSR_EL2=0x3c5: EL1h
)");
}

TEST_CASE("what the VMM did follows as one line each") {
  CHECK(as_text(kWriteH) == "  → pl011 write DR = 0x48 'H'\n");
  DeviceAccess access = kWriteH;
  access.is_write = false;
  access.address = 0x0900'0018;
  CHECK(as_text(access) == "  → pl011 read FR = 0x48\n");
  access.device = {};
  CHECK(as_text(access) == "  → nothing answers a 4-byte read of 0x9000018\n");
  access.bus = Bus::SysReg;
  access.address = 0xC020;
  CHECK(as_text(access) == "  → read ID_AA64PFR0_EL1 = 0x48\n");
  CHECK(as_text(FirmwareCall{kVm, kVcpu, "PSCI_CPU_ON", 0xC400'0003, {1, 2, 3}, 0}) ==
        "  → PSCI_CPU_ON(0x1, 0x2, 0x3) = 0x0\n");
  CHECK(as_text(FirmwareCall{kVm, kVcpu, {}, 0x1234, {}, ~0ULL}) ==
        "  → call 0x1234(0x0, 0x0, 0x0) = -1\n");
  CHECK(as_text(PageMapped{kVm, kVcpu, GuestPhysAddr(0x4000'0000), HostPhysAddr(0x4100'0000),
                           4096}) == "  → map IPA 0x40000000 to PA 0x41000000, 4 KiB\n");
  CHECK(as_text(ExceptionInjected{kVm, kVcpu, 0x9600'0010, 0x1000, "no memory or device there"}) ==
        "  → inject data abort from EL1 into EL1: ESR_EL1=0x96000010 FAR_EL1=0x1000, no memory or "
        "device there\n");
  CHECK(as_text(StateChanged{kVm, kVcpu, true, "on"}) == "  → vm1 vcpu2 is on\n");
  CHECK(as_text(StateChanged{kVm, kVcpu, false, "stopping"}) == "  → vm1 is stopping\n");
  CHECK(as_text(TablesChanged{kVm, kVcpu, 0x1234, 0x3000, 2}) ==
        "  → stage 2 maps 12 KiB in 2 runs, hash 0000000000001234\n");
}

TEST_CASE("JSON lines have the event first, its members by name, 64-bit values as hex strings") {
  std::string unused;
  for (unsigned n = 2; n <= 30; ++n) unused += R"(,"0x0")";
  CHECK(to_json(Event(kStore)) ==
        R"({"event":"TrapTaken","vm":1,"vcpu":2,"cause":"0x0","syndrome":"0x93810046",)"
        R"("fault_address":"0x9000000","fault_gpa":"0x90000","return_address":"0x40080010",)"
        R"("saved_state":"0x3c5","instruction":"0x0","registers":["0x9000000","0x48")" +
            unused + "]}");
  CHECK(to_json(kStamp, kWriteH) ==
        R"({"event":"DeviceAccess","vm":1,"vcpu":2,"bus":"Mmio","is_write":true,"width":4,)"
        R"("address":"0x9000000","data":"0x48","device":"pl011","time_ns":1000001234,"pcpu":3,)"
        R"("instructions":77})");
  CHECK(to_json(Event(FirmwareCall{kVm, kVcpu, "PSCI_VERSION", 0x8400'0000, {1, 2, 3}, 4})) ==
        R"({"event":"FirmwareCall","vm":1,"vcpu":2,"name":"PSCI_VERSION",)"
        R"("function":"0x84000000","arguments":["0x1","0x2","0x3"],"result":"0x4"})");
}

TEST_CASE("every JSON line parses, whatever names contain") {
  DeviceAccess access = kWriteH;
  access.device = "a \"quoted\\\" name\n\x01";
  Stamp stamp = kStamp;
  stamp.host = true;
  for (const Event& event : {Event(kStore), Event(access), Event(FirmwareCall{}),
                             Event(PageMapped{}), Event(ExceptionInjected{}),
                             Event(StateChanged{kVm, kVcpu, true, "on"}), Event(TablesChanged{})}) {
    const auto json = nlohmann::json::parse(written<JsonSink>({{stamp, event}}));
    CHECK(json["host"] == true);
    CHECK(json["pcpu"] == 3);
  }
  CHECK(nlohmann::json::parse(to_json(Event(access)))["device"] == access.device);
}

TEST_CASE("the hash depends on every event and stamp of the guest, not on the host's") {
  const auto hash = [](std::vector<std::pair<Stamp, Event>> events) {
    return written<HashSink>(events);
  };
  Stamp host = kStamp;
  host.host = true;
  Stamp later = kStamp;
  ++later.instructions;
  const std::string both = hash({{kStamp, kStore}, {kStamp, kWriteH}});
  CHECK(both.ends_with(" 2\n"));
  CHECK(both == hash({{kStamp, kStore}, {host, kStore}, {kStamp, kWriteH}}));
  CHECK(both != hash({{kStamp, kWriteH}, {kStamp, kStore}}));
  CHECK(both != hash({{kStamp, kStore}, {later, kWriteH}}));
}
