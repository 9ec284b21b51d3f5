#pragma once
// A machine of RISC-V harts with the hypervisor extension.

#include <expected>
#include <memory>
#include <sim/arch/riscv64/pcpu.hpp>
#include <sim/arch/riscv64/translation.hpp>
#include <sim/machine.hpp>
#include <string>
#include <utility>

namespace axvm::sim::riscv64 {

struct MachineOptions : sim::MachineOptions {
  /// Of every hart.
  Features features;
};

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

  /// A hart is about to run. True when another one has run since it did.
  [[nodiscard]] bool begin_run(unsigned index) noexcept {
    return std::exchange(last_to_run_, index) != index;
  }

  template <class F>
  void for_each_core(F&& f) {
    for (unsigned i = 0; i < pcpu_count(); ++i) f(*pcpu(i).core_);
  }

  unsigned last_to_run_ = 0;
};

}  // namespace axvm::sim::riscv64
