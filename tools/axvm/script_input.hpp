#pragma once
// What a script types at the first VM's console.

#include <hal-sim/host/choices.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace axvm::tool {

/// All but input is somebody else's decision, and so is input once there is no more of this.
class ScriptInput final : public hal_sim::ForwardedChoices {
 public:
  ScriptInput(std::unique_ptr<hal_sim::Choices> rest, VmId vm)
      : ForwardedChoices(std::move(rest)), vm_(vm) {}

  /// Arrives before the next round in which the guest has taken all that came before.
  void type(std::string_view bytes) { bytes_ += bytes; }

  std::string arriving_input(VmId vm) override {
    if (vm != vm_ || bytes_.empty()) return ForwardedChoices::arriving_input(vm);
    return std::exchange(bytes_, {});
  }

 private:
  VmId vm_;
  std::string bytes_;
};

}  // namespace axvm::tool
