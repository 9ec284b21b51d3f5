#pragma once
// Runs a configured guest to its end and keeps what it left behind.

#include <array>
#include <hal-sim/host/host.hpp>
#include <hal-sim/isa.hpp>
#include <hal-sim/trace/hash_sink.hpp>
#include <hal-sim/trace/text_sink.hpp>
#include <memory>
#include <string>
#include <vector>

namespace axvm::test {

/// Guests that run to their end by themselves, for AArch64.
inline constexpr std::array kGuests{"hello",       "mmio",     "mmio_forms", "hvc",     "sysreg",
                                    "paging",      "lazy",     "smp",        "selfmod", "demand",
                                    "permissions", "spinlock", "unknown",    "timer",   "ipi",
                                    "its",         "virtio",   "corpus",     "gicv2",   "fpsimd"};

/// Those for RISC-V.
inline constexpr std::array kRiscvGuests{
    "hello",   "mmio",   "mmio_forms",  "sbi",      "csr",     "paging",     "lazy", "smp",
    "selfmod", "demand", "permissions", "spinlock", "unknown", "timer",      "aia",  "ipi",
    "plic",    "virtio", "corpus",      "fp",       "pmu",     "reservation"};

/// Of tests whose guests both architectures have.
inline constexpr std::array kIsas{hal_sim::Isa::Aarch64, hal_sim::Isa::Riscv64};
/// A guest that does nothing but wait for interrupts.
[[nodiscard]] inline std::string waiting_kernel(hal_sim::Isa isa) {
  return "guests/" + std::string(to_string(isa)) + "/bench/wfi.bin";
}

struct GuestRun {
  std::string name;      ///< of configs/<name>-<isa>.toml
  std::string kernel{};  ///< instead of the configured one; "" keeps it
  std::uint64_t chaos = 0;
  bool traced = false;
  std::uint64_t turn_instructions = 100'000;
  unsigned pcpus = 0;             ///< 0: one per vCPU
  std::uint32_t tlb_entries = 0;  ///< 0: the default
  std::string profile{};          ///< of configs/walk-lab/profiles: timing fidelity; "": functional
  hal_sim::Isa isa = hal_sim::Isa::Aarch64;
  std::uint16_t g_stage_modes = 0;  ///< as SimOptions has them; 0: the default
};

struct Outcome {
  hal_sim::StopReason reason;
  std::string console;
  std::string hash;
  std::uint64_t instructions = 0;
  std::string trace_text;
  std::string trace_hash;
  std::vector<sim::timing::Counters> counters;  ///< of each pCPU, in timing fidelity
};

/// The parsed configuration of a guest; fails the test when it has errors.
[[nodiscard]] hal_sim::MachineConfig config_of(const GuestRun& run);

/// A booted host. Sinks of a traced run write to `outcome`, which outlives the host.
[[nodiscard]] std::unique_ptr<hal_sim::Host> boot(const hal_sim::MachineConfig& config,
                                                  const GuestRun& run, Outcome& outcome);
[[nodiscard]] std::unique_ptr<hal_sim::Host> boot(const GuestRun& run, Outcome& outcome);

/// Fills in what a host left behind.
void collect(hal_sim::Host& host, hal_sim::StopReason reason, Outcome& outcome);

/// Boots, runs to the end, collects.
[[nodiscard]] Outcome run(const GuestRun& run);

}  // namespace axvm::test
