#pragma once
// Choices that are written down.

#include <functional>
#include <hal-sim/host/choices.hpp>
#include <hal-sim/record/choice_line.hpp>
#include <memory>
#include <string_view>

namespace axvm::hal_sim {

/// Passes every question on, and writes it with its answer as a line (choice_line.hpp), in order.
/// Input that did not arrive and idling that nothing cut short are left out.
class LoggedChoices final : public ForwardedChoices {
 public:
  using Writer = std::function<void(std::string_view line)>;

  LoggedChoices(std::unique_ptr<Choices> choices, Writer write)
      : ForwardedChoices(std::move(choices)), write_(std::move(write)) {}

  std::size_t next_vcpu(PcpuId pcpu, std::size_t count) override;
  std::uint64_t round_length(std::uint64_t begin) override;
  bool migrate(std::uint64_t round) override;
  bool admit_input(VmId vm, std::uint64_t time_ns) override;
  std::string arriving_input(VmId vm) override;
  std::uint64_t idle(std::uint64_t now, std::uint64_t until) override;
  std::uint64_t entropy() override;

 private:
  void log(const Choice& choice);

  Writer write_;
};

}  // namespace axvm::hal_sim
