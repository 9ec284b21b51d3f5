#pragma once
// A machine of AArch64 CPUs with EL2.

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <sim/arch/aarch64/pcpu.hpp>
#include <sim/machine.hpp>
#include <string>
#include <string_view>

namespace axvm::sim::aarch64 {

struct MachineOptions : sim::MachineOptions {
  /// Host-physical address of GICV, by which each pCPU's virtual CPU interface is in memory, 4 KiB
  /// aligned (VirtualCpuInterface::kFrameSize bytes); by default where QEMU's virt board has it.
  /// Nothing: it is by system registers only.
  std::optional<std::uint64_t> gicv = 0x0804'0000;
};

class Machine final : public sim::Machine {
 public:
  /// Fails with one line of text when the options are unusable or the engine refuses.
  static std::expected<std::unique_ptr<Machine>, std::string> create(const MachineOptions& options);
  ~Machine() override;

  [[nodiscard]] Pcpu& pcpu(unsigned index) noexcept {
    return static_cast<Pcpu&>(sim::Machine::pcpu(index));
  }
  /// MachineOptions::gicv.
  [[nodiscard]] std::optional<std::uint64_t> gicv() const noexcept { return gicv_; }

 private:
  friend class GuestCore;
  friend class Pcpu;
  using sim::Machine::Machine;

  /// GICV: each pCPU has its own registers there.
  class VirtualInterfaces final : public BoardDevice {
   public:
    explicit VirtualInterfaces(Machine& machine) noexcept : machine_(machine) {}
    [[nodiscard]] std::string_view name() const override { return "gicv"; }
    std::uint64_t read(std::uint64_t, unsigned) override { return 0; }
    void write(std::uint64_t, unsigned, std::uint64_t) override {}
    [[nodiscard]] BoardDevice& of_cpu(unsigned cpu) override;
    [[nodiscard]] bool irq() const override { return false; }

   private:
    Machine& machine_;
  };

  template <class F>
  void for_each_core(F&& f) {
    for (unsigned i = 0; i < pcpu_count(); ++i) f(*pcpu(i).core_);
  }

  VirtualInterfaces virtual_interfaces_{*this};
  std::optional<std::uint64_t> gicv_;
};

}  // namespace axvm::sim::aarch64
