// The timing fidelity of a CPU: an engine's hook before each instruction tells it what the guest
// executes. The engine's own hooks on memory are not used: they cost more than all of this.

#include <cstring>
#include <sim/arch/aarch64/guest_core.hpp>

namespace axvm::sim::aarch64 {

// Inline in the hook, which every instruction calls.
inline void GuestCore::on_instruction(std::uint64_t va) {
  // The engine has been told to stop, or an exception leads elsewhere.
  if (stop_ != Stop::None || retirement_.discontinued()) [[unlikely]]
    return;
  const std::uint64_t retired = retirement_.total_at(va);
  // Here it stops, to go on as if it had not.
  if (retired == exact_target_) [[unlikely]]
    return;
  timing_->begin(va, retired);
  constexpr std::uint64_t kOffset = PhysicalMemory::kFrameSize - 1;
  std::uint32_t word = 0;
  if (instruction_page_.va == (va & ~kOffset)) [[likely]] {
    std::memcpy(&word, instruction_page_.bytes + (va & kOffset), sizeof word);
  } else {
    word = instruction_at(va);
  }
  const MemoryInstruction* const instruction = timing_->decoded(word);
  if (instruction == nullptr) return;
  std::uint64_t address = address_of(*instruction, va);
  // Any address of the block names it.
  if (instruction->is_dc_zva) address &= ~(std::uint64_t{instruction->access_bytes} - 1);
  timing_->access(address, instruction->access_bytes, instruction->is_store, retired);
}

GuestTiming& GuestCore::observe() {
  if (timing_) return *timing_;
  timing_ = std::make_unique<GuestTiming>(machine_.memory());
  mmu_.set_observer(timing_.get());
  engine_.watch(
      1, 0,
      [](uc_engine*, std::uint64_t va, std::uint32_t, void* self) {
        static_cast<GuestCore*>(self)->on_instruction(va);
      },
      this);
  return *timing_;
}

}  // namespace axvm::sim::aarch64
