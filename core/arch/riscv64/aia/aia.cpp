#include <core/arch/riscv64/aia/aia.hpp>

namespace axvm::riscv64 {

Result<Box<Aia>> Aia::try_make(Allocator allocator, AnyLock& lock, std::size_t vcpus,
                               bool has_interrupt_files) {
  auto interrupts = Array<VcpuInterrupts*>::try_make(allocator, vcpus);
  if (!interrupts) return std::unexpected(interrupts.error());
  auto files = Array<InterruptFile>::try_make(allocator, has_interrupt_files ? vcpus : 0);
  if (!files) return std::unexpected(files.error());
  while (!files->full()) files->emplace_back();
  auto aia = Box<Aia>::try_make(allocator, lock, std::move(*interrupts), std::move(*files));
  if (!aia) return aia;
  auto aplic = Aplic::try_make(allocator, vcpus, (*aia)->files_);
  if (!aplic) return std::unexpected(aplic.error());
  (*aia)->aplic_.emplace(std::move(*aplic));
  return aia;
}

void Aia::add_vcpu(VcpuInterrupts& interrupts) noexcept {
  const unsigned index = vcpu_count();
  vcpus_.emplace_back(&interrupts);
  if (!files_.empty()) interrupts.attach(*this, index);
}

void Aia::reset() noexcept {
  LockGuard guard(lock_);
  (*aplic_)->reset();
  for (InterruptFile& file : files_) file.reset();
  tell_all();
  wakes_.store(0, std::memory_order_relaxed);  // nobody runs
}

bool Aia::update(unsigned vcpu) noexcept {
  const bool asserted = is_signaling(vcpu);
  // One that falls needs no attention: at worst the guest finds nothing.
  return vcpus_[vcpu]->set_external(asserted) && asserted;
}

void Aia::tell_all() noexcept {
  for (unsigned vcpu = 0; vcpu < vcpu_count(); ++vcpu) {
    if (update(vcpu)) wakes_.fetch_or(std::uint64_t{1} << vcpu, std::memory_order_release);
  }
}

void Aia::set_line(std::uint32_t source, bool high) noexcept {
  LockGuard guard(lock_);
  if ((*aplic_)->set_wire(source, high)) tell_all();
}

void Aia::make_pending(unsigned, std::uint32_t source) noexcept {
  LockGuard guard(lock_);
  (*aplic_)->pulse_wire(source);
  tell_all();
}

Result<> Aia::send_message(std::uint32_t vcpu, std::uint32_t identity) {
  const auto wrong = [](ErrorKind kind, std::string_view what) {
    return fail(kind, "send message"sv, what);
  };
  if (files_.empty()) return wrong(ErrorKind::Unsupported, "an APLIC takes no messages"sv);
  if (vcpu >= vcpu_count()) return wrong(ErrorKind::NotFound, "no vCPU of this number"sv);
  if (identity == 0 || identity > kIdentityCount) {
    return wrong(ErrorKind::OutOfRange, "expected an interrupt identity from 1 to 255"sv);
  }
  LockGuard guard(lock_);
  files_[vcpu].receive(identity);
  tell_all();
  return {};
}

std::uint32_t Aia::read_aplic(std::uint64_t offset) noexcept {
  LockGuard guard(lock_);
  const std::uint32_t value = (*aplic_)->read(offset);
  if (Aplic::is_claim(offset)) tell_all();
  return value;
}

void Aia::write_aplic(std::uint64_t offset, std::uint32_t value) noexcept {
  LockGuard guard(lock_);
  (*aplic_)->write(offset, value);
  tell_all();
}

std::optional<std::uint64_t> Aia::read_file(unsigned vcpu, std::uint64_t select) noexcept {
  LockGuard guard(lock_);
  return files_[vcpu].read(select);
}

std::uint64_t Aia::top(unsigned vcpu) noexcept {
  LockGuard guard(lock_);
  return files_[vcpu].top();
}

std::uint64_t Aia::claim(unsigned vcpu) noexcept {
  LockGuard guard(lock_);
  const std::uint64_t claimed = files_[vcpu].top();
  files_[vcpu].claim();
  update(vcpu);
  return claimed;
}

void Aia::describe(StateVisitor& visitor) {
  LockGuard guard(lock_);
  (*aplic_)->describe(visitor);
  for (InterruptFile& file : files_) file.describe(visitor);
}

}  // namespace axvm::riscv64
