#pragma once
// Owner of one Unicorn engine set up as a bare AArch64 EL1/EL0 core whose every address
// translation is ours, with typed access to its registers. No policy.

#include <array>
#include <cstdint>
#include <expected>
#include <sim/arch/aarch64/code_copies.hpp>
#include <sim/arch/aarch64/exclusive_monitor.hpp>
#include <sim/arch/aarch64/sysreg.hpp>
#include <sim/cpu/unicorn_engine.hpp>
#include <sim/memory/physical_memory.hpp>
#include <string>
#include <utility>

namespace axvm::sim::aarch64 {

class Engine : public UnicornEngine {
 public:
  /// Opens the engine and maps all RAM at its host-physical addresses.
  static std::expected<Engine, std::string> open(const PhysicalMemory& memory);
  /// Only before the first run.
  Engine(Engine&&) noexcept = default;
  Engine& operator=(Engine&&) = delete;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine() { close(); }

  [[nodiscard]] std::uint64_t x(unsigned n) const { return reg(kX[n]); }
  void set_x(unsigned n, std::uint64_t v) { set_reg(kX[n], v); }
  [[nodiscard]] std::uint64_t pc() const { return reg(UC_ARM64_REG_PC); }
  void set_pc(std::uint64_t v) { set_reg(UC_ARM64_REG_PC, v); }
  /// The stack pointer that the current PSTATE selects.
  [[nodiscard]] std::uint64_t sp() const { return reg(UC_ARM64_REG_SP); }
  void set_sp(std::uint64_t v) { set_reg(UC_ARM64_REG_SP, v); }
  [[nodiscard]] std::uint32_t pstate() const {
    std::uint32_t v = 0;
    uc_reg_read(handle(), UC_ARM64_REG_PSTATE, &v);
    return v;
  }
  /// Sets PSTATE, switches the stack pointer bank and the engine's own idea of the mode.
  void set_pstate(std::uint32_t v) { take_exception(v, system(reg::SPSR_EL1)); }
  /// The same, and SPSR_EL1 = `saved`.
  void take_exception(std::uint32_t pstate, std::uint64_t saved);

  /// SP_EL0 and SP_EL1 wherever they live now.
  [[nodiscard]] std::uint64_t sp_el(unsigned el) const;
  void set_sp_el(unsigned el, std::uint64_t v);

  /// Any system register that the engine implements; 0 when it does not.
  [[nodiscard]] std::uint64_t system(SysReg r) const;
  /// False when the engine has no such register.
  bool set_system(SysReg r, std::uint64_t v);

  using Vector128 = std::array<std::uint64_t, 2>;
  [[nodiscard]] Vector128 v(unsigned n) const;
  void set_v(unsigned n, Vector128 value);

  [[nodiscard]] ExclusiveMonitor exclusive_monitor() const {
    return read_exclusive_monitor(handle());
  }
  void set_exclusive_monitor(const ExclusiveMonitor& monitor) {
    settle();
    write_exclusive_monitor(handle(), monitor);
  }

  /// Memory that no guest can see, for code in place of a frame's.
  [[nodiscard]] CodeCopies& code_copies() noexcept { return code_copies_; }
  [[nodiscard]] const CodeCopies& code_copies() const noexcept { return code_copies_; }

 private:
  Engine(uc_engine* uc, CodeCopies copies)
      : UnicornEngine(uc, kMagicTop), code_copies_(std::move(copies)) {}

  // An address that no guest can translate: bits 55:48 are neither all zero nor all one.
  static constexpr std::uint64_t kMagicTop = 0x00f0;
  static const std::array<int, 31> kX;

  CodeCopies code_copies_;
};

}  // namespace axvm::sim::aarch64
