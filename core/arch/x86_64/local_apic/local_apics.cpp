#include <core/arch/x86_64/local_apic/local_apics.hpp>

namespace axvm::x86_64 {
namespace {

constexpr unsigned kNobody = ~0U;

}  // namespace

Result<Box<LocalApics>> LocalApics::try_make(Allocator allocator, AnyLock& lock, std::size_t vcpus,
                                             std::uint64_t tsc_frequency) {
  auto apics = Array<LocalApic>::try_make(allocator, vcpus);
  if (!apics) return std::unexpected(apics.error());
  for (std::uint32_t id = 0; !apics->full(); ++id) apics->emplace_back(id, id == 0, tsc_frequency);
  return Box<LocalApics>::try_make(allocator, lock, std::move(*apics));
}

void LocalApics::reset() noexcept {
  LockGuard guard(lock_);
  for (LocalApic& apic : apics_) apic.reset();
  wakes_.store(0, std::memory_order_relaxed);  // nobody runs
}

// --- registers ----------------------------------------------------------------------------------

Result<std::uint32_t> LocalApics::read(unsigned vcpu, unsigned number, std::uint64_t now) noexcept {
  LockGuard guard(lock_);
  if (apics_[vcpu].mode() != LocalApic::Mode::XApic) {
    return fail(ErrorKind::Unsupported, "local APIC access"sv, "it is not in memory now"sv);
  }
  return apics_[vcpu].read(number, now);
}

Result<> LocalApics::write(unsigned vcpu, unsigned number, std::uint32_t value,
                           std::uint64_t now) noexcept {
  std::optional<std::uint8_t> ended;
  {
    LockGuard guard(lock_);
    if (apics_[vcpu].mode() != LocalApic::Mode::XApic) {
      return fail(ErrorKind::Unsupported, "local APIC access"sv, "it is not in memory now"sv);
    }
    ended = carry_out(vcpu, apics_[vcpu].write(number, value, now));
  }
  tell_listener(ended);
  return {};
}

std::optional<std::uint64_t> LocalApics::read_msr(unsigned vcpu, std::uint32_t msr,
                                                  std::uint64_t now) noexcept {
  LockGuard guard(lock_);
  LocalApic& apic = apics_[vcpu];
  if (msr == kBaseMsr) return apic.read_base();
  if (msr != kTscDeadlineMsr) return apic.read_msr(msr, now);
  apic.poll(now);
  return apic.tsc_deadline();
}

bool LocalApics::write_msr(unsigned vcpu, std::uint32_t msr, std::uint64_t value,
                           std::uint64_t now) noexcept {
  std::optional<std::uint8_t> ended;
  {
    LockGuard guard(lock_);
    LocalApic& apic = apics_[vcpu];
    if (msr == kBaseMsr) return apic.write_base(value);
    if (msr == kTscDeadlineMsr) {
      apic.poll(now);
      apic.set_tsc_deadline(value);
      return true;
    }
    const auto effect = apic.write_msr(msr, value, now);
    if (!effect) return false;
    ended = carry_out(vcpu, *effect);
  }
  tell_listener(ended);
  return true;
}

std::optional<std::uint8_t> LocalApics::carry_out(unsigned sender,
                                                  const ApicEffect& effect) noexcept {
  if (effect.message) deliver(*effect.message, sender);
  return effect.ended;
}

void LocalApics::tell_listener(std::optional<std::uint8_t> ended) noexcept {
  if (ended && listener_ != nullptr) listener_->end_of_interrupt(*ended);
}

// --- what comes ---------------------------------------------------------------------------------

void LocalApics::wake(unsigned vcpu) noexcept {
  if (!apics_[vcpu].has_news()) return;
  wakes_.fetch_or(std::uint64_t{1} << vcpu, std::memory_order_release);
}

/// To itself a processor sends fixed interrupts only (APM Vol. 2 16.5).
bool LocalApics::is_for(const InterruptMessage& message, unsigned sender,
                        unsigned vcpu) const noexcept {
  using Shorthand = MessageDestination::Shorthand;
  const bool is_fixed = message.mode == DeliveryMode::Fixed;
  switch (message.destination.shorthand) {
    case Shorthand::Self: return is_fixed && vcpu == sender;
    case Shorthand::AllIncludingSelf: return is_fixed;
    case Shorthand::AllExcludingSelf: return vcpu != sender;
    default: return apics_[vcpu].is_named_by(message.destination);
  }
}

void LocalApics::deliver(const InterruptMessage& message, unsigned sender) noexcept {
  // The one of the lowest priority, the first of equal ones (16.6.2).
  unsigned chosen = kNobody;
  for (unsigned vcpu = 0; vcpu < vcpu_count(); ++vcpu) {
    if (!is_for(message, sender, vcpu)) continue;
    LocalApic& apic = apics_[vcpu];
    if (message.mode != DeliveryMode::LowestPriority) {
      apic.accept(message);
      wake(vcpu);
    } else if (apic.is_enabled_by_software() &&
               (chosen == kNobody ||
                apic.processor_priority() < apics_[chosen].processor_priority())) {
      chosen = vcpu;
    }
  }
  if (chosen == kNobody) return;
  apics_[chosen].accept(message);
  wake(chosen);
}

void LocalApics::send(const InterruptMessage& message) noexcept {
  LockGuard guard(lock_);
  deliver(message, kNobody);
}

void LocalApics::trigger(unsigned vcpu, LocalVector source) noexcept {
  LockGuard guard(lock_);
  apics_[vcpu].trigger(source);
  wake(vcpu);
}

void LocalApics::poll(std::uint64_t now) noexcept {
  LockGuard guard(lock_);
  for (unsigned vcpu = 0; vcpu < vcpu_count(); ++vcpu) {
    const auto due = apics_[vcpu].timer_deadline();
    if (!due || *due > now) continue;
    apics_[vcpu].poll(now);
    wake(vcpu);
  }
}

std::optional<std::uint64_t> LocalApics::deadline() noexcept {
  LockGuard guard(lock_);
  std::optional<std::uint64_t> first;
  for (const LocalApic& apic : apics_) {
    const auto due = apic.timer_deadline();
    if (due && (!first || *due < *first)) first = due;
  }
  return first;
}

void LocalApics::describe(StateVisitor& visitor) {
  LockGuard guard(lock_);
  for (LocalApic& apic : apics_) {
    visitor.enter("local_apic"sv, apic.id());
    apic.describe(visitor);
    visitor.leave();
  }
}

}  // namespace axvm::x86_64
