#pragma once
// The [sim] table: the machine that the VMs run on.

#include <cstdint>
#include <hal-sim/config/backend_options.hpp>
#include <hal-sim/isa.hpp>
#include <optional>
#include <sim/arch/riscv64/translation.hpp>
#include <vector>

namespace axvm::hal_sim {

/// A bank of RAM, host-physical, both a multiple of 4 KiB.
struct MemoryBank {
  std::uint64_t base = 0;
  std::uint64_t size = 0;

  friend bool operator==(const MemoryBank&, const MemoryBank&) = default;
};

/// Bounds of the machine's RAM. It takes room on the host only where it is touched, but for one
/// byte per frame.
inline constexpr std::uint64_t kSmallestMemory = 1ULL << 20;
inline constexpr std::uint64_t kLargestMemory = 1ULL << 40;
/// The end of guest- and host-physical addresses (44 bits).
inline constexpr std::uint64_t kAddressLimit = 1ULL << 44;

/// Where RAM begins on QEMU's virt board.
[[nodiscard]] constexpr std::uint64_t default_memory_base(Isa isa) noexcept {
  return isa == Isa::Aarch64 ? 0x4000'0000 : 0x8000'0000;
}

/// Keys of [sim], all optional. The defaults give every VM a machine that fits it.
struct SimOptions {
  /// `arch`: "aarch64" or "riscv64".
  Isa isa = Isa::Aarch64;
  /// `memory`: size of the RAM at `memory_base`, bytes or "64M"; there is no other then.
  /// Default: what the VMs need, where they need it.
  std::optional<std::uint64_t> memory;
  /// `memory_base`: where RAM begins.
  std::uint64_t memory_base = default_memory_base(Isa::Aarch64);
  /// `pcpus`: physical CPUs, 1..64. Default: one per vCPU, 64 at most.
  std::optional<std::uint32_t> pcpus;
  /// `turn_instructions`: how many instructions a pCPU runs before the next one's turn.
  std::uint64_t turn_instructions = 100'000;
  /// `migration_rounds`: after so many rounds of turns each vCPU moves on to the next pCPU of its
  /// affinity mask. 0: vCPUs stay where they are.
  std::uint64_t migration_rounds = 0;
  /// `max_resets`: how often guests may reset their VMs, together; the next request fails the run.
  /// Default: as often as they like.
  std::optional<std::uint64_t> max_resets;
  /// `tlb_entries`: capacity of each pCPU's TLB.
  std::uint32_t tlb_entries = 1U << 20;
  /// `g_stage_modes`: RISC-V: which G-stage tables the harts have, "sv39x4", "sv48x4" and "sv57x4";
  /// bit n is hgatp.MODE n. Default: all.
  std::uint16_t g_stage_modes = sim::riscv64::Features{}.g_stage_modes;
  /// What is behind devices.
  BackendOptions backends;

  friend bool operator==(const SimOptions&, const SimOptions&) = default;
};

}  // namespace axvm::hal_sim
