#pragma once
// One CPU of the machine, as a hypervisor that uses SVM sees it.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <sim/arch/x86_64/cpuid.hpp>
#include <sim/arch/x86_64/exit_code.hpp>
#include <sim/cpu/pcpu.hpp>
#include <span>
#include <string>

namespace axvm::sim::x86_64 {

class GuestCore;
class Machine;
class Mmu;

class Pcpu final : public sim::Pcpu {
 public:
  Pcpu(Machine& machine, unsigned index, std::unique_ptr<GuestCore> core);
  ~Pcpu() override;

  // --- what the hypervisor does
  /// EFER (C000_0080), VM_CR (C001_0114), VM_HSAVE_PA (C001_0117). Others read as 0 and ignore
  /// writes.
  [[nodiscard]] std::uint64_t rdmsr(std::uint32_t msr) const;
  void wrmsr(std::uint32_t msr, std::uint64_t value);
  [[nodiscard]] CpuidResult cpuid(std::uint32_t leaf) const;
  /// Its own CR4, of which LA57 decides how deep nested tables are.
  [[nodiscard]] std::uint64_t cr4() const;
  void set_cr4(std::uint64_t value);
  /// RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8..R15, as VMRUN and #VMEXIT leave them: the guest's,
  /// but for RAX and RSP, which are in the control block.
  [[nodiscard]] std::uint64_t gpr(unsigned n) const;
  void set_gpr(unsigned n, std::uint64_t value);
  /// VMRUN of the control block at a physical address; EXITCODE at the next #VMEXIT.
  ExitCode vmrun(std::uint64_t vmcb_pa);
  /// VMLOAD and VMSAVE; they do nothing where no RAM is.
  void vmload(std::uint64_t vmcb_pa);
  void vmsave(std::uint64_t vmcb_pa);
  void invlpga(std::uint64_t va, std::uint16_t asid);
  /// STGI and CLGI: while the flag is clear, which it is after #VMEXIT, nothing interrupts.
  void stgi();
  void clgi();
  [[nodiscard]] bool gif() const;
  /// Lines of RAM, given by where the host keeps them, were written for a guest. Caches are
  /// coherent here; but this must be made known where guests may have run it as code.
  void written(std::span<const std::byte> lines);

  // --- sim::Pcpu; the guest is left by a physical interrupt for the turn's end and the limit,
  // whether it is intercepted or not, and by a machine check when the CPU cannot go on
  void set_turn_end(std::uint64_t t) override;
  void set_instruction_limit(std::uint64_t n) override;
  [[nodiscard]] bool stopped_at_limit() const noexcept override;
  [[nodiscard]] bool stopped_by_owner() const noexcept override;
  [[nodiscard]] std::uint64_t instructions() const noexcept override;
  [[nodiscard]] std::uint64_t time() const noexcept override;
  void skip_to(std::uint64_t t) override;
  [[nodiscard]] const std::string& failure() const noexcept override;
  [[nodiscard]] bool guest_is_stuck() const noexcept override;
  [[nodiscard]] Statistics statistics() const noexcept override;
  [[nodiscard]] std::uint64_t pc() const override;
  void set_chaos(std::uint64_t seed) override;
  /// This architecture has no timing fidelity.
  [[nodiscard]] bool set_timing(const timing::Profile& profile) override;
  [[nodiscard]] bool set_access_listener(timing::AccessListener listener) override;
  [[nodiscard]] std::optional<timing::Counters> timing_counters() const noexcept override;
  void describe(StateVisitor& visitor) override;

  // --- for tests and tools
  /// Registers that translation depends on, the TLB, observed walks.
  [[nodiscard]] const Mmu& mmu() const noexcept;

 private:
  friend class Machine;
  bool mount(std::uint64_t base, std::uint64_t size, BoardDevice* device) override;
  void forget_all_code() override;

  Machine& machine_;
  std::unique_ptr<GuestCore> core_;
};

}  // namespace axvm::sim::x86_64
