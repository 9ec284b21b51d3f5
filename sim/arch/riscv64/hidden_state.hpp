#pragma once
// State of the engine that its interface does not give: supervisor registers whatever the current
// privilege is, and the reservation. (The interface checks privileges, and to change the privilege
// by it loses the reservation.)

#include <unicorn/unicorn.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace axvm::sim::riscv64 {

/// Words of the engine's state.
enum class Hidden : std::uint8_t {
  Mstatus,
  Stvec,
  Sscratch,
  Sepc,
  Scause,
  Stval,
  Privilege,
  ReservedAddress,  ///< all ones: no reservation
  ReservedValue,    ///< what LR has loaded
};
inline constexpr std::size_t kHiddenWords = 9;

class HiddenState {
 public:
  /// Nothing when this version of the engine keeps its state in ways that were not found out.
  static std::optional<HiddenState> of(uc_engine* engine);

  /// A word as it is now.
  [[nodiscard]] std::uint64_t read(Hidden word) const;

  /// Several words at once. None of a hook's translations must be in progress.
  class Change {
   public:
    [[nodiscard]] std::uint64_t read(Hidden word) const noexcept;
    void write(Hidden word, std::uint64_t value) noexcept;

   private:
    friend class HiddenState;
    explicit Change(uc_context* context) noexcept : context_(context) {}
    uc_context* context_;
  };
  template <class F>
  void change(F&& f) {
    uc_context_save(engine_, context_.get());
    Change change(context_.get());
    f(change);
    uc_context_restore(engine_, context_.get());
  }
  void write(Hidden word, std::uint64_t value) {
    change([&](Change& c) { c.write(word, value); });
  }

 private:
  struct Free {
    void operator()(uc_context* context) const noexcept { uc_context_free(context); }
  };
  HiddenState(uc_engine* engine, uc_context* context) noexcept
      : engine_(engine), context_(context) {}

  uc_engine* engine_;
  std::unique_ptr<uc_context, Free> context_;
};

}  // namespace axvm::sim::riscv64
