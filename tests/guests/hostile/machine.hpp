#pragma once
// Runs one program that means no good on a small machine of its own.

#include <cstdint>
#include <hal-sim/host/stop.hpp>
#include <span>
#include <string>

namespace axvm::test::hostile {

struct Options {
  std::uint64_t chaos = 0;
  bool traced = false;
  /// Instructions of all vCPUs together after which the run is over.
  std::uint64_t instructions = 20'000;
  /// Keep the machine's state at the end as text, after the events if traced.
  bool described = false;
};

struct Report {
  hal_sim::StopReason reason;
  std::string hash;        ///< of the state at the end
  std::string trace_hash;  ///< of the events, when traced
  std::uint64_t instructions = 0;
  std::string console;
  std::string state;  ///< a line per field, when described

  /// True when the program ended as a guest may: by itself, at the limit, or with a report about
  /// what the guest did. What remains is a finding.
  [[nodiscard]] bool is_guests_doing() const;
  friend bool operator==(const Report& a, const Report& b) {
    return a.reason.kind == b.reason.kind && a.reason.text == b.reason.text && a.hash == b.hash &&
           a.trace_hash == b.trace_hash && a.instructions == b.instructions &&
           a.console == b.console;
  }
};

/// `image` goes to the beginning of RAM; `seed` decides the machine's shape: vCPUs, pCPUs, length
/// of turns, TLB. Throws std::runtime_error when the machine cannot be made.
[[nodiscard]] Report run(std::uint64_t seed, std::span<const std::uint8_t> image,
                         const Options& options);
/// The same with the seed's own program.
[[nodiscard]] Report run(std::uint64_t seed, const Options& options = {});

}  // namespace axvm::test::hostile
