// Accesses of guests to GICV_*, the virtual CPU interface in memory. They signal and end
// interrupts, so that each is carried out with the engine stopped, as those of system registers
// are.

#include <sim/arch/aarch64/decode.hpp>
#include <sim/arch/aarch64/guest_core.hpp>

namespace axvm::sim::aarch64 {

std::uint64_t GuestCore::InterfaceFrame::read(std::uint64_t offset, unsigned width) {
  // Others than whole words are UNPREDICTABLE (IHI 0048B, 4.1.4).
  if (width != 4 || offset % 4 != 0) return 0;
  return core_.el2_.gic.read_frame(offset);
}

void GuestCore::InterfaceFrame::write(std::uint64_t offset, unsigned width, std::uint64_t value) {
  if (width != 4 || offset % 4 != 0) return;
  const auto written = core_.el2_.gic.write_frame(offset, static_cast<std::uint32_t>(value));
  if (written.deactivated) core_.interrupts_.end(*written.deactivated);
}

uc_err GuestCore::access_interface() {
  const std::uint64_t pc = engine_.pc();
  const std::uint64_t page = refusal_->page;
  ++statistics_.interface_accesses;
  retirement_.stop_at(pc);
  uc_err error = UC_ERR_OK;
  if (!move_to_interface(pc, page)) {
    stepping_interface_ = true;
    error = run_exactly(pc, 1);
    stepping_interface_ = false;
    engine_.flush_tlb();  // which may access the frame by itself now
  }
  refresh_interrupts(time());
  schedule_attention();
  return error;
}

bool GuestCore::move_to_interface(std::uint64_t pc, std::uint64_t page) {
  constexpr std::uint64_t kBigEndian = 1ULL << 24 | 1ULL << 25;  // SCTLR_EL1.E0E, EE
  const auto instruction = decode_memory_instruction(instruction_at(pc));
  if (!instruction || !instruction->syndrome_valid) return false;
  const unsigned width = instruction->access_bytes;
  const std::uint64_t address = address_of(*instruction, pc);
  if (address % width != 0 || (mmu_.registers().sctlr_el1 & kBigEndian) != 0) return false;

  constexpr unsigned kZeroRegister = 31;
  const std::uint64_t offset = page + address % PhysicalMemory::kFrameSize;
  const unsigned rt = instruction->register_number;
  if (instruction->is_store) {
    interface_frame_.write(offset, width, rt == kZeroRegister ? 0 : engine_.x(rt));
  } else {
    std::uint64_t value = interface_frame_.read(offset, width);
    if (instruction->sign_extend && width == 4) {
      value = static_cast<std::uint64_t>(
          static_cast<std::int64_t>(static_cast<std::int32_t>(static_cast<std::uint32_t>(value))));
    }
    if (rt != kZeroRegister) engine_.set_x(rt, value);
  }
  go_on_behind(pc);
  return true;
}

}  // namespace axvm::sim::aarch64
