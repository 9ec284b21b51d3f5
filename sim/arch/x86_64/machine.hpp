#pragma once
// A machine of x86-64 CPUs with SVM.

#include <expected>
#include <memory>
#include <sim/arch/x86_64/pcpu.hpp>
#include <sim/machine.hpp>
#include <string>

namespace axvm::sim::x86_64 {

class Machine final : public sim::Machine {
 public:
  /// Fails with one line of text when the options are unusable or the engine refuses.
  static std::expected<std::unique_ptr<Machine>, std::string> create(const MachineOptions& options);
  ~Machine() override;

  [[nodiscard]] Pcpu& pcpu(unsigned index) noexcept {
    return static_cast<Pcpu&>(sim::Machine::pcpu(index));
  }

 private:
  friend class GuestCore;
  friend class Pcpu;
  using sim::Machine::Machine;
};

}  // namespace axvm::sim::x86_64
