#include <sim/arch/aarch64/guest_core.hpp>
#include <sim/arch/aarch64/machine.hpp>
#include <sim/arch/aarch64/pcpu.hpp>
#include <sim/timing/cost_model.hpp>
#include <utility>

namespace axvm::sim::aarch64 {

std::optional<std::uint64_t> Pcpu::gicv() const noexcept { return machine_.gicv(); }

Pcpu::Pcpu(Machine& machine, unsigned index, std::unique_ptr<GuestCore> core)
    : sim::Pcpu(index),
      machine_(machine),
      core_(std::move(core)),
      el2_(core_->el2()),
      translation_(core_->mmu().registers()),
      timers_(core_->timers()) {}

Pcpu::~Pcpu() = default;

std::uint64_t Pcpu::read(SysReg reg) { return core_->read(reg); }
void Pcpu::write(SysReg reg, std::uint64_t value) { core_->write(reg, value); }
std::uint64_t Pcpu::read_timer(Timers::Field field) const {
  return timers_.read(field, core_->time(), el2_.cntvoff);
}
std::uint64_t Pcpu::gpr(unsigned n) const { return core_->gpr(n); }
void Pcpu::set_gpr(unsigned n, std::uint64_t value) { core_->set_gpr(n, value); }
std::array<std::uint64_t, 2> Pcpu::vreg(unsigned n) const { return core_->vreg(n); }
void Pcpu::set_vreg(unsigned n, std::array<std::uint64_t, 2> value) { core_->set_vreg(n, value); }
Vector Pcpu::enter_guest() { return core_->enter(); }

void Pcpu::tlbi(Tlbi op, std::uint64_t operand) {
  const std::uint16_t vmid = core_->mmu().vmid();
  machine_.for_each_core([&](GuestCore& core) {
    switch (op) {
      case Tlbi::IPAS2E1IS:
        core.mmu().tlbi_ipas2e1(vmid, (operand & ((1ULL << 36) - 1)) << 12);
        break;
      case Tlbi::VMALLE1IS: core.mmu().tlbi_vmalle1(vmid); break;
      case Tlbi::VMALLS12E1IS: core.mmu().tlbi_vmalls12e1(vmid); break;
      case Tlbi::ALLE1IS: core.mmu().tlbi_alle1(); break;
    }
    core.forget_translations();
  });
}

void Pcpu::at_s1(std::uint64_t va, unsigned el, bool write) { core_->at_s1(va, el, write); }
void Pcpu::ic_ialluis() { machine_.forget_code(); }
void Pcpu::dc_civac(std::span<const std::byte> lines) {
  const auto pa = machine_.memory().pa_of(lines.data());
  if (pa) machine_.memory_written(*pa, lines.size());
}
void Pcpu::enable_interrupt(std::uint32_t intid, bool on) { core_->enable_interrupt(intid, on); }
std::uint32_t Pcpu::acknowledge_interrupt() { return core_->acknowledge_interrupt(); }
void Pcpu::end_interrupt(std::uint32_t intid) { core_->end_interrupt(intid); }

void Pcpu::set_turn_end(std::uint64_t t) { core_->set_turn_end(t); }
void Pcpu::set_instruction_limit(std::uint64_t n) { core_->set_instruction_limit(n); }
bool Pcpu::stopped_at_limit() const noexcept { return core_->stopped_at_limit(); }
bool Pcpu::stopped_by_owner() const noexcept { return core_->stopped_by_owner(); }
std::uint64_t Pcpu::instructions() const noexcept { return core_->instructions(); }
std::uint64_t Pcpu::time() const noexcept { return core_->time(); }
void Pcpu::skip_to(std::uint64_t t) { core_->skip_to(t); }
std::uint64_t Pcpu::next_deadline() const noexcept { return core_->next_deadline(); }
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
const std::string& Pcpu::failure() const noexcept { return core_->failure(); }
bool Pcpu::guest_is_stuck() const noexcept { return core_->guest_is_stuck(); }
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
  return core_->mount(base, size, &device->of_cpu(index()));
}
void Pcpu::forget_all_code() { core_->forget_all_code(); }

}  // namespace axvm::sim::aarch64
