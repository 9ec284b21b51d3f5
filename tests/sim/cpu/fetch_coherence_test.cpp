#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <sim/cpu/fetch_coherence.hpp>
#include <vector>

namespace axvm::sim {
namespace {

constexpr std::uint64_t kBase = 0x4000'0000;

struct Caches final : EngineCaches {
  void forget_code(std::uint64_t pa) override { code.push_back(pa); }
  void forget_translations() override { ++translations; }
  std::vector<std::uint64_t> code;
  int translations = 0;
};

struct Fixture {
  PhysicalMemory memory =
      *PhysicalMemory::create(std::array{PhysicalMemory::Bank{.base = kBase, .size = 0x10000}});
  FetchCoherence coherence{memory};
  Caches a;
  Caches b;

  Fixture() {
    coherence.attach(a);
    coherence.attach(b);
  }
};

TEST_CASE_FIXTURE(Fixture, "the first owner of a frame costs nothing") {
  coherence.claim_for_fetch(kBase);
  coherence.claim_for_write(kBase + 0x1000);
  CHECK(a.translations == 0);
  CHECK(a.code.empty());
  CHECK(coherence.has_code(kBase + 0xfff));
  CHECK_FALSE(coherence.has_code(kBase + 0x1000));
}

TEST_CASE_FIXTURE(Fixture, "fetching a written frame drops writable translations in every engine") {
  coherence.claim_for_write(kBase);
  coherence.claim_for_fetch(kBase);
  CHECK(a.translations == 1);
  CHECK(b.translations == 1);
  CHECK(a.code.empty());
  coherence.claim_for_fetch(kBase);
  CHECK(a.translations == 1);
}

TEST_CASE_FIXTURE(Fixture, "writing an executed frame drops its code in every engine") {
  coherence.claim_for_fetch(kBase + 0x2000);
  coherence.claim_for_write(kBase + 0x2abc);
  CHECK(a.code == std::vector<std::uint64_t>{kBase + 0x2000});
  CHECK(b.code == a.code);
  CHECK(b.translations == 1);
}

TEST_CASE_FIXTURE(Fixture, "a write from outside drops exactly the executed frames it touches") {
  coherence.claim_for_fetch(kBase + 0x1000);
  coherence.claim_for_fetch(kBase + 0x3000);
  coherence.written(kBase + 0xfff, 0x1002);
  CHECK(a.code == std::vector<std::uint64_t>{kBase + 0x1000});
  coherence.written(kBase + 0x3000, 0);
  CHECK(a.code.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "after all was invalidated, writers are noticed again, executors stay") {
  coherence.claim_for_write(kBase);
  coherence.claim_for_write(kBase + 0x1000);
  coherence.claim_for_fetch(kBase + 0x1000);
  coherence.claim_for_fetch(kBase + 0x2000);
  for (int n = 2; n < 5; ++n) {
    CAPTURE(n);
    coherence.all_invalidated();
    CHECK(a.translations == n);
    CHECK(b.translations == n);
    CHECK(coherence.has_code(kBase + 0x1000));
    CHECK(coherence.has_code(kBase + 0x2000));
    // With no writers there is nothing to forget.
    coherence.all_invalidated();
    CHECK(a.translations == n);
    coherence.claim_for_write(kBase);
  }
  CHECK(a.code.empty());
  coherence.all_invalidated();
  coherence.claim_for_fetch(kBase);  // nobody's
  CHECK(a.translations == 5);
}

TEST_CASE_FIXTURE(Fixture, "addresses without RAM are nobody's") {
  coherence.claim_for_fetch(0);
  CHECK_FALSE(coherence.has_code(0));
  coherence.claim_for_write(0);
  coherence.written(0, 0x10000);
  CHECK(a.translations == 0);
}

}  // namespace
}  // namespace axvm::sim
