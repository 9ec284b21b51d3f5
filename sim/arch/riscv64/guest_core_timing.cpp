// The timing fidelity of a hart: an engine's hook before each instruction tells it what the guest
// executes. The engine's own hooks on memory are not used: they cost more than all of this.

#include <sim/arch/riscv64/guest_core.hpp>

namespace axvm::sim::riscv64 {

// Inline in the hook, which every instruction calls.
inline void GuestCore::on_instruction(std::uint64_t va) {
  // The engine has been told to stop, or a trap leads elsewhere.
  if (stop_ != Stop::None || retirement_.discontinued()) [[unlikely]]
    return;
  const std::uint32_t word = instruction_at(va);
  const unsigned bytes = instruction_bytes(word);
  const std::uint64_t retired = counted_.total_at(retirement_, va, bytes);
  // Here it stops, to go on as if it had not.
  if (retired == exact_target_) [[unlikely]]
    return;
  timing_->begin(va, bytes, retired);
  const MemoryInstruction* const instruction = timing_->decoded(word);
  if (instruction == nullptr) return;
  timing_->access(address_of(*instruction), instruction->access_bytes, instruction->is_store(),
                  retired);
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

}  // namespace axvm::sim::riscv64
