#include <sim/arch/aarch64/guest_core.hpp>
#include <sim/arch/aarch64/stack_alignment.hpp>

namespace axvm::sim::aarch64 {
namespace {

constexpr std::uint64_t kMisaligned = 15;
/// After so many watched instructions with aligned stack pointers their watches are given up: code
/// that misaligns SP all the time is translated anew once and not each time.
constexpr unsigned kPatience = 4096;
/// SP may be anything for so few instructions that do not use it: kernels do arithmetic with it
/// where no other register is free.
constexpr unsigned kPassing = 8;

/// B, BL, BR and their kin, exceptions, returns: not conditional branches.
constexpr bool goes_elsewhere(std::uint32_t word) noexcept {
  return (word & 0x7c00'0000) == 0x1400'0000 || (word & 0xfe00'0000) == 0xd600'0000 ||
         (word & 0xff00'0000) == 0xd400'0000;
}

}  // namespace

bool may_misalign_stack(std::uint32_t word) noexcept {
  if (stack::is_add_immediate(word)) {
    return !stack::has_base_31(word) || (stack::add_immediate(word) & kMisaligned) != 0;
  }
  if (stack::is_pair_with_writeback(word) || stack::is_single_with_writeback(word)) {
    return (stack::displacement(word) & kMisaligned) != 0;
  }
  return stack::is_add_extended(word) || stack::is_logical_immediate(word) ||
         stack::is_structures_with_writeback(word) || word == kSelectSpEl0;
}

bool is_stack_arithmetic(std::uint32_t word) noexcept {
  if (word >> 31 == 0) return false;
  if (stack::is_add_immediate(word)) return may_misalign_stack(word);
  // UXTX, SXTX, shifted by 4 at most (C6.2.6).
  const unsigned option = (word >> 13) & 7;
  const unsigned shift = (word >> 10) & 7;
  return stack::is_add_extended(word) && (option & 3) == 3 && shift <= 4;
}

bool GuestCore::needs_stack_watch(std::uint32_t word, unsigned el) const noexcept {
  return checks_stack_at(el) &&
         (may_misalign_stack(word) || (stack_is_misaligned_ && checks_stack(word)));
}

void GuestCore::change_stack(std::uint32_t word, std::uint64_t va) {
  const std::uint64_t value =
      stack_after(word, [this](unsigned n) { return n == 31 ? engine_.sp() : engine_.x(n); });
  engine_.set_sp(value);
  if (!checks_stack_at(current_el()) || ((value & kMisaligned) != 0 && is_passing(va))) return;
  if (note_stack(value)) return request(Stop::Resume);
  lose_patience_with_stack();
}

bool GuestCore::stacks_are_misaligned() const {
  // EL0 has no use for SP_EL1.
  const std::uint64_t sp_el1 = checks_stack_at(1) ? engine_.sp_el(1) : 0;
  return ((engine_.sp_el(0) | sp_el1) & kMisaligned) != 0;
}

void GuestCore::note_use_of_sp_el0() {
  // Who is checked is watched; so this is news only when the other one has changed it.
  if (checks_stack_at(0) != checks_stack_at(1)) note_stack(engine_.sp_el(0));
}

bool GuestCore::note_stack(std::uint64_t value) {
  if (stack_is_misaligned_ || (value & kMisaligned) == 0) return false;
  if (!checks_stack_at(0) && !checks_stack_at(1)) return false;
  stack_is_misaligned_ = true;
  stack_patience_ = kPatience;
  forget_watches_next_ = true;
  attention_ = 0;
  return true;
}

bool GuestCore::is_passing(std::uint64_t va) const {
  for (unsigned n = 1; n <= kPassing; ++n) {
    const std::uint64_t at = va + n * Retirement::kInstructionBytes;
    if ((at & ~std::uint64_t{4095}) != (va & ~std::uint64_t{4095})) return false;
    const std::uint32_t word = instruction_at(at);
    if (may_misalign_stack(word)) return true;  // and looks for itself
    if (checks_stack(word) || goes_elsewhere(word)) return false;
  }
  return false;
}

bool GuestCore::watch_stack(std::uint32_t word, std::uint64_t va, unsigned el) {
  if (!checks_stack_at(el)) return false;
  const auto stop = [&](Stop why) {
    retirement_.stop_at(va);
    request(why);
    return true;
  };
  if (may_misalign_stack(word)) {
    const auto read = [this](unsigned n) { return n == 31 ? engine_.sp() : engine_.x(n); };
    // The rest of its block does not check SP yet: the instruction is come back to.
    const std::uint64_t next = word == kSelectSpEl0 ? engine_.sp_el(0) : stack_after(word, read);
    if ((next & kMisaligned) != 0 && is_passing(va)) return false;
    if (note_stack(next)) return stop(Stop::Resume);
  }
  if (!stack_is_misaligned_) return false;
  if (checks_stack(word) && (engine_.sp() & kMisaligned) != 0) return stop(Stop::MisalignedStack);
  lose_patience_with_stack();
  return false;
}

void GuestCore::lose_patience_with_stack() {
  if (!stack_is_misaligned_) return;
  if (stacks_are_misaligned()) {
    stack_patience_ = kPatience;
  } else if (--stack_patience_ == 0) {
    stack_is_misaligned_ = false;
    forget_watches_next_ = true;
    attention_ = 0;
  }
}

}  // namespace axvm::sim::aarch64
