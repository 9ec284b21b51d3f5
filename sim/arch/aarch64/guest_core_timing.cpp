// The timing fidelity of a CPU: an engine's hook before each instruction tells it what the guest
// executes. The engine's own hooks on memory are not used: they cost more than all of this.

#include <sim/arch/aarch64/guest_core.hpp>

namespace axvm::sim::aarch64 {

void GuestCore::set_timing(const timing::Profile& profile) {
  timing_ = std::make_unique<GuestTiming>(profile, machine_.memory());
  mmu_.set_observer(timing_.get());
  uc_hook hook = 0;
  const Engine::CodeHook instruction = [](uc_engine*, std::uint64_t va, std::uint32_t, void* self) {
    static_cast<GuestCore*>(self)->on_instruction(va);
  };
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the engine takes void*
  uc_hook_add(engine_.handle(), &hook, UC_HOOK_CODE, reinterpret_cast<void*>(instruction), this, 1,
              0);
}

void GuestCore::on_instruction(std::uint64_t va) {
  // The engine has been told to stop, or an exception leads elsewhere.
  if (stop_ != Stop::None || retirement_.discontinued()) return;
  const std::uint64_t retired = retirement_.total_at(va);
  // Here it stops, to go on as if it had not.
  if (retired == exact_target_) return;
  timing_->begin(va, retired);
  const std::uint32_t word = instruction_at(va);
  const MemoryInstruction& instruction = timing_->decoded(word);
  if (instruction.access_bytes == 0) return;
  timing_->access(address_of(instruction, va), instruction.access_bytes, instruction.is_store,
                  retired);
}

}  // namespace axvm::sim::aarch64
