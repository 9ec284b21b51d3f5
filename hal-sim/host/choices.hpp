#pragma once
// Every decision of a run that is not the guest's.

#include <axvm/address.hpp>
#include <axvm/state.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace axvm::hal_sim {

/// Asked by the host whenever it could go on in more than one way. Two runs of one machine whose
/// Choices answer alike are the same run; recording, replay and exploration of schedules are
/// implementations of this interface.
class Choices {
 public:
  virtual ~Choices() = default;

  /// Which of `count` >= 2 vCPUs that could run on `pcpu` gets its turn; they are in round-robin
  /// order, the one that has waited longest first. Below `count`.
  virtual std::size_t next_vcpu(PcpuId pcpu, std::size_t count) = 0;
  /// Length of the round that begins at `begin`, both in nanoseconds of guest time (instructions):
  /// at least 1.
  virtual std::uint64_t round_length(std::uint64_t begin) = 0;
  /// Asked before a round when some vCPU may run on several pCPUs: whether each of them moves on,
  /// to the next pCPU of its affinity mask. `round` counts from 0.
  virtual bool migrate(std::uint64_t round) = 0;
  /// Whether the guest, which asks its console at `time_ns`, gets the next byte that waits there.
  virtual bool admit_input(VmId vm, std::uint64_t time_ns) = 0;
  /// What has been typed at a VM's console: bytes that arrive before a round. Asked when the guest
  /// has taken what came before.
  virtual std::string arriving_input(VmId vm) {
    static_cast<void>(vm);
    return {};
  }
  /// The machine has nothing to do between `now` and `until`, guest time in nanoseconds (kForever:
  /// nothing is known that would give it something). When it goes on: `until`, or earlier since
  /// input has arrived or somebody wants to look at the machine. kForever: no input will come.
  virtual std::uint64_t idle(std::uint64_t now, std::uint64_t until) {
    static_cast<void>(now);
    return until;
  }
  /// 64 bits for whoever needs randomness.
  virtual std::uint64_t entropy() = 0;
  /// What the answers depend on besides the questions. It is no part of the machine's state, but
  /// saved with it.
  virtual void describe(StateVisitor& visitor) { static_cast<void>(visitor); }

  static constexpr std::uint64_t kForever = ~std::uint64_t{0};
};

/// Somebody else's answers, but for what a derived class overrides.
class ForwardedChoices : public Choices {
 public:
  explicit ForwardedChoices(std::unique_ptr<Choices> rest) : rest_(std::move(rest)) {}

  std::size_t next_vcpu(PcpuId pcpu, std::size_t count) override {
    return rest_->next_vcpu(pcpu, count);
  }
  std::uint64_t round_length(std::uint64_t begin) override { return rest_->round_length(begin); }
  bool migrate(std::uint64_t round) override { return rest_->migrate(round); }
  bool admit_input(VmId vm, std::uint64_t time_ns) override {
    return rest_->admit_input(vm, time_ns);
  }
  std::string arriving_input(VmId vm) override { return rest_->arriving_input(vm); }
  std::uint64_t idle(std::uint64_t now, std::uint64_t until) override {
    return rest_->idle(now, until);
  }
  std::uint64_t entropy() override { return rest_->entropy(); }
  void describe(StateVisitor& visitor) override { rest_->describe(visitor); }

 private:
  std::unique_ptr<Choices> rest_;
};

/// The default: round robin, rounds of one length, vCPUs that move every so many rounds (0: never),
/// no input but what the host sends, which is there as soon as it is asked for, a fixed sequence of
/// entropy (SplitMix64).
class DeterministicChoices final : public Choices {
 public:
  explicit DeterministicChoices(std::uint64_t turn_instructions, std::uint64_t migration_rounds = 0)
      : round_(turn_instructions), migration_rounds_(migration_rounds) {}

  std::size_t next_vcpu(PcpuId, std::size_t) override { return 0; }
  std::uint64_t round_length(std::uint64_t) override { return round_; }
  bool migrate(std::uint64_t round) override {
    return migration_rounds_ != 0 && round % migration_rounds_ == migration_rounds_ - 1;
  }
  bool admit_input(VmId, std::uint64_t) override { return true; }
  std::uint64_t entropy() override;
  void describe(StateVisitor& visitor) override { visitor.field("entropy", entropy_state_); }

 private:
  std::uint64_t round_;
  std::uint64_t migration_rounds_;
  std::uint64_t entropy_state_ = 0;
};

}  // namespace axvm::hal_sim
