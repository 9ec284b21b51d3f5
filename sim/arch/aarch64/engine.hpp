#pragma once
// Owner of one Unicorn engine set up as a bare AArch64 EL1/EL0 core whose every address
// translation is ours, with typed access to its registers. No policy.

#include <unicorn/unicorn.h>

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <sim/arch/aarch64/code_copies.hpp>
#include <sim/arch/aarch64/exclusive_monitor.hpp>
#include <sim/arch/aarch64/sysreg.hpp>
#include <sim/cpu/engine_scope.hpp>
#include <sim/cpu/fiber.hpp>
#include <sim/memory/physical_memory.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace axvm::sim::aarch64 {

class Engine {
 public:
  /// Opens the engine and maps all RAM at its host-physical addresses.
  static std::expected<Engine, std::string> open(const PhysicalMemory& memory);
  /// Only before the first run.
  Engine(Engine&& other) noexcept
      : code_copies_(std::move(other.code_copies_)), uc_(std::exchange(other.uc_, nullptr)) {}
  Engine& operator=(Engine&&) = delete;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();

  [[nodiscard]] uc_engine* handle() const noexcept { return uc_; }

  [[nodiscard]] std::uint64_t x(unsigned n) const { return reg(kX[n]); }
  void set_x(unsigned n, std::uint64_t v) { set_reg(kX[n], v); }
  [[nodiscard]] std::uint64_t pc() const { return reg(UC_ARM64_REG_PC); }
  void set_pc(std::uint64_t v) { set_reg(UC_ARM64_REG_PC, v); }
  /// The stack pointer that the current PSTATE selects.
  [[nodiscard]] std::uint64_t sp() const { return reg(UC_ARM64_REG_SP); }
  void set_sp(std::uint64_t v) { set_reg(UC_ARM64_REG_SP, v); }
  [[nodiscard]] std::uint32_t pstate() const {
    std::uint32_t v = 0;
    uc_reg_read(uc_, UC_ARM64_REG_PSTATE, &v);
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

  [[nodiscard]] std::uint64_t reg(int id) const {
    std::uint64_t v = 0;
    uc_reg_read(uc_, id, &v);
    return v;
  }
  void set_reg(int id, std::uint64_t v) { uc_reg_write(uc_, id, &v); }

  [[nodiscard]] ExclusiveMonitor exclusive_monitor() const { return read_exclusive_monitor(uc_); }
  void set_exclusive_monitor(const ExclusiveMonitor& monitor) {
    settle();
    write_exclusive_monitor(uc_, monitor);
  }

  /// Forgets all cached translations; translated code stays.
  void flush_tlb();
  /// Forgets all translated code. Not from inside a hook.
  void flush_code();
  /// Forgets code translated from [pa, pa + size). While it runs, the engine asks for
  /// translations of addresses for which is_magic() holds; they map to magic_to_pa().
  void forget_code(std::uint64_t pa, std::uint64_t size);
  [[nodiscard]] bool is_magic(std::uint64_t va) const noexcept {
    return magic_ && (va >> 48) == kMagicTop;
  }
  [[nodiscard]] static std::uint64_t magic_to_pa(std::uint64_t va) noexcept {
    return va & ((1ULL << 48) - 1);
  }

  /// Runs from `pc` until a hook or an exception stops it, or a hook parks it.
  uc_err run(std::uint64_t pc) {
    if (!parked_ || pc != next_) [[unlikely]]
      prepare(pc);
    in_place_ = std::exchange(parked_, false);
    resume();
    return result_;
  }
  /// From inside a hook: run() returns. In block and code hooks, before the hooked instruction.
  void stop() { uc_emu_stop(uc_); }
  /// From inside a hook: run() returns now, with the hook not finished. True when run(next) has
  /// been called: the hook sees to it that the engine goes on there. False when anything else was
  /// asked of the engine: it is stopped, as by stop(), and the hook has to return at once.
  bool park(std::uint64_t next) {
    if (!running_) return false;
    parked_ = true;
    next_ = next;
    fiber_->suspend();
    return in_place_;
  }

  /// Memory that no guest can see, for code in place of a frame's.
  [[nodiscard]] CodeCopies& code_copies() noexcept { return code_copies_; }
  [[nodiscard]] const CodeCopies& code_copies() const noexcept { return code_copies_; }

  using CodeHook = void (*)(uc_engine*, std::uint64_t va, std::uint32_t size, void* context);
  /// Calls `hook` before each instruction in [first, last], or everywhere when first > last, in
  /// code that is translated from now on.
  uc_hook watch(std::uint64_t first, std::uint64_t last, CodeHook hook, void* context);
  /// Withdraws a watch. Code translated with it is the caller's to forget.
  void unwatch(uc_hook hook);
  /// True while the engine itself probes an address (inside unwatch): not a guest's access.
  [[nodiscard]] bool probing() const noexcept { return probing_; }

 private:
  Engine(uc_engine* uc, CodeCopies copies) : code_copies_(std::move(copies)), uc_(uc) {}
  /// Leaves the hook that parked. What only a stopped engine can do begins with it.
  void settle() {
    if (parked_) [[unlikely]]
      unwind();
  }
  void unwind();
  /// The next resume() starts the engine at `pc`.
  void prepare(std::uint64_t pc);
  void resume() {
    const EngineScope scope;
    running_ = true;
    fiber_->resume();
    running_ = false;
  }

  // An address that no guest can translate: bits 55:48 are neither all zero nor all one.
  static constexpr std::uint64_t kMagicTop = 0x00f0;
  static const std::array<int, 31> kX;

  CodeCopies code_copies_;
  uc_engine* uc_ = nullptr;
  bool magic_ = false;
  bool probing_ = false;

  // Runs happen on a stack of their own, so that one can be left inside a hook and gone on with: to
  // stop and start the engine costs more than everything else that happens in a trap.
  std::unique_ptr<Fiber> fiber_;
  std::uint64_t start_ = 0;
  uc_err result_ = UC_ERR_OK;
  bool running_ = false;
  bool parked_ = false;
  std::uint64_t next_ = 0;  ///< where whoever parked can go on
  bool in_place_ = false;   ///< and does
};

}  // namespace axvm::sim::aarch64
