#include <sim/arch/aarch64/engine.hpp>
#include <utility>

namespace axvm::sim::aarch64 {
namespace {

// SCR_EL3: RW | HCE | NS. Without HCE the engine takes HVC as undefined.
constexpr std::uint64_t kScrEl3Value = 0x501;
// HCR_EL2: RW. Without it EL1 counts as AArch32, and an ERET from EL1 to EL1 as an illegal return,
// which leaves PSTATE.IL set. Nothing else of EL2 is the engine's business.
constexpr std::uint64_t kEngineHcrEl2Value = 1ULL << 31;

constexpr bool uses_sp_el0(std::uint32_t pstate) { return (pstate & 1) == 0; }

uc_arm64_cp_reg cp(SysReg r) {
  return {.crn = r.crn(), .crm = r.crm(), .op0 = r.op0(), .op1 = r.op1(), .op2 = r.op2(), .val = 0};
}

}  // namespace

const std::array<int, 31> Engine::kX = [] {
  std::array<int, 31> ids{};
  for (int n = 0; n < 29; ++n) ids[static_cast<unsigned>(n)] = UC_ARM64_REG_X0 + n;
  ids[29] = UC_ARM64_REG_X29;
  ids[30] = UC_ARM64_REG_X30;
  return ids;
}();

std::expected<Engine, std::string> Engine::open(const PhysicalMemory& memory) {
  auto copies = CodeCopies::create();
  if (!copies) return std::unexpected("the host has no room for copies of code");
  uc_engine* uc = nullptr;
  if (const uc_err e = uc_open(UC_ARCH_ARM64, UC_MODE_ARM, &uc); e != UC_ERR_OK) {
    return std::unexpected(std::string("Unicorn cannot open an ARM64 engine: ") + uc_strerror(e));
  }
  Engine engine(uc, std::move(*copies));
  uc_err e = uc_ctl_set_cpu_model(uc, UC_CPU_ARM64_A72);
  if (e == UC_ERR_OK) e = uc_ctl_set_page_size(uc, 4096);
  if (e == UC_ERR_OK) e = uc_ctl_set_tcg_buffer_size(uc, 64U << 20);
  if (e == UC_ERR_OK) e = uc_ctl_tlb_mode(uc, UC_TLB_VIRTUAL);
  if (e == UC_ERR_OK) e = uc_ctl_exits_enable(uc);
  for (const auto& bank : memory.banks()) {
    if (e == UC_ERR_OK) e = uc_mem_map_ptr(uc, bank.base, bank.size, UC_PROT_ALL, bank.host);
  }
  if (e == UC_ERR_OK) {
    e = uc_mem_map_ptr(uc, CodeCopies::kBase, CodeCopies::kSize, UC_PROT_ALL,
                       engine.code_copies_.memory());
  }
  if (e != UC_ERR_OK) {
    return std::unexpected(std::string("Unicorn refuses its set-up: ") + uc_strerror(e));
  }
  engine.set_system(reg::SCR_EL3, kScrEl3Value);
  engine.set_system(reg::HCR_EL2, kEngineHcrEl2Value);
  return engine;
}

void Engine::take_exception(std::uint32_t v, std::uint64_t saved) {
  settle();
  const std::uint32_t old = pstate();
  if (uses_sp_el0(old) != uses_sp_el0(v)) {
    const std::uint64_t live = sp();
    set_reg(uses_sp_el0(old) ? UC_ARM64_REG_SP_EL0 : UC_ARM64_REG_SP_EL1, live);
    set_reg(UC_ARM64_REG_SP, reg(uses_sp_el0(v) ? UC_ARM64_REG_SP_EL0 : UC_ARM64_REG_SP_EL1));
  }
  uc_reg_write(handle(), UC_ARM64_REG_PSTATE, &v);
  // Only a write through CP_REG makes the engine recompute the mode it translates for.
  set_system(reg::SPSR_EL1, saved);
}

std::uint64_t Engine::sp_el(unsigned el) const {
  if (uses_sp_el0(pstate()) == (el == 0)) return sp();
  return reg(el == 0 ? UC_ARM64_REG_SP_EL0 : UC_ARM64_REG_SP_EL1);
}

void Engine::set_sp_el(unsigned el, std::uint64_t v) {
  if (uses_sp_el0(pstate()) == (el == 0)) set_reg(UC_ARM64_REG_SP, v);
  set_reg(el == 0 ? UC_ARM64_REG_SP_EL0 : UC_ARM64_REG_SP_EL1, v);
}

std::uint64_t Engine::system(SysReg r) const {
  uc_arm64_cp_reg c = cp(r);
  return uc_reg_read(handle(), UC_ARM64_REG_CP_REG, &c) == UC_ERR_OK ? c.val : 0;
}

bool Engine::set_system(SysReg r, std::uint64_t v) {
  settle();
  uc_arm64_cp_reg c = cp(r);
  c.val = v;
  return uc_reg_write(handle(), UC_ARM64_REG_CP_REG, &c) == UC_ERR_OK;
}

Engine::Vector128 Engine::v(unsigned n) const {
  Vector128 value{};
  uc_reg_read(handle(), UC_ARM64_REG_V0 + static_cast<int>(n), value.data());
  return value;
}

void Engine::set_v(unsigned n, Vector128 value) {
  uc_reg_write(handle(), UC_ARM64_REG_V0 + static_cast<int>(n), value.data());
}

}  // namespace axvm::sim::aarch64
