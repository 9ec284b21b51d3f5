#include <core/arch/riscv64/plic/plic.hpp>
#include <core/lowest_bit.hpp>
#include <span>

namespace axvm::riscv64 {
namespace {

constexpr std::uint32_t bit_of(std::uint32_t source) { return 1U << (source % 32); }

template <class Bits>
bool has(const Bits& bits, std::uint32_t source) {
  return (bits[source / 32] & bit_of(source)) != 0;
}
template <class Bits>
void put(Bits& bits, std::uint32_t source, bool value) {
  std::uint32_t& word = bits[source / 32];
  word = value ? word | bit_of(source) : word & ~bit_of(source);
}

}  // namespace

Result<Box<Plic>> Plic::try_make(Allocator allocator, AnyLock& lock, std::size_t vcpus) {
  auto contexts = Array<Context>::try_make(allocator, vcpus);
  if (!contexts) return std::unexpected(contexts.error());
  return Box<Plic>::try_make(allocator, lock, std::move(*contexts));
}

void Plic::add_vcpu(std::uint64_t, VcpuInterrupts& interrupts) noexcept {
  contexts_.emplace_back().interrupts = &interrupts;
}

void Plic::reset() noexcept {
  LockGuard guard(lock_);
  priority_ = {};
  level_ = edges_ = pending_ = claimed_ = {};
  for (Context& context : contexts_) {
    context.enabled = {};
    context.threshold = 0;
  }
  tell_all();
  wakes_.store(0, std::memory_order_relaxed);  // nobody runs
}

// --- sources -------------------------------------------------------------------------------------

void Plic::set_line(std::uint32_t source, bool high) noexcept {
  if (!exists(source)) return;
  LockGuard guard(lock_);
  if (has(level_, source) == high) return;
  put(level_, source, high);
  if (high) pass_request(source);
}

void Plic::make_pending(unsigned, std::uint32_t source) noexcept {
  if (!exists(source)) return;
  LockGuard guard(lock_);
  put(edges_, source, true);
  pass_request(source);
}

Result<> Plic::send_message(std::uint32_t, std::uint32_t) {
  return fail(ErrorKind::Unsupported, "send message"sv, "a PLIC takes no messages"sv);
}

// A request that has been let through stays, even if its wire goes down before it is claimed.
void Plic::pass_request(std::uint32_t source) noexcept {
  if (has(claimed_, source)) return;
  put(edges_, source, false);
  put(pending_, source, true);
  tell_all();
}

// --- harts ---------------------------------------------------------------------------------------

std::uint32_t Plic::best(const Context& context, std::uint32_t threshold) const noexcept {
  std::uint32_t found = 0;
  std::uint32_t highest = threshold;
  for (std::uint32_t word = 0; word < kWords; ++word) {
    std::uint32_t candidates = pending_[word] & context.enabled[word];
    for (; candidates != 0; candidates &= candidates - 1) {
      const std::uint32_t source = word * 32 + lowest_bit(candidates);
      if (priority_[source] <= highest) continue;
      highest = priority_[source];
      found = source;
    }
  }
  return found;
}

void Plic::tell(unsigned vcpu) noexcept {
  const Context& context = contexts_[vcpu];
  const bool asserted = best(context, context.threshold) != 0;
  // One that falls needs no attention: at worst a claim finds nothing.
  if (!context.interrupts->set_external(asserted) || !asserted) return;
  wakes_.fetch_or(std::uint64_t{1} << vcpu, std::memory_order_release);
}

void Plic::tell_all() noexcept {
  for (unsigned vcpu = 0; vcpu < vcpu_count(); ++vcpu) tell(vcpu);
}

// --- registers -----------------------------------------------------------------------------------

std::uint32_t Plic::priority(std::uint32_t source) noexcept {
  LockGuard guard(lock_);
  return priority_[source];
}

void Plic::set_priority(std::uint32_t source, std::uint32_t priority) noexcept {
  if (!exists(source)) return;
  LockGuard guard(lock_);
  priority_[source] = static_cast<std::uint8_t>(priority & kMaxPriority);
  tell_all();
}

std::uint32_t Plic::pending(unsigned word) noexcept {
  LockGuard guard(lock_);
  return pending_[word];
}

std::uint32_t Plic::enabled(unsigned vcpu, unsigned word) noexcept {
  LockGuard guard(lock_);
  return contexts_[vcpu].enabled[word];
}

void Plic::enable(unsigned vcpu, unsigned word, std::uint32_t sources) noexcept {
  LockGuard guard(lock_);
  contexts_[vcpu].enabled[word] = word == 0 ? sources & ~1U : sources;
  tell(vcpu);
}

std::uint32_t Plic::threshold(unsigned vcpu) noexcept {
  LockGuard guard(lock_);
  return contexts_[vcpu].threshold;
}

void Plic::set_threshold(unsigned vcpu, std::uint32_t threshold) noexcept {
  LockGuard guard(lock_);
  contexts_[vcpu].threshold = threshold & kMaxPriority;
  tell(vcpu);
}

// The threshold does not matter to a claim ("Interrupt Claim Process").
std::uint32_t Plic::claim(unsigned vcpu) noexcept {
  LockGuard guard(lock_);
  const std::uint32_t source = best(contexts_[vcpu], 0);
  if (source == 0) return 0;
  put(pending_, source, false);
  put(claimed_, source, true);
  tell_all();
  return source;
}

void Plic::complete(unsigned vcpu, std::uint32_t source) noexcept {
  if (!exists(source)) return;
  LockGuard guard(lock_);
  if (!has(contexts_[vcpu].enabled, source) || !has(claimed_, source)) return;
  put(claimed_, source, false);
  if (has(level_, source) || has(edges_, source)) pass_request(source);
}

// --- state ---------------------------------------------------------------------------------------

void Plic::describe(StateVisitor& visitor) {
  LockGuard guard(lock_);
  const auto bits = [&](std::string_view name, Bits& of) {
    visitor.bytes(name, std::as_writable_bytes(std::span(of)));
    of[0] &= ~1U;  // a restored state may be anything
  };
  visitor.bytes("priority"sv, std::as_writable_bytes(std::span(priority_)));
  for (std::uint8_t& priority : priority_) priority &= kMaxPriority;
  bits("level"sv, level_);
  bits("edges"sv, edges_);
  bits("pending"sv, pending_);
  bits("claimed"sv, claimed_);
  for (Context& context : contexts_) {
    bits("enabled"sv, context.enabled);
    visitor.value("threshold"sv, context.threshold);
    context.threshold &= kMaxPriority;
  }
}

}  // namespace axvm::riscv64
