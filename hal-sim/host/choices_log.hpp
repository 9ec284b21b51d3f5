#pragma once
// Choices that are written down.

#include <functional>
#include <hal-sim/host/choices.hpp>
#include <memory>
#include <string_view>

namespace axvm::hal_sim {

/// Passes every question on, and writes it with its answer as one line of JSON, in order:
/// `{"choice":"next_vcpu","pcpu":0,"count":2,"answer":1}`. The keys between `choice` and `answer`
/// are the question's arguments. Input that did not arrive and idling that nothing cut short are
/// left out; the bytes of input are in hexadecimal.
class LoggedChoices final : public Choices {
 public:
  using Writer = std::function<void(std::string_view line)>;

  LoggedChoices(std::unique_ptr<Choices> choices, Writer write)
      : choices_(std::move(choices)), write_(std::move(write)) {}

  std::size_t next_vcpu(PcpuId pcpu, std::size_t count) override;
  std::uint64_t round_length() override;
  bool migrate(std::uint64_t round) override;
  bool admit_input(VmId vm, std::uint64_t time_ns) override;
  std::string arriving_input(VmId vm) override;
  std::uint64_t idle(std::uint64_t now, std::uint64_t until) override;
  std::uint64_t entropy() override;

 private:
  std::unique_ptr<Choices> choices_;
  Writer write_;
};

}  // namespace axvm::hal_sim
