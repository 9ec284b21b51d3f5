#pragma once
// A Unicorn engine whose every address translation is ours: runs, stops, watches, and what it has
// cached. What all architectures have in common.

#include <unicorn/unicorn.h>

#include <cstdint>
#include <memory>
#include <sim/cpu/engine_scope.hpp>
#include <sim/cpu/fiber.hpp>
#include <sim/memory/physical_memory.hpp>
#include <utility>

namespace axvm::sim {

class UnicornEngine {
 public:
  /// Only before the first run.
  UnicornEngine(UnicornEngine&& other) noexcept
      : uc_(std::exchange(other.uc_, nullptr)), magic_top_(other.magic_top_) {}
  UnicornEngine& operator=(UnicornEngine&&) = delete;
  UnicornEngine(const UnicornEngine&) = delete;
  UnicornEngine& operator=(const UnicornEngine&) = delete;

  [[nodiscard]] uc_engine* handle() const noexcept { return uc_; }

  [[nodiscard]] std::uint64_t reg(int id) const {
    std::uint64_t v = 0;
    uc_reg_read(uc_, id, &v);
    return v;
  }
  void set_reg(int id, std::uint64_t v) { uc_reg_write(uc_, id, &v); }

  /// Forgets all cached translations; translated code stays.
  void flush_tlb();
  /// Forgets all translated code. Not from inside a hook.
  void flush_code();
  /// Forgets code translated from [pa, pa + size). While it runs, the engine asks for
  /// translations of addresses for which is_magic() holds; they map to magic_to_pa().
  void forget_code(std::uint64_t pa, std::uint64_t size);
  [[nodiscard]] bool is_magic(std::uint64_t va) const noexcept {
    return magic_ && (va >> 48) == magic_top_;
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
  /// The same, and stops where the instruction at `end` would be next, provided that code which
  /// goes on there has been forgotten. Code that it leaves behind ends there, too.
  uc_err run_until(std::uint64_t pc, std::uint64_t end);
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

  using CodeHook = void (*)(uc_engine*, std::uint64_t va, std::uint32_t size, void* context);
  /// Calls `hook` before each instruction in [first, last], or everywhere when first > last, in
  /// code that is translated from now on.
  uc_hook watch(std::uint64_t first, std::uint64_t last, CodeHook hook, void* context);
  /// Withdraws a watch. Code translated with it is the caller's to forget.
  void unwatch(uc_hook hook);
  /// True while the engine itself probes an address (inside unwatch): not a guest's access.
  [[nodiscard]] bool probing() const noexcept { return probing_; }

 protected:
  /// Owns `uc`. `magic_top`: bits 63:48 of addresses that no guest can translate.
  UnicornEngine(uc_engine* uc, std::uint64_t magic_top) noexcept : uc_(uc), magic_top_(magic_top) {}
  ~UnicornEngine() { close(); }
  /// For an owner of what the engine uses, who goes before it.
  void close();
  /// Leaves the hook that parked. What only a stopped engine can do begins with it.
  void settle() {
    if (parked_) [[unlikely]]
      unwind();
  }

 private:
  void unwind();
  /// The next resume() starts the engine at `pc`.
  void prepare(std::uint64_t pc);
  void resume() {
    const EngineScope scope;
    running_ = true;
    fiber_->resume();
    running_ = false;
  }

  uc_engine* uc_ = nullptr;
  std::uint64_t magic_top_;
  bool magic_ = false;
  bool probing_ = false;

  // Runs happen on a stack of their own, so that one can be left inside a hook and gone on with: to
  // stop and start the engine costs more than everything else that happens in a trap.
  std::unique_ptr<Fiber> fiber_;
  std::uint64_t start_ = 0;
  std::uint64_t until_ = 0;
  uc_err result_ = UC_ERR_OK;
  bool running_ = false;
  bool parked_ = false;
  std::uint64_t next_ = 0;  ///< where whoever parked can go on
  bool in_place_ = false;   ///< and does
};

}  // namespace axvm::sim
