// RISC-V's guests on harts with each of the G-stage's modes: deeper tables or shallower ones are
// nothing that a guest could see.
#include <doctest/doctest.h>

#include <algorithm>
#include <hal-sim/arch/riscv64/platform.hpp>
#include <sim/arch/riscv64/mmu.hpp>
#include <vector>

#include "guest_run.hpp"

using namespace axvm;
using namespace axvm::test;
using hal_sim::Isa;
using hal_sim::StopKind;
using sim::riscv64::WalkStep;

namespace {

constexpr std::uint64_t kRam = 0x8020'0000;  // where guests are loaded

struct Mode {
  std::uint64_t number = 0;  // of hgatp.MODE
  unsigned levels = 0;
};
constexpr std::array kModes{Mode{8, 3}, Mode{9, 4}, Mode{10, 5}};

GuestRun guest(const char* name, Mode mode = {}) {
  GuestRun run{.name = name, .turn_instructions = 1000, .isa = Isa::Riscv64};
  if (mode.number != 0) run.g_stage_modes = static_cast<std::uint16_t>(1U << mode.number);
  return run;
}

// Without the frames that memory gets: those behind the tables, of which there are more or fewer.
std::string without_frames(std::string trace) {
  constexpr std::string_view kTo = " to PA 0x";
  for (std::size_t at = 0; (at = trace.find(kTo, at)) != std::string::npos;) {
    trace.erase(at, trace.find(',', at) - at);
  }
  return trace;
}

struct Steps {
  void step(const WalkStep& step) { seen.push_back(step); }
  std::vector<WalkStep> seen;
};

}  // namespace

TEST_CASE("g-stage: guests say and make trap the same with tables of 3, 4 and 5 levels") {
  for (const char* name : kRiscvGuests) {
    CAPTURE(name);
    GuestRun usual = guest(name);
    usual.traced = true;
    const Outcome expected = run(usual);
    for (const Mode mode : kModes) {
      CAPTURE(mode.number);
      GuestRun traced = guest(name, mode);
      traced.traced = true;
      const Outcome outcome = run(traced);
      CHECK(outcome.reason.kind == StopKind::PoweredOff);
      CHECK(outcome.console == expected.console);
      CHECK(outcome.instructions == expected.instructions);
      CHECK((without_frames(outcome.trace_text) == without_frames(expected.trace_text)));
      CHECK((outcome.hash == expected.hash) == (mode.levels == 4));  // the tables are state
    }
  }
}

TEST_CASE("g-stage: chaos and a small TLB change nothing, whatever the tables") {
  for (const char* name : {"paging", "demand", "lazy", "permissions", "smp"}) {
    for (const Mode mode : kModes) {
      CAPTURE(name);
      CAPTURE(mode.number);
      GuestRun quiet = guest(name, mode);
      quiet.traced = true;
      quiet.tlb_entries = 64;
      GuestRun chaotic = quiet;
      chaotic.chaos = 11;
      const Outcome a = run(quiet);
      const Outcome b = run(chaotic);
      CHECK(a.hash == b.hash);
      CHECK(a.trace_hash == b.trace_hash);
    }
  }
}

TEST_CASE("g-stage: walks read as many entries as the mode has levels, of a root of 16 KiB") {
  for (const Mode mode : kModes) {
    CAPTURE(mode.number);
    Outcome outcome;
    const auto host = boot(guest("lazy", mode), outcome);
    REQUIRE(host != nullptr);
    // Far enough that the guest is loaded and has touched its memory by pages.
    REQUIRE(host->run({.instructions = 20'000}).kind == StopKind::InstructionLimit);
    const auto* const hart = hal_sim::riscv64::hart_of(host->machine(), 0);
    REQUIRE(hart != nullptr);
    const auto& mmu = hart->mmu();
    CHECK((mmu.registers().hgatp >> 60) == mode.number);
    Steps steps;
    const auto leaf = mmu.walk_g_stage(kRam, sim::riscv64::Access::Fetch, steps);
    REQUIRE(leaf.has_value());
    REQUIRE(steps.seen.size() == mode.levels);
    CHECK(steps.seen.front().level == mode.levels - 1);
    CHECK(steps.seen.front().index_high - steps.seen.front().index_low == 10);
    CHECK(steps.seen.front().table % 0x4000 == 0);
    CHECK(steps.seen.back().kind == WalkStep::Kind::Leaf);
    CHECK(steps.seen.back().level == 0);
  }
}

TEST_CASE("g-stage: of several modes the core takes Sv48x4, else Sv39x4") {
  const auto taken = [](std::uint16_t modes) {
    GuestRun run = guest("hello");
    run.g_stage_modes = modes;
    Outcome outcome;
    const auto host = boot(run, outcome);
    REQUIRE(host != nullptr);
    REQUIRE(host->run({.instructions = 10}).kind == StopKind::InstructionLimit);
    return hal_sim::riscv64::hart_of(host->machine(), 0)->mmu().registers().hgatp >> 60;
  };
  CHECK(taken(0x700) == 9);
  CHECK(taken(0x600) == 9);
  CHECK(taken(0x500) == 8);
}

TEST_CASE("g-stage: memory beyond what the tables translate is refused, and named") {
  constexpr std::uint64_t kBeyond = 1ULL << 41;
  for (const Mode mode : kModes) {
    CAPTURE(mode.number);
    auto config = config_of(guest("hello", mode));
    config.vms.front().memory_regions.push_back({kBeyond, 0x1000, 7, MapType::Alloc});
    hal_sim::HostOptions options;
    options.images.directories = {AXVM_BUILD_DIR};
    const auto host = hal_sim::Host::create(config, std::move(options));
    CHECK(host.has_value() == (mode.levels > 3));
    if (host) continue;
    CHECK(to_string(host.error().front())
              .ends_with("cannot map the VM: InvalidInput: range is beyond the guest address "
                         "space"));
  }
}
