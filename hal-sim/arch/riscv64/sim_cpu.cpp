#include <hal-sim/arch/riscv64/sim_cpu.hpp>
#include <sim/arch/riscv64/mmu.hpp>

namespace axvm::hal_sim::riscv64 {
namespace {

// Two bytes, as they are in memory.
std::optional<std::uint32_t> parcel_at(const sim::riscv64::Mmu& mmu,
                                       const sim::PhysicalMemory& memory, std::uint64_t va,
                                       bool user) {
  const auto found =
      mmu.translate_without_side_effects(va, {.access = sim::riscv64::Access::Fetch, .user = user});
  const std::uint8_t* const bytes = found ? memory.at(found->pa) : nullptr;
  if (bytes == nullptr) return std::nullopt;
  return static_cast<std::uint32_t>(bytes[0] | bytes[1] << 8);
}

}  // namespace

std::optional<std::uint32_t> SimCpu::instruction_at(const sim::PhysicalMemory& memory,
                                                    std::uint64_t va) const {
  if (va % 2 != 0) return std::nullopt;
  for (const bool user : {false, true}) {
    const auto low = parcel_at(hart_->mmu(), memory, va, user);
    if (!low) continue;
    const auto high = parcel_at(hart_->mmu(), memory, va + 2, user);
    return *low | high.value_or(0) << 16;
  }
  return std::nullopt;
}

}  // namespace axvm::hal_sim::riscv64
