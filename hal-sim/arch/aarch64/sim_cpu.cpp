#include <hal-sim/arch/aarch64/sim_cpu.hpp>
#include <sim/arch/aarch64/mmu.hpp>

namespace axvm::hal_sim::aarch64 {

std::optional<std::uint32_t> SimCpu::instruction_at(const sim::PhysicalMemory& memory,
                                                    std::uint64_t va) const {
  if (va % 4 != 0) return std::nullopt;
  for (const std::uint8_t el : {std::uint8_t{1}, std::uint8_t{0}}) {
    const auto found = pcpu_->mmu().translate_without_side_effects(
        va, {.access = sim::aarch64::Access::Fetch, .el = el, .pan = false});
    const std::uint8_t* const bytes = found ? memory.at(found->pa) : nullptr;
    if (bytes == nullptr) continue;
    return static_cast<std::uint32_t>(bytes[0] | bytes[1] << 8 | bytes[2] << 16) |
           static_cast<std::uint32_t>(bytes[3]) << 24;
  }
  return std::nullopt;
}

}  // namespace axvm::hal_sim::aarch64
