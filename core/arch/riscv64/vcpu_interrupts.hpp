#pragma once
// One vCPU's interrupts while they are on their way to hvip, and what else other CPUs may set.

#include <atomic>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <core/arch/riscv64/received_events.hpp>
#include <cstdint>
#include <string_view>

namespace axvm::riscv64 {

class Aia;

/// All accesses are sequentially consistent: a CPU that is about to enter the guest sees the
/// change, or whoever has made it sees the vCPU Running there, and kicks it.
class VcpuInterrupts {
 public:
  VcpuInterrupts() noexcept = default;
  VcpuInterrupts(const VcpuInterrupts&) = delete;
  VcpuInterrupts& operator=(const VcpuInterrupts&) = delete;

  /// What has the vCPU's interrupt file; null when it has none.
  [[nodiscard]] Aia* aia() const noexcept { return aia_; }
  /// The file's number there.
  [[nodiscard]] unsigned index() const noexcept { return index_; }
  void attach(Aia& aia, unsigned index) noexcept {
    aia_ = &aia;
    index_ = index;
  }

  /// The hart is started: no other hart has sent it an interrupt. What the controller says stays.
  void reset_registers() noexcept {
    software_.store(0);
    suspended_.store(0);
    received_.clear();
    mark_changed();
  }

  /// What other harts have sent, as far as performance counters count it.
  [[nodiscard]] ReceivedEvents& received() noexcept { return received_; }

  /// Another hart sends a supervisor software interrupt.
  void send_software() noexcept {
    software_.store(1);
    mark_changed();
  }
  /// True once for any number of them.
  [[nodiscard]] bool take_software() noexcept { return software_.exchange(0) != 0; }

  /// The hart waits by its own call, until it runs again ("Hart State Management Extension").
  void suspend() noexcept { suspended_.store(1); }
  void resume() noexcept {
    if (suspended_.load(std::memory_order_relaxed) != 0) suspended_.store(0);
  }
  [[nodiscard]] bool is_suspended() const noexcept { return suspended_.load() != 0; }

  /// The external interrupt's level, as the controller says. True when it is another than before.
  bool set_external(bool level) noexcept {
    if (external_.exchange(level ? 1U : 0U) == (level ? 1U : 0U)) return false;
    mark_changed();
    return true;
  }
  [[nodiscard]] bool external() const noexcept { return external_.load() != 0; }

  /// Whether hvip may have to change since the last call.
  [[nodiscard]] bool take_changed() noexcept {
    if (changed_.load() == 0) [[likely]]
      return false;
    return changed_.exchange(0) != 0;
  }
  void mark_changed() noexcept { changed_.store(1); }

  void describe(StateVisitor& visitor) {
    describe_flag(visitor, "software"sv, software_);
    describe_flag(visitor, "external"sv, external_);
    describe_flag(visitor, "changed"sv, changed_);
    describe_flag(visitor, "suspended"sv, suspended_);
    received_.describe(visitor);
  }

 private:
  /// As wide as atomic exchange is everywhere.
  using Flag = std::atomic<std::uint32_t>;

  static void describe_flag(StateVisitor& visitor, std::string_view name, Flag& flag) {
    std::uint64_t value = flag.load();
    visitor.field(name, value);
    flag.store(value != 0 ? 1 : 0);
  }

  Aia* aia_ = nullptr;
  unsigned index_ = 0;
  Flag software_{0};
  Flag external_{0};
  Flag changed_{1};
  Flag suspended_{0};
  ReceivedEvents received_;
};

}  // namespace axvm::riscv64
