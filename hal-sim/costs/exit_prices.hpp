#pragma once
// What the VMM's events cost.

#include <axvm/event.hpp>
#include <cstdint>
#include <hal-sim/trace/trap_text.hpp>
#include <sim/timing/exit_costs.hpp>
#include <string_view>
#include <utility>

namespace axvm::hal_sim {

/// Why the guest was left.
enum class ExitKind : std::uint8_t {
  Call,           ///< a firmware call or hypercall
  Register,       ///< a system register
  Device,         ///< a device that the VMM emulates
  ProcessDevice,  ///< a device that a process emulates
  Page,           ///< memory that was not mapped yet
  Exception,      ///< the guest was handed an exception
  InterruptSent,  ///< ICC_SGI1R_EL1, sbi_send_ipi
  Interrupt,      ///< a physical interrupt
  Wait,           ///< WFI or WFE
  Other,
};
inline constexpr std::size_t kExitKinds = 10;

/// "call", "register", "device", …
[[nodiscard]] std::string_view to_string(ExitKind kind) noexcept;

class ExitPrices {
 public:
  ExitPrices(Isa isa, sim::timing::ExitCosts costs)
      : traps_(&trap_text(isa)), costs_(std::move(costs)) {}

  /// What a trap says by itself: Interrupt, Wait or Other.
  [[nodiscard]] ExitKind kind_of(const TrapTaken& trap) const;
  /// What an event between two traps makes of an exit that is Other so far; Other: nothing.
  [[nodiscard]] ExitKind kind_of(const Event& event) const;
  /// Cycles. A trap costs the world switch.
  [[nodiscard]] std::uint64_t cycles_of(const Event& event) const;
  [[nodiscard]] const sim::timing::ExitCosts& costs() const noexcept { return costs_; }

 private:
  [[nodiscard]] bool by_process(const DeviceAccess& access) const;

  const TrapText* traps_;
  sim::timing::ExitCosts costs_;
};

}  // namespace axvm::hal_sim
