// Programs that mean no good end in a report, and nothing worse; axvm_hostile runs many more.
#include <doctest/doctest.h>

#include <cstring>

#include "machine.hpp"
#include "program.hpp"

using namespace axvm::test::hostile;
using axvm::hal_sim::StopKind;

TEST_CASE("hostile: random programs end by themselves, at the limit or in a report") {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    CAPTURE(seed);
    const Report report = run(seed);
    INFO(report.reason.text);
    CHECK(report.is_guests_doing());
    CHECK(report.instructions <= Options{}.instructions);
    CHECK_FALSE(report.reason.text.empty());
  }
}

TEST_CASE("hostile: what random programs do is the same every time, chaos or not") {
  for (std::uint64_t seed = 1'000; seed < 1'040; ++seed) {
    CAPTURE(seed);
    const Report report = run(seed, {.traced = true});
    CHECK(run(seed, {.traced = true}) == report);
    CHECK(run(seed, {.chaos = seed, .traced = true}) == report);
  }
}

TEST_CASE("hostile: noise alone ends, too") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    std::vector<std::uint8_t> image(kImageSize);
    for (std::uint8_t& byte : image) byte = static_cast<std::uint8_t>(random.next());
    CHECK(run(seed, image, {}).is_guests_doing());
  }
}

TEST_CASE("hostile: a vector that faults is reported in one line that says where") {
  // udf, with VBAR_EL1 at its reset value, where no memory is
  const std::vector<std::uint8_t> image(kImageSize);
  const Report report = run(0, image, {});
  CHECK(report.reason.kind == StopKind::GuestFault);
  CHECK(report.reason.text.starts_with("vm1 vcpu0 failed"));
  CHECK(report.reason.text.find('\n') == std::string::npos);
}

TEST_CASE("hostile: a timer that is set to the end of time is waited for no longer than for ever") {
  constexpr std::uint32_t kProgram[] = {
      0xd2e80000,  // mov x0, #1 << 62
      0xd51be340,  // msr cntv_cval_el0, x0
      0xd2800021,  // mov x1, #1
      0xd51be321,  // msr cntv_ctl_el0, x1
      0xd503207f,  // wfi
      0x14000000,  // b .
  };
  std::vector<std::uint8_t> image(kImageSize);
  std::memcpy(image.data(), kProgram, sizeof kProgram);
  CHECK(run(0, image, {}).reason.kind == StopKind::WaitsForever);
}
