#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <hal-common/placement.hpp>
#include <hal-sim/host/choices.hpp>
#include <hal-sim/host/placement.hpp>
#include <set>

using namespace axvm::hal_sim;

namespace {

constexpr std::uint64_t kAny = ~0ULL;

std::vector<std::optional<unsigned>> place(std::vector<std::uint64_t> masks, unsigned pcpus) {
  std::vector<unsigned> load(pcpus, 0);
  return place_vcpus(masks, load);
}

using Places = std::vector<std::optional<unsigned>>;

}  // namespace

TEST_CASE("vCPUs without masks are placed one to one, then share evenly") {
  CHECK(place({kAny, kAny, kAny}, 3) == Places{0, 1, 2});
  CHECK(place({kAny, kAny, kAny}, 2) == Places{0, 1, 0});
}

TEST_CASE("masks are honoured") {
  CHECK(place({0b10, 0b01, 0b10}, 2) == Places{1, 0, 1});
  CHECK(place({0b100, kAny}, 2) == Places{std::nullopt, 0});
}

TEST_CASE("a second VM goes where the first one is not") {
  std::vector<unsigned> load(2, 0);
  const std::vector<std::uint64_t> one = {kAny};
  CHECK(place_vcpus(one, load) == Places{0});
  CHECK(place_vcpus(one, load) == Places{1});
}

TEST_CASE("law: every place is in its mask, and the load counts them all") {
  CHECK(rc::check([](std::vector<std::uint8_t> masks) {
    const std::vector<std::uint64_t> wide(masks.begin(), masks.end());
    std::vector<unsigned> load(8, 0);
    const auto places = place_vcpus(wide, load);
    unsigned placed = 0;
    for (std::size_t i = 0; i < wide.size(); ++i) {
      RC_ASSERT(places[i].has_value() == (wide[i] != 0));
      if (!places[i]) continue;
      RC_ASSERT((wide[i] >> *places[i] & 1) != 0);
      ++placed;
    }
    unsigned total = 0;
    for (const unsigned n : load) total += n;
    RC_ASSERT(total == placed);
  }));
}

TEST_CASE("so many CPUs as vCPUs demand place each of them, one fewer does not") {
  CHECK(rc::check([](const std::vector<std::uint8_t>& masks) {
    axvm::hal_common::CpuDemand demand;
    std::vector<std::uint64_t> wide;
    for (const std::uint8_t mask : masks) {
      if (mask == 0) continue;
      wide.push_back(mask);
      demand.add(mask);
    }
    const auto all_placed = [&](unsigned cpus) {
      std::vector<unsigned> load(cpus, 0);
      return std::ranges::all_of(place_vcpus(wide, load),
                                 [](const auto& cpu) { return cpu.has_value(); });
    };
    RC_ASSERT(all_placed(demand.least()));
    RC_ASSERT(all_placed(demand.best(4)));
    RC_ASSERT(demand.least() == 1 || !all_placed(demand.least() - 1));
    RC_ASSERT(demand.best(4) <= std::max(demand.least(), 4U));
  }));
  axvm::hal_common::CpuDemand nowhere;
  nowhere.add(0);
  CHECK(nowhere.least() > 64);
}

TEST_CASE("default choices are the same in every run") {
  DeterministicChoices a(1000);
  DeterministicChoices b(1000);
  CHECK(a.round_length(0) == 1000);
  CHECK(a.next_vcpu(axvm::PcpuId(0), 3) == 0);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t value = a.entropy();
    CHECK(value == b.entropy());
    seen.insert(value);
  }
  CHECK(seen.size() == 100);
}
