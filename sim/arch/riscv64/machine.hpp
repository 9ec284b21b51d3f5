#pragma once
// A machine of RISC-V harts with the hypervisor extension.

#include <expected>
#include <memory>
#include <sim/arch/riscv64/pcpu.hpp>
#include <sim/machine.hpp>
#include <string>

namespace axvm::sim::riscv64 {

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

  template <class F>
  void for_each_core(F&& f) {
    for (unsigned i = 0; i < pcpu_count(); ++i) f(*pcpu(i).core_);
  }
};

}  // namespace axvm::sim::riscv64
