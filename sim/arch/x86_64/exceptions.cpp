// Exceptions: intercepted, or delivered to the guest; what becomes of one while another is being
// delivered (APM Vol. 2 8.2, 15.12, 15.20).

#include <sim/arch/x86_64/guest_core.hpp>
#include <sim/arch/x86_64/machine.hpp>

namespace axvm::sim::x86_64 {
namespace {

enum Vector : std::uint8_t {
  kDebug = 1,
  kUndefined = 6,
  kDoubleFault = 8,
  kGeneralProtection = 13,
  kPageFault = 14,
};

constexpr ExitCode exit_of(std::uint8_t vector) noexcept {
  return static_cast<ExitCode>(code_of(ExitCode::Exception0) + vector);
}

/// Whether the exception has an error code (8.2).
constexpr bool has_error(std::uint8_t vector) noexcept {
  return vector == kDoubleFault || (vector >= 10 && vector <= 14) || vector == 17;
}
/// #DE, #TS, #NP, #SS, #GP (8.2.9).
constexpr bool is_contributory(std::uint8_t vector) noexcept {
  return vector == 0 || (vector >= 10 && vector <= 13);
}
constexpr bool is_double_fault(const Event& first, std::uint8_t second) noexcept {
  if (first.type != Event::Type::Exception) return false;
  if (first.vector == kPageFault) return second == kPageFault || is_contributory(second);
  return is_contributory(first.vector) && is_contributory(second);
}

}  // namespace

GuestCore::Exit GuestCore::raise(std::uint8_t vector, std::optional<std::uint32_t> error) {
  if (controls_.wants(exit_of(vector))) return leave(exit_of(vector), error.value_or(0));
  const Event event{.type = Event::Type::Exception,
                    .vector = vector,
                    .has_error = has_error(vector),
                    .error = error.value_or(0)};
  return deliver(event, engine_.rip());
}

GuestCore::Exit GuestCore::raise_fault(const Fault& fault) {
  switch (fault.kind) {
    case FaultKind::NestedPage: return leave(ExitCode::Npf, fault.error, fault.gpa);
    case FaultKind::NonCanonical: return raise(kGeneralProtection, 0);
    case FaultKind::Page: break;
  }
  const ExitCode exit = exit_of(kPageFault);
  if (controls_.wants(exit)) return leave(exit, fault.error, fault.va);
  engine_.set_reg(UC_X86_REG_CR2, fault.va);
  return raise(kPageFault, static_cast<std::uint32_t>(fault.error));
}

GuestCore::Exit GuestCore::after_exception(std::uint8_t vector) {
  const EngineTail& tail = engine_.look().tail();
  const auto error = static_cast<std::uint32_t>(tail.error_code);
  if (vector == kUndefined) return carry_out_undefined();
  if (vector == kDebug) {
    constexpr std::uint64_t kSingleStep = 1ULL << 14;
    dr6_ |= tail.dr[6] & kSingleStep;
  }
  return has_error(vector) ? raise(vector, error) : raise(vector);
}

GuestCore::Exit GuestCore::deliver(const Event& first, std::uint64_t return_rip) {
  Event event = first;
  for (;;) {
    delivering_ = event;
    const Delivered taken = take_event(event, return_rip);
    if (mmu_.take_forgotten()) forget_translations();
    if (taken) break;
    const DeliveryFault& f = taken.error();
    if (f.memory && f.memory->kind == FaultKind::NestedPage) return raise_fault(*f.memory);
    const bool page = f.memory && f.memory->kind == FaultKind::Page;
    std::uint8_t second = f.memory ? std::uint8_t{kGeneralProtection} : f.vector;
    if (page) second = kPageFault;
    const auto error = page ? static_cast<std::uint32_t>(f.memory->error) : f.memory ? 0U : f.error;
    if (controls_.wants(exit_of(second)))
      return leave(exit_of(second), error, page ? f.memory->va : 0);
    if (page) engine_.set_reg(UC_X86_REG_CR2, f.memory->va);
    const bool was_double = event.type == Event::Type::Exception && event.vector == kDoubleFault;
    if (was_double) {
      if (controls_.wants(ExitCode::Shutdown)) {
        delivering_.reset();
        return leave(ExitCode::Shutdown);
      }
      return fail("the guest shut down by a triple fault, which nobody intercepts");
    }
    const bool doubled = is_double_fault(event, second);
    if (doubled && controls_.wants(exit_of(kDoubleFault))) return leave(exit_of(kDoubleFault), 0);
    event = {.type = Event::Type::Exception,
             .vector = doubled ? std::uint8_t{kDoubleFault} : second,
             .has_error = doubled || has_error(second),
             .error = doubled ? 0 : error};
    return_rip = engine_.rip();
  }
  delivering_.reset();
  ++statistics_.traps_to_el1;
  retirement_.discontinue();
  note_progress();
  return std::nullopt;
}

GuestCore::Exit GuestCore::inject(std::uint64_t injection) {
  if (!bit(injection, 31)) return std::nullopt;
  const std::uint64_t type = field(injection, 10, 8);
  const Event event{.type = static_cast<Event::Type>(type),
                    .vector = static_cast<std::uint8_t>(injection),
                    .has_error = bit(injection, 11),
                    .error = static_cast<std::uint32_t>(injection >> 32)};
  const bool exception = event.type == Event::Type::Exception;
  const bool reserved =
      type == 1 || type > 4 || (exception && (event.vector == 2 || event.vector > 31));
  if (reserved) return leave(ExitCode::Invalid);
  std::uint64_t return_rip = engine_.rip();
  if (event.type == Event::Type::Software) {
    const Vmcb v(machine_.memory().at(vmcb_pa_));
    if (const std::uint64_t next = v.read(vmcb::kNextRip); next != 0) return_rip = next;
  }
  return deliver(event, return_rip);
}

}  // namespace axvm::sim::x86_64
