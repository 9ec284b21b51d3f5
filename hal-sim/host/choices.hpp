#pragma once
// Every decision of a run that is not the guest's.

#include <axvm/address.hpp>
#include <cstddef>
#include <cstdint>

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
  /// Length of a round, in nanoseconds of guest time (instructions): at least 1. Each pCPU has one
  /// turn per round.
  virtual std::uint64_t round_length() = 0;
  /// Whether the guest, which asks its console at `time_ns`, gets the next byte that waits there.
  virtual bool admit_input(VmId vm, std::uint64_t time_ns) = 0;
  /// 64 bits for whoever needs randomness.
  virtual std::uint64_t entropy() = 0;
};

/// The default: round robin, rounds of one length, input as soon as it is asked for, a fixed
/// sequence of entropy (SplitMix64).
class DeterministicChoices final : public Choices {
 public:
  explicit DeterministicChoices(std::uint64_t turn_instructions) : round_(turn_instructions) {}

  std::size_t next_vcpu(PcpuId, std::size_t) override { return 0; }
  std::uint64_t round_length() override { return round_; }
  bool admit_input(VmId, std::uint64_t) override { return true; }
  std::uint64_t entropy() override;

 private:
  std::uint64_t round_;
  std::uint64_t entropy_state_ = 0;
};

}  // namespace axvm::hal_sim
