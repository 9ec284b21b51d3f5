#pragma once
// One hart of the machine, as software in HS-mode sees it.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <sim/arch/riscv64/csr.hpp>
#include <sim/cpu/pcpu.hpp>
#include <span>
#include <string>

namespace axvm::sim::riscv64 {

class GuestCore;
class Machine;
class Mmu;

class Pcpu final : public sim::Pcpu {
 public:
  Pcpu(Machine& machine, unsigned index, std::unique_ptr<GuestCore> core);
  ~Pcpu() override;

  // --- what software in HS-mode does
  // --------------------------------------------------------------
  [[nodiscard]] std::uint64_t read(Csr csr);
  void write(Csr csr, std::uint64_t value);
  /// The same for a register known beforehand.
  template <Csr C>
  [[nodiscard]] std::uint64_t read() {
    return read(C);
  }
  template <Csr C>
  void write(std::uint64_t value) {
    write(C, value);
  }
  /// x0..x31; valid between a trap and the next entry.
  [[nodiscard]] std::uint64_t gpr(unsigned n) const;
  void set_gpr(unsigned n, std::uint64_t value);
  /// f0..f31, likewise.
  [[nodiscard]] std::uint64_t fpr(unsigned n) const;
  void set_fpr(unsigned n, std::uint64_t value);
  /// An SC by HS-mode, to anywhere: there is no reservation any more.
  void clear_reservation();
  /// SRET with hstatus.SPV set; returns scause at the next trap to HS-mode.
  std::uint64_t enter_guest();
  /// HLV.BU, HU, WU or D: `bytes` 1, 2, 4 or 8. Nothing: it faulted, which scause, stval, htval and
  /// htinst describe as for a handler at stvec.
  [[nodiscard]] std::optional<std::uint64_t> hlv(std::uint64_t va, unsigned bytes);
  /// HLVX.HU, likewise.
  [[nodiscard]] std::optional<std::uint16_t> hlvx(std::uint64_t va);
  /// HSV.B, H, W or D; false as above.
  bool hsv(std::uint64_t va, unsigned bytes, std::uint64_t value);
  /// HFENCE.GVMA on this hart: of one guest physical address, or of all.
  void hfence_gvma(std::uint64_t gpa, std::uint16_t vmid);
  void hfence_gvma(std::uint16_t vmid);
  /// HFENCE.VVMA on this hart: all addresses and address spaces of the VMID in hgatp.
  void hfence_vvma();

  // --- what M-mode firmware does for it on all harts (SBI, "RFENCE Extension")
  // ---------------------
  void remote_hfence_gvma(std::uint16_t vmid, std::uint64_t start, std::uint64_t size);
  void remote_hfence_gvma(std::uint16_t vmid);
  /// Of the VMID in this hart's hgatp.
  void remote_hfence_vvma();
  void remote_hfence_vvma(std::uint64_t start, std::uint64_t size,
                          std::optional<std::uint16_t> asid);
  /// Instruction fetches see all earlier writes.
  void remote_fence_i();
  /// Lines of RAM, given by where the host keeps them, were written for a guest. Caches are
  /// coherent here; but this must be made known where guests may have run it as code.
  void written(std::span<const std::byte> lines);

  // --- sim::Pcpu; the guest is left by HS-mode's timer interrupt for the turn's end and the limit,
  // and by a hardware error when the hart cannot go on ------------------------------------------
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
  [[nodiscard]] bool set_timing(const timing::Profile& profile) override;
  [[nodiscard]] bool set_access_listener(timing::AccessListener listener) override;
  [[nodiscard]] std::optional<timing::Counters> timing_counters() const noexcept override;
  void describe(StateVisitor& visitor) override;

  // --- for tests and tools
  // ------------------------------------------------------------------------
  /// Local time at which the next enabled timer interrupt is asserted, earlier than now when one
  /// is; kNever. Idling goes there.
  [[nodiscard]] std::uint64_t next_deadline() const noexcept;
  /// Registers that translation depends on, the TLB, observed walks.
  [[nodiscard]] const Mmu& mmu() const noexcept;

 private:
  friend class Machine;
  bool mount(std::uint64_t base, std::uint64_t size, BoardDevice* device) override;
  void forget_all_code() override;

  Machine& machine_;
  std::unique_ptr<GuestCore> core_;
};

}  // namespace axvm::sim::riscv64
