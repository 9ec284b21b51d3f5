#include <sim/arch/x86_64/guest_core.hpp>
#include <sim/arch/x86_64/machine.hpp>
#include <sim/arch/x86_64/pcpu.hpp>
#include <sim/timing/cost_model.hpp>
#include <utility>

namespace axvm::sim::x86_64 {
namespace {

enum HostMsr : std::uint32_t {
  kEfer = 0xc000'0080,
  kVmCr = 0xc001'0114,
  kVmHsavePa = 0xc001'0117,
};

}  // namespace

Pcpu::Pcpu(Machine& machine, unsigned index, std::unique_ptr<GuestCore> core)
    : sim::Pcpu(index), machine_(machine), core_(std::move(core)) {}

Pcpu::~Pcpu() = default;

std::uint64_t Pcpu::rdmsr(std::uint32_t msr) const {
  const HostRegisters& host = core_->host();
  switch (msr) {
    case kEfer: return host.efer;
    case kVmCr: return host.vm_cr;
    case kVmHsavePa: return host.vm_hsave_pa;
    default: return 0;
  }
}

void Pcpu::wrmsr(std::uint32_t msr, std::uint64_t value) {
  HostRegisters& host = core_->host();
  // VM_CR.SVMDIS keeps SVME clear (15.30.1).
  constexpr std::uint64_t kSvmDisabled = 1ULL << 4;
  switch (msr) {
    case kEfer: host.efer = (host.vm_cr & kSvmDisabled) != 0 ? value & ~efer::SVME : value; break;
    case kVmCr: host.vm_cr = value & 0x1f; break;
    case kVmHsavePa: host.vm_hsave_pa = value & 0x000f'ffff'ffff'f000; break;
    default: break;
  }
}

CpuidResult Pcpu::cpuid(std::uint32_t leaf) const { return cpuid_of(leaf, index()); }
std::uint64_t Pcpu::cr4() const { return core_->host().cr4; }
void Pcpu::set_cr4(std::uint64_t value) { core_->host().cr4 = value; }
std::uint64_t Pcpu::gpr(unsigned n) const { return core_->gpr(n); }
void Pcpu::set_gpr(unsigned n, std::uint64_t value) { core_->set_gpr(n, value); }
ExitCode Pcpu::vmrun(std::uint64_t vmcb_pa) { return core_->vmrun(vmcb_pa); }
void Pcpu::vmload(std::uint64_t vmcb_pa) { core_->vmload(vmcb_pa); }
void Pcpu::vmsave(std::uint64_t vmcb_pa) { core_->vmsave(vmcb_pa); }
void Pcpu::invlpga(std::uint64_t va, std::uint16_t asid) { core_->invlpga(va, asid); }
void Pcpu::stgi() { core_->host().gif = true; }
void Pcpu::clgi() { core_->host().gif = false; }
bool Pcpu::gif() const { return core_->host().gif; }
void Pcpu::written(std::span<const std::byte> lines) {
  const auto pa = machine_.memory().pa_of(lines.data());
  if (pa) machine_.memory_written(*pa, lines.size());
}

void Pcpu::set_turn_end(std::uint64_t t) { core_->set_turn_end(t); }
void Pcpu::set_instruction_limit(std::uint64_t n) { core_->set_instruction_limit(n); }
bool Pcpu::stopped_at_limit() const noexcept { return core_->stopped_at_limit(); }
bool Pcpu::stopped_by_owner() const noexcept { return core_->stopped_by_owner(); }
std::uint64_t Pcpu::instructions() const noexcept { return core_->instructions(); }
std::uint64_t Pcpu::time() const noexcept { return core_->time(); }
void Pcpu::skip_to(std::uint64_t t) { core_->skip_to(t); }
const std::string& Pcpu::failure() const noexcept { return core_->failure(); }
bool Pcpu::guest_is_stuck() const noexcept { return core_->guest_is_stuck(); }
const Mmu& Pcpu::mmu() const noexcept { return core_->mmu(); }
Statistics Pcpu::statistics() const noexcept {
  Statistics s = core_->statistics();
  s.tlb_entries = core_->mmu().tlb().size();
  s.tlb_capacity = core_->mmu().tlb().capacity();
  s.cycles = cycles(s, core_->instructions());
  return s;
}
std::uint64_t Pcpu::pc() const { return core_->pc(); }
void Pcpu::set_chaos(std::uint64_t seed) { core_->set_chaos(seed); }
bool Pcpu::set_timing(const timing::Profile&) { return false; }
bool Pcpu::set_access_listener(timing::AccessListener) { return false; }
std::optional<timing::Counters> Pcpu::timing_counters() const noexcept { return std::nullopt; }
void Pcpu::describe(StateVisitor& visitor) { core_->describe(visitor); }
bool Pcpu::mount(std::uint64_t base, std::uint64_t size, BoardDevice* device) {
  return core_->mount(base, size, device);
}
void Pcpu::forget_all_code() { core_->forget_all_code(); }

}  // namespace axvm::sim::x86_64
