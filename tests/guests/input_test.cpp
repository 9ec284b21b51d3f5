// Input that arrives while a guest runs, and idling that it cuts short.
#include <doctest/doctest.h>

#include <hal-sim/record/choices_log.hpp>

#include "guest_run.hpp"

using namespace axvm;
using namespace axvm::test;
using hal_sim::Choices;
using hal_sim::DeterministicChoices;
using hal_sim::Host;
using hal_sim::Isa;
using hal_sim::StopKind;

namespace {

constexpr std::uint64_t kLater = 5'000'000;  // nanoseconds

// Somebody who types `text`, a byte at a time, whenever the guest has nothing to do.
class Typist final : public Choices {
 public:
  explicit Typist(std::string text) : text_(std::move(text)) {}

  std::size_t next_vcpu(PcpuId pcpu, std::size_t n) override { return rest_.next_vcpu(pcpu, n); }
  std::uint64_t round_length(std::uint64_t t) override { return rest_.round_length(t); }
  bool migrate(std::uint64_t round) override { return rest_.migrate(round); }
  bool admit_input(VmId vm, std::uint64_t time) override { return rest_.admit_input(vm, time); }
  std::uint64_t entropy() override { return rest_.entropy(); }
  std::string arriving_input(VmId) override { return std::exchange(typed_, {}); }
  std::uint64_t idle(std::uint64_t now, std::uint64_t until) override {
    if (until != kForever || next_ == text_.size()) return until;
    typed_ = text_[next_++];
    return now + kLater;
  }

 private:
  DeterministicChoices rest_{100'000};
  std::string text_;
  std::string typed_;
  std::size_t next_ = 0;
};

std::unique_ptr<Host> boot_waiting(Isa isa, std::unique_ptr<Choices> choices) {
  hal_sim::HostOptions options;
  options.images.directories = {AXVM_BUILD_DIR};
  options.choices = std::move(choices);
  auto host = Host::create(config_of({.name = "hello", .kernel = waiting_kernel(isa), .isa = isa}),
                           std::move(options));
  REQUIRE(host.has_value());
  return std::move(*host);
}

}  // namespace

TEST_CASE("an idle guest goes on when input arrives, and ends when none can") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    const auto alone = boot_waiting(isa, std::make_unique<DeterministicChoices>(100'000));
    CHECK(alone->run().kind == StopKind::WaitsForever);
    const auto typed_at = boot_waiting(isa, std::make_unique<Typist>("ab"));
    CHECK(typed_at->run().kind == StopKind::WaitsForever);
    const auto before = alone->statistics();
    const auto after = typed_at->statistics();
    CHECK(after.instructions > before.instructions);
    CHECK(after.time_ns >= before.time_ns + 2 * kLater);
    CHECK(after.time_ns < before.time_ns + 2 * kLater + 100'000);
    CHECK(alone->state_hash() != typed_at->state_hash());
  }
}

TEST_CASE("input that arrives in the same way ends in the same state") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    const auto first = boot_waiting(isa, std::make_unique<Typist>("hello"));
    const auto again = boot_waiting(isa, std::make_unique<Typist>("hello"));
    first->run();
    again->run();
    CHECK(first->state_hash() == again->state_hash());
  }
}

TEST_CASE("the log of choices tells what arrived and when idling ended") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    std::string log;
    const auto host = boot_waiting(
        isa, std::make_unique<hal_sim::LoggedChoices>(
                 std::make_unique<Typist>("a"), [&log](std::string_view line) { log += line; }));
    host->run();
    CHECK(log.find("{\"choice\":\"arriving_input\",\"vm\":1,\"answer\":\"61\"}\n") !=
          std::string::npos);
    CHECK(log.find("{\"choice\":\"idle\",\"now\":") != std::string::npos);
  }
}
