#include <sim/arch/riscv64/engine.hpp>
#include <utility>

namespace axvm::sim::riscv64 {
namespace {

// Never canonical, and a guest physical address of no G-stage.
constexpr std::uint64_t kMagicTop = 0xf000;

// mstatus where this engine has them, which is not where the manual does for TW and TSR.
constexpr std::uint64_t kTvm = 1ULL << 20;
constexpr std::uint64_t kTw = 1ULL << 29;
constexpr std::uint64_t kTsr = 1ULL << 30;

}  // namespace

Engine::Engine(uc_engine* uc, HiddenState hidden) noexcept
    : UnicornEngine(uc, kMagicTop), hidden_(std::move(hidden)) {}

std::expected<Engine, std::string> Engine::open(const PhysicalMemory& memory) {
  uc_engine* uc = nullptr;
  if (const uc_err e = uc_open(UC_ARCH_RISCV, UC_MODE_RISCV64, &uc); e != UC_ERR_OK) {
    return std::unexpected(std::string("Unicorn cannot open a RISC-V engine: ") + uc_strerror(e));
  }
  uc_err e = uc_ctl_set_cpu_model(uc, UC_CPU_RISCV64_BASE64);
  if (e == UC_ERR_OK) e = uc_ctl_set_tcg_buffer_size(uc, 64U << 20);
  if (e == UC_ERR_OK) e = uc_ctl_tlb_mode(uc, UC_TLB_VIRTUAL);
  if (e == UC_ERR_OK) e = uc_ctl_exits_enable(uc);
  for (const auto& bank : memory.banks()) {
    if (e == UC_ERR_OK) e = uc_mem_map_ptr(uc, bank.base, bank.size, UC_PROT_ALL, bank.host);
  }
  if (e != UC_ERR_OK) {
    uc_close(uc);
    return std::unexpected(std::string("Unicorn refuses its set-up: ") + uc_strerror(e));
  }
  auto hidden = HiddenState::of(uc);
  if (!hidden) {
    uc_close(uc);
    return std::unexpected("this version of Unicorn keeps its RISC-V registers in unknown places");
  }
  Engine engine(uc, std::move(*hidden));
  engine.change([](HiddenState::Change& c) {
    c.write(Hidden::Mstatus, kTvm | kTw);
    c.write(Hidden::Privilege, static_cast<std::uint64_t>(Privilege::Supervisor));
  });
  return engine;
}

template <class F>
void Engine::with_floating_point(F&& f) {
  const std::uint64_t mstatus = read(Hidden::Mstatus);
  write(Hidden::Mstatus, mstatus | status::FS | status::SD);
  f();
  write(Hidden::Mstatus, mstatus);
}

std::uint64_t Engine::fcsr() {
  std::uint64_t v = 0;
  with_floating_point([&] { v = reg(UC_RISCV_REG_FCSR); });
  return v;
}

void Engine::set_fcsr(std::uint64_t v) {
  with_floating_point([&] { set_reg(UC_RISCV_REG_FCSR, v & 0xff); });
}

void Engine::trap_sret(bool on) {
  const std::uint64_t mstatus = read(Hidden::Mstatus);
  const std::uint64_t wanted = on ? mstatus | kTsr : mstatus & ~kTsr;
  if (wanted != mstatus) write(Hidden::Mstatus, wanted);
}

}  // namespace axvm::sim::riscv64
