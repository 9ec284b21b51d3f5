#pragma once
// One physical CPU of the machine as the machine's owner sees it, who gives it turns, stops it and
// looks at it. What hypervisors see of it is its architecture's (sim/arch/<isa>/pcpu.hpp).

#include <cstdint>
#include <optional>
#include <sim/cpu/statistics.hpp>
#include <sim/state.hpp>
#include <sim/timing/counters.hpp>
#include <sim/timing/profile.hpp>
#include <string>
#include <string_view>

namespace axvm::sim {

struct BoardDevice;

class Pcpu {
 public:
  static constexpr std::uint64_t kNever = ~0ULL;

  virtual ~Pcpu() = default;
  Pcpu(const Pcpu&) = delete;
  Pcpu& operator=(const Pcpu&) = delete;

  [[nodiscard]] unsigned index() const noexcept { return index_; }

  /// Interrupts the hypervisor at the first asynchronous point at or after local time `t`, as a
  /// physical interrupt of its timer does. kNever: does not.
  virtual void set_turn_end(std::uint64_t t) = 0;
  /// Stops exactly before the instruction that would be number `n` + 1 to retire on this pCPU, in
  /// the same way; stopped_at_limit() is true then. kNever: no limit.
  virtual void set_instruction_limit(std::uint64_t n) = 0;
  [[nodiscard]] virtual bool stopped_at_limit() const noexcept = 0;
  /// The guest was left for the turn's end or the limit, not for an interrupt.
  [[nodiscard]] virtual bool stopped_by_owner() const noexcept = 0;

  /// Instructions retired by this pCPU since reset.
  [[nodiscard]] virtual std::uint64_t instructions() const noexcept = 0;
  /// Local guest time in nanoseconds: retired instructions and idle skips.
  [[nodiscard]] virtual std::uint64_t time() const noexcept = 0;
  /// Idles until `t` when that is later than now.
  virtual void skip_to(std::uint64_t t) = 0;

  /// Why this pCPU cannot go on (the engine refused something); empty while it can.
  [[nodiscard]] virtual const std::string& failure() const noexcept = 0;
  /// True when failure() is the guest's doing: endless exceptions.
  [[nodiscard]] virtual bool guest_is_stuck() const noexcept = 0;
  /// Counters since reset; `cycles` by the flat costs of sim/timing, or by the model of
  /// set_timing().
  [[nodiscard]] virtual Statistics statistics() const noexcept = 0;
  /// The guest's PC after a trap.
  [[nodiscard]] virtual std::uint64_t pc() const = 0;

  /// Chaos: perturbs the engine's caches, hooks and stops at random points; nothing visible may
  /// change. 0 switches it off.
  virtual void set_chaos(std::uint64_t seed) = 0;
  /// Timing fidelity: from now on, what guests fetch, load and store here goes through a model of a
  /// processor. Nothing visible changes. Before the first instruction only. False: the architecture
  /// offers none.
  [[nodiscard]] virtual bool set_timing(const timing::Profile& profile) = 0;
  /// `listener` is told of them, too. Before the first instruction only. False: as above.
  [[nodiscard]] virtual bool set_access_listener(timing::AccessListener listener) = 0;
  /// What the model has counted; nothing without set_timing().
  [[nodiscard]] virtual std::optional<timing::Counters> timing_counters() const noexcept = 0;

  virtual void describe(StateVisitor& visitor) = 0;

 protected:
  explicit Pcpu(unsigned index) noexcept : index_(index) {}

 private:
  friend class Machine;
  /// Has `device` answer guests' accesses at these host-physical addresses. False: the engine
  /// cannot.
  virtual bool mount(std::uint64_t base, std::uint64_t size, BoardDevice* device) = 0;
  /// Forgets all translated code.
  virtual void forget_all_code() = 0;

  unsigned index_;
};

}  // namespace axvm::sim
