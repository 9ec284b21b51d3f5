#pragma once
// What handling a trap comes to.

#include <axvm/exit.hpp>
#include <axvm/result.hpp>
#include <optional>
#include <utility>

namespace axvm::aarch64 {

/// Nothing: the guest goes on. Otherwise what run_vcpu returns.
using TrapOutcome = std::optional<Result<ExitReason>>;

inline constexpr std::nullopt_t kGoOn = std::nullopt;

[[nodiscard]] inline TrapOutcome leave(ExitReason reason) {
  return TrapOutcome(std::in_place, reason);
}
[[nodiscard]] inline TrapOutcome leave(const Error& error) {
  return TrapOutcome(std::in_place, std::unexpected(error));
}

}  // namespace axvm::aarch64
