// What QEMU may do otherwise with RISC-V's guests: hal-hs/README.md has the reasons.
#include <doctest/doctest.h>
#include <hal-sim/trace/json_sink.hpp>
#include <hal-sim/trace/permitted_differences.hpp>
#include <hal-sim/trace/trace_difference.hpp>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "sample_events.hpp"

using namespace axvm;
using namespace axvm::hal_sim;

namespace {

constexpr VmId kVm = sample::kVm;
constexpr VcpuId kVcpu{0};

constexpr std::uint64_t kFromVs = 0x2'0000'0180;  // hstatus: SPV, SPVP
constexpr std::uint64_t kFromVu = 0x2'0000'0080;

constexpr std::uint64_t kHlvB = 0x6005'45f3;
constexpr std::uint64_t kHsvD = 0x6eb5'4073;
constexpr std::uint64_t kReadHstatus = 0x6000'2573;
constexpr std::uint64_t kReadSscratch = 0x1400'2573;
constexpr std::uint64_t kHfenceGvma = 0x6200'0073;

/// Two traces that differ in nothing but what QEMU may do otherwise.
bool agree(const std::vector<Event>& a, const std::vector<Event>& b) {
  const auto lines = [](const std::vector<Event>& events) {
    std::string text;
    for (const Event& event : events) text += to_json(event) + "\n";
    return text;
  };
  std::istringstream in_a(lines(a));
  std::istringstream in_b(lines(b));
  TraceReader reader_a("a", in_a);
  TraceReader reader_b("b", in_b);
  reader_a.assume(Isa::Riscv64);
  reader_b.assume(Isa::Riscv64);
  const auto compared = compare_traces(reader_a, reader_b, {}, qemu_differences(Isa::Riscv64),
                                       missing_in_qemu(Isa::Riscv64));
  REQUIRE(compared);
  return compared->difference.empty();
}

TrapTaken trap(std::uint64_t scause, std::uint64_t stval, std::uint64_t htinst = 0) {
  TrapTaken taken = sample::store(kVcpu);
  taken.cause = 0;
  taken.syndrome = scause;
  taken.fault_address = stval;
  taken.saved_state = kFromVs;
  taken.instruction = htinst;
  return taken;
}
ExceptionInjected injected(std::uint64_t cause, std::uint64_t value, std::string_view why = {}) {
  return {kVm, kVcpu, cause, value, why};
}

}  // namespace

TEST_CASE("under QEMU a fault on a walk may be a load's, and no more") {
  constexpr std::uint64_t kRead = 0x3000;
  constexpr std::uint64_t kWrite = 0x3020;
  CHECK(agree({trap(23, 0x1000, kRead)}, {trap(21, 0x1000, kRead)}));
  CHECK(agree({trap(21, 0x1000, kRead)}, {trap(23, 0x1000, kRead)}));
  CHECK(agree({trap(21, 0x1000, kRead)}, {trap(20, 0x1000, kRead)}));
  CHECK(agree({trap(23, 0x1000, kWrite)}, {trap(21, 0x1000, kWrite)}));
  CHECK_FALSE(agree({trap(23, 0x1000, kRead)}, {trap(20, 0x1000, kRead)}));
  CHECK_FALSE(agree({trap(23, 0x1000, kRead)}, {trap(21, 0x1000, kWrite)}));
  CHECK_FALSE(agree({trap(23, 0x1000, kRead)}, {trap(21, 0x1008, kRead)}));
  TrapTaken elsewhere = trap(21, 0x1000, kRead);
  elsewhere.fault_gpa ^= 8;
  CHECK_FALSE(agree({trap(23, 0x1000, kRead)}, {elsewhere}));
  // No walk: unknown, and sd a0, 0(a0).
  for (const std::uint64_t htinst : {0x0ULL, 0x00a5'3023ULL}) {
    CHECK_FALSE(agree({trap(23, 0x1000, htinst)}, {trap(21, 0x1000, htinst)}));
  }
}

TEST_CASE("htinst may lack a transformed instruction anywhere, but not what tells of a walk") {
  const auto agree_as_they_are = [](std::uint64_t a, std::uint64_t b) {
    std::istringstream in_a(to_json(Event(trap(23, 0x1000, a))));
    std::istringstream in_b(to_json(Event(trap(23, 0x1000, b))));
    TraceReader reader_a("a", in_a);
    TraceReader reader_b("b", in_b);
    const auto compared = compare_traces(reader_a, reader_b, {});
    REQUIRE(compared);
    return compared->difference.empty();
  };
  CHECK(agree_as_they_are(0x3023, 0));  // sd x0, 0(x0)
  CHECK_FALSE(agree_as_they_are(0x3000, 0));
  CHECK_FALSE(agree_as_they_are(0x3000, 0x3020));
}

TEST_CASE("under QEMU what the guest is told of such a walk is as of a load, and no more") {
  const TrapTaken ours = trap(20, 0x1000, 0x3000);
  const TrapTaken theirs = trap(21, 0x1000, 0x3000);
  CHECK(agree({ours, injected(1, 0x1000, "not executable")},
              {theirs, injected(5, 0x1000, "not there")}));
  CHECK(agree({trap(23, 0x1000, 0x3000), injected(7, 0x1000)}, {theirs, injected(5, 0x1000)}));
  CHECK_FALSE(agree({ours, injected(7, 0x1000)}, {theirs, injected(5, 0x1000)}));
  CHECK_FALSE(agree({ours, injected(1, 0x1000)}, {theirs, injected(13, 0x1000)}));
  CHECK_FALSE(agree({ours, injected(1, 0x1000)}, {theirs, injected(5, 0x1008)}));
  // Without the trap, once more, after another one.
  CHECK_FALSE(agree({ours, ours, injected(1, 0x1000)}, {ours, ours, injected(5, 0x1000)}));
  CHECK_FALSE(agree({ours, injected(1, 0x1000), injected(1, 0x1000)},
                    {theirs, injected(5, 0x1000), injected(5, 0x1000)}));
}

TEST_CASE("under QEMU stval may lack HLV and its like, and no more") {
  CHECK(agree({trap(22, kHlvB)}, {trap(22, 0)}));
  CHECK(agree({trap(22, 0)}, {trap(22, kHsvD)}));
  CHECK(agree({trap(22, kHlvB)}, {trap(22, kHfenceGvma)}));  // one before
  CHECK_FALSE(agree({trap(22, kHlvB)}, {trap(22, kHsvD)}));
  CHECK_FALSE(agree({trap(22, kReadHstatus)}, {trap(22, 0)}));
  CHECK_FALSE(agree({trap(22, kHfenceGvma)}, {trap(22, 0)}));
  CHECK_FALSE(agree({trap(2, kHlvB)}, {trap(2, 0)}));
  CHECK(agree({trap(22, kHlvB), injected(2, kHlvB)},
              {trap(22, kHfenceGvma), injected(2, kHfenceGvma)}));
  CHECK_FALSE(
      agree({trap(22, kHlvB), injected(2, kHlvB)}, {trap(22, kHfenceGvma), injected(2, 0)}));
  CHECK_FALSE(
      agree({trap(22, kHlvB), injected(2, kHlvB)}, {trap(22, kHlvB), injected(2, kHfenceGvma)}));
}

TEST_CASE("what QEMU's VU-mode takes itself may be missing, and no more") {
  const TrapTaken before = trap(21, 0x1000);
  const auto missing = [&](const Event& event) { return agree({before}, {before, event}); };
  const auto from_vu = [](std::uint64_t instruction) {
    TrapTaken taken = trap(22, instruction);
    taken.saved_state = kFromVu;
    return taken;
  };
  for (const std::uint64_t word : {kReadSscratch, 0x1020'0073UL, 0x1050'0073UL, 0x1200'0073UL}) {
    CHECK(missing(from_vu(word)));
    CHECK_FALSE(missing(trap(22, word)));
    CHECK(missing(injected(2, word)));
  }
  CHECK_FALSE(missing(from_vu(kReadHstatus)));
  CHECK_FALSE(missing(injected(2, kReadHstatus)));
  CHECK_FALSE(missing(injected(5, kReadSscratch)));
}
