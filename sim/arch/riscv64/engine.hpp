#pragma once
// Owner of one Unicorn engine set up as a bare RV64GC hart in S-mode and U-mode, which stand for
// VS-mode and VU-mode, with typed access to its registers. No policy.

#include <cstdint>
#include <expected>
#include <sim/arch/riscv64/csr.hpp>
#include <sim/arch/riscv64/hidden_state.hpp>
#include <sim/cpu/unicorn_engine.hpp>
#include <sim/memory/physical_memory.hpp>
#include <string>

namespace axvm::sim::riscv64 {

/// The engine's privilege modes.
enum class Privilege : std::uint8_t { User = 0, Supervisor = 1 };

class Engine : public UnicornEngine {
 public:
  /// Opens the engine and maps all RAM at its physical addresses.
  static std::expected<Engine, std::string> open(const PhysicalMemory& memory);

  /// x0..x31; x0 reads 0 and ignores writes.
  [[nodiscard]] std::uint64_t x(unsigned n) const {
    return n == 0 ? 0 : reg(UC_RISCV_REG_X0 + static_cast<int>(n));
  }
  void set_x(unsigned n, std::uint64_t v) {
    if (n != 0) set_reg(UC_RISCV_REG_X0 + static_cast<int>(n), v);
  }
  [[nodiscard]] std::uint64_t f(unsigned n) const {
    return reg(UC_RISCV_REG_F0 + static_cast<int>(n));
  }
  void set_f(unsigned n, std::uint64_t v) { set_reg(UC_RISCV_REG_F0 + static_cast<int>(n), v); }
  [[nodiscard]] std::uint64_t pc() const { return reg(UC_RISCV_REG_PC); }
  /// Between runs, and in block, code and interrupt hooks, whose block it ends.
  void set_pc(std::uint64_t v) { set_reg(UC_RISCV_REG_PC, v); }
  [[nodiscard]] Privilege privilege() const {
    return reg(UC_RISCV_REG_PRIV) == 0 ? Privilege::User : Privilege::Supervisor;
  }

  /// What the interface does not give. To change it, the engine must not be in a hook for a memory
  /// access.
  [[nodiscard]] std::uint64_t read(Hidden word) const { return hidden_.read(word); }
  template <class F>
  void change(F&& f) {
    settle();
    hidden_.change(f);
  }
  void write(Hidden word, std::uint64_t value) {
    change([&](HiddenState::Change& c) { c.write(word, value); });
  }

  /// mstatus, as sstatus shows it: the engine's UXL and, now and then, SD are wrong.
  [[nodiscard]] static constexpr std::uint64_t sstatus_of(std::uint64_t mstatus) noexcept {
    const bool dirty = (mstatus & status::FS) == status::FS;
    return (mstatus & kSstatusFields) | status::UXL_64 | (dirty ? status::SD : 0);
  }
  /// The other way round.
  [[nodiscard]] static constexpr std::uint64_t mstatus_with(std::uint64_t mstatus,
                                                            std::uint64_t sstatus) noexcept {
    const std::uint64_t merged =
        (mstatus & ~(kSstatusFields | status::SD)) | (sstatus & kSstatusFields);
    return merged | ((merged & status::FS) == status::FS ? status::SD : 0);
  }
  /// The status register's fields that there are.
  static constexpr std::uint64_t kSstatusFields =
      status::SIE | status::SPIE | status::SPP | status::FS | status::SUM | status::MXR;

  /// fcsr, whatever the status register's FS is; leaves that alone.
  [[nodiscard]] std::uint64_t fcsr();
  void set_fcsr(std::uint64_t v);

  /// Whether SRET in S-mode is an illegal instruction. SFENCE.VMA, accesses to satp, and WFI always
  /// are.
  void trap_sret(bool on);

 private:
  Engine(uc_engine* uc, HiddenState hidden) noexcept;
  template <class F>
  void with_floating_point(F&& f);

  HiddenState hidden_;
};

}  // namespace axvm::sim::riscv64
