// Instructions that this machine carries out itself, though the engine has them: it fetches an SVC
// in their place, from a copy of their frame.

#include <sim/arch/aarch64/fixed_registers.hpp>
#include <sim/arch/aarch64/guest_core.hpp>
#include <sim/arch/aarch64/stack_alignment.hpp>
#include <sim/arch/aarch64/syndrome.hpp>
#include <sim/arch/aarch64/traps.hpp>
#include <utility>

namespace axvm::sim::aarch64 {
namespace {

constexpr std::uint64_t kNtwi = 1ULL << 16;  // SCTLR_EL1
constexpr std::uint64_t kNtwe = 1ULL << 18;
constexpr std::uint64_t kUci = 1ULL << 26;

}  // namespace

bool GuestCore::replaces(std::uint32_t word) const noexcept {
  using namespace instruction;
  if (is_stack_arithmetic(word)) return checks_stack_at(0) || checks_stack_at(1);
  // Hints, barriers, MSR (immediate), and what is_system_access() tells from them.
  if ((word & 0xffc0'0000) != 0xd500'0000) return false;
  if (word == kWfi || word == kWfe || word == kSev || word == kSevl || word == kYield) return true;
  if (!is_system_access(word) || is_fp(word)) return false;
  const SysReg r = register_of(word);
  return is_absent(r) || is_cache_maintenance_by_va(r) ||
         VirtualCpuInterface::has(r, is_read(word)) || traps_to_el2(el2_, word);
}

void GuestCore::on_replaced(std::uint32_t word, std::uint64_t va) {
  // For the engine and for retirement_ it has retired, and the engine goes on behind it.
  switch (word) {
    case instruction::kWfi: return on_wfi(va);
    case instruction::kWfe: return on_wfe(va);
    case instruction::kYield: return request(Stop::TurnEnd);
    case instruction::kSevl: event_ = true; return;
    case instruction::kSev:
      machine_.for_each_core([](GuestCore& core) { core.event_ = true; });
      return;
    default: break;
  }
  if (is_system_access(word)) {
    if (traps_by_controls(word) && traps_from(current_el(), word)) return trap_replaced(word, va);
    if (is_cache_maintenance_by_va(register_of(word))) return maintain_cache(word, va);
    return refuse_replaced(word, va);
  }
  if (is_stack_arithmetic(word)) return change_stack(word, va);
  refuse_in_place(word, va);
}

void GuestCore::trap_replaced(std::uint32_t word, std::uint64_t va) {
  retirement_.take_back(va);
  record_trap_of(word, va);
  leave_by_trap(va + Retirement::kInstructionBytes);
}

void GuestCore::refuse_replaced(std::uint32_t word, std::uint64_t va) {
  retirement_.take_back(va);
  on_undefined(word, va);
}

void GuestCore::on_wfi(std::uint64_t va) {
  if ((mmu_.registers().sctlr_el1 & kNtwi) == 0 && current_el() == 0) {
    return refuse_replaced(instruction::kWfi, va);
  }
  if (wfi_completes(time())) return;
  if ((el2_.hcr & hcr::TWI) != 0) return trap_replaced(instruction::kWfi, va);
  request(Stop::Wfi);
}

void GuestCore::on_wfe(std::uint64_t va) {
  if (std::exchange(event_, false)) return;
  if ((mmu_.registers().sctlr_el1 & kNtwe) == 0 && current_el() == 0) {
    return refuse_replaced(instruction::kWfe, va);
  }
  // It need not wait (D1.6.1), and does not.
  if ((el2_.hcr & hcr::TWE) != 0) trap_replaced(instruction::kWfe, va);
}

void GuestCore::maintain_cache(std::uint32_t word, std::uint64_t va) {
  const unsigned el = current_el();
  const SysReg op = register_of(word);
  const bool el0_may = op.op1() == 3 && (mmu_.registers().sctlr_el1 & kUci) != 0;
  if (el == 0 && !el0_may) return refuse_replaced(word, va);
  const unsigned rt = word & 31;
  const std::uint64_t address = rt == 31 ? 0 : engine_.x(rt);
  if (const auto fault = maintenance_fault(op, address, el)) {
    retirement_.take_back(va);
    return refuse_system_instruction(*fault, address, va);
  }
  if (op == reg::IC_IVAU) invalidate_line(address, el);
}

std::optional<Fault> GuestCore::maintenance_fault(SysReg op, std::uint64_t va, unsigned el) {
  // D7.5.9: at EL0 read permission is needed; DC IVAC needs write permission of stage 1.
  const std::uint64_t evictions = statistics_.tlb_evictions;
  const auto found = mmu_.translate(
      va, {.access = Access::Read, .el = static_cast<std::uint8_t>(el), .pan = false});
  if (statistics_.tlb_evictions != evictions)
    after_eviction(Access::Read, engine_.pc() - Retirement::kInstructionBytes);
  if (!found) return found.error();
  if (op.op1() != 0) return std::nullopt;
  const auto par = mmu_.at_s1(va, el, true);
  if (!par || (*par & 1) == 0) return std::nullopt;
  return Fault{.kind = FaultKind::Permission,
               .stage = 1,
               .level = static_cast<std::uint8_t>((*par >> 1) & 3),
               .va = va,
               .ipa = 0};
}

void GuestCore::invalidate_line(std::uint64_t va, unsigned el) {
  const auto found = mmu_.translate_without_side_effects(
      va, {.access = Access::Read, .el = static_cast<std::uint8_t>(el), .pan = false});
  if (found) machine_.fetch_coherence().line_invalidated(found->pa);
}

}  // namespace axvm::sim::aarch64
