#include <sim/arch/riscv64/guest_core.hpp>
#include <sim/arch/riscv64/machine.hpp>
#include <sim/arch/riscv64/pcpu.hpp>
#include <sim/timing/cost_model.hpp>
#include <utility>

namespace axvm::sim::riscv64 {

Pcpu::Pcpu(Machine& machine, unsigned index, std::unique_ptr<GuestCore> core)

    : sim::Pcpu(index), machine_(machine), core_(std::move(core)) {}

Pcpu::~Pcpu() = default;

std::uint64_t Pcpu::read(Csr csr) { return core_->read(csr); }
void Pcpu::write(Csr csr, std::uint64_t value) { core_->write(csr, value); }
std::uint64_t Pcpu::gpr(unsigned n) const { return core_->gpr(n); }
void Pcpu::set_gpr(unsigned n, std::uint64_t value) { core_->set_gpr(n, value); }
std::uint64_t Pcpu::fpr(unsigned n) const { return core_->fpr(n); }
void Pcpu::set_fpr(unsigned n, std::uint64_t value) { core_->set_fpr(n, value); }
void Pcpu::clear_reservation() { core_->clear_reservation(); }
std::uint64_t Pcpu::enter_guest() { return static_cast<std::uint64_t>(core_->enter()); }

std::optional<std::uint64_t> Pcpu::hlv(std::uint64_t va, unsigned bytes) {
  return core_->hlv(va, bytes);
}
std::optional<std::uint16_t> Pcpu::hlvx(std::uint64_t va) { return core_->hlvx(va); }
bool Pcpu::hsv(std::uint64_t va, unsigned bytes, std::uint64_t value) {
  return core_->hsv(va, bytes, value);
}

void Pcpu::hfence_gvma(std::uint64_t gpa, std::uint16_t vmid) {
  core_->mmu().fence_g_stage(vmid, gpa);
  core_->forget_translations();
}
void Pcpu::hfence_gvma(std::uint16_t vmid) {
  core_->mmu().fence_g_stage(vmid, std::nullopt);
  core_->forget_translations();
}
void Pcpu::hfence_vvma() {
  core_->mmu().fence_vs_stage(core_->mmu().vmid(), std::nullopt, std::nullopt);
  core_->forget_translations();
}

void Pcpu::remote_hfence_gvma(std::uint16_t vmid, std::uint64_t start, std::uint64_t size) {
  machine_.for_each_core([&](GuestCore& core) {
    core.mmu().fence_g_stage(vmid, start, size);
    core.forget_translations();
  });
}
void Pcpu::remote_hfence_gvma(std::uint16_t vmid) {
  machine_.for_each_core([&](GuestCore& core) {
    core.mmu().fence_g_stage(vmid, std::nullopt);
    core.forget_translations();
  });
}
void Pcpu::remote_hfence_vvma() {
  const std::uint16_t vmid = core_->mmu().vmid();
  machine_.for_each_core([&](GuestCore& core) {
    core.mmu().fence_vs_stage(vmid, std::nullopt, std::nullopt);
    core.forget_translations();
  });
}
void Pcpu::remote_hfence_vvma(std::uint64_t start, std::uint64_t size,
                              std::optional<std::uint16_t> asid) {
  const std::uint16_t vmid = core_->mmu().vmid();
  machine_.for_each_core([&](GuestCore& core) {
    core.mmu().fence_vs_stage(vmid, start, size, asid);
    core.forget_translations();
  });
}
void Pcpu::remote_fence_i() { machine_.forget_code(); }
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
std::uint64_t Pcpu::next_deadline() const noexcept { return core_->next_deadline(); }
const std::string& Pcpu::failure() const noexcept { return core_->failure(); }
bool Pcpu::guest_is_stuck() const noexcept { return core_->guest_is_stuck(); }
const Mmu& Pcpu::mmu() const noexcept { return core_->mmu(); }
Statistics Pcpu::statistics() const noexcept {
  Statistics s = core_->statistics();
  s.tlb_entries = core_->mmu().tlb().size();
  s.tlb_capacity = core_->mmu().tlb().capacity();
  if (const auto counters = timing_counters()) {
    const CostModel cost;
    s.cycles =
        counters->cycles + s.traps_to_el1 * cost.trap_to_el1 + s.traps_to_el2 * cost.trap_to_el2;
  } else {
    s.cycles = cycles(s, core_->instructions());
  }
  return s;
}
std::uint64_t Pcpu::pc() const { return core_->pc(); }
void Pcpu::set_chaos(std::uint64_t seed) { core_->set_chaos(seed); }
bool Pcpu::set_timing(const timing::Profile& profile) {
  core_->observe().set_profile(profile);
  return true;
}
bool Pcpu::set_access_listener(timing::AccessListener listener) {
  core_->observe().set_listener(std::move(listener));
  return true;
}
std::optional<timing::Counters> Pcpu::timing_counters() const noexcept {
  if (core_->timing() == nullptr) return std::nullopt;
  return core_->timing()->counters();
}
void Pcpu::describe(StateVisitor& visitor) { core_->describe(visitor); }
bool Pcpu::mount(std::uint64_t base, std::uint64_t size, BoardDevice* device) {
  return core_->mount(base, size, device);
}
void Pcpu::forget_all_code() { core_->forget_all_code(); }

}  // namespace axvm::sim::riscv64
