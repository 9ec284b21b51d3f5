#pragma once
// What handling a trap comes to.

#include <axvm/exit.hpp>
#include <axvm/result.hpp>
#include <cstdint>

namespace axvm {

/// Whether the guest goes on, or run_vcpu returns what was written to the ExitSlot.
enum class TrapOutcome : std::uint8_t { GoOn, Leave };

inline constexpr TrapOutcome kGoOn = TrapOutcome::GoOn;

/// Where run_vcpu's result is made. An exit reason is larger than what registers hold, and read
/// right after it was written: each copy on its way to the host would wait for those writes.
class ExitSlot {
 public:
  /// `exit` holds a value, and outlives this.
  explicit ExitSlot(Result<ExitReason>& exit) noexcept : exit_(exit) {}

  /// A fresh reason, which counts once a TrapOutcome says Leave.
  template <class Reason>
  Reason& make() noexcept {
    return exit_->template emplace<Reason>();
  }
  template <class Reason>
  TrapOutcome leave(const Reason& reason) noexcept {
    exit_->template emplace<Reason>(reason);
    return TrapOutcome::Leave;
  }
  TrapOutcome leave(const Error& error) noexcept {
    exit_ = std::unexpected(error);
    return TrapOutcome::Leave;
  }

 private:
  Result<ExitReason>& exit_;
};

}  // namespace axvm
