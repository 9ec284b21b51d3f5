#include <array>
#include <sim/arch/x86_64/engine.hpp>
#include <sim/arch/x86_64/registers.hpp>
#include <utility>

namespace axvm::sim::x86_64 {
namespace {

// Never canonical, whatever the depth of the tables.
constexpr std::uint64_t kMagicTop = 0x7f00;

/// Where the engine finds a control block and permissions of MSRs, for its intercepts. No memory
/// of the machine's is that high.
constexpr std::uint64_t kControlBlock = 0x0008'0000'0000'0000;
constexpr std::uint64_t kMsrPermissions = kControlBlock + 0x1000;
constexpr std::size_t kPermissionBytes = 0x2000;
static_assert(kControlBlock < PhysicalMemory::kAddressLimit);

uc_err make_control_block(uc_engine* uc) {
  // Where a control block has the address, and all intercepted.
  constexpr std::uint64_t kPermissionBase = 0x48;
  std::array<std::byte, kPermissionBytes> all{};
  all.fill(std::byte{0xff});
  uc_err e = uc_mem_map(uc, kControlBlock, 0x1000 + kPermissionBytes, UC_PROT_ALL);
  if (e == UC_ERR_OK) {
    e = uc_mem_write(uc, kControlBlock + kPermissionBase, &kMsrPermissions, sizeof kMsrPermissions);
  }
  if (e == UC_ERR_OK) e = uc_mem_write(uc, kMsrPermissions, all.data(), all.size());
  return e;
}

}  // namespace

Engine::Engine(uc_engine* uc, EngineContext context) noexcept
    : UnicornEngine(uc, kMagicTop), context_(std::move(context)) {}

std::expected<Engine, std::string> Engine::open(const PhysicalMemory& memory) {
  uc_engine* uc = nullptr;
  if (const uc_err e = uc_open(UC_ARCH_X86, UC_MODE_64, &uc); e != UC_ERR_OK) {
    return std::unexpected(std::string("Unicorn cannot open an x86-64 engine: ") + uc_strerror(e));
  }
  // No later model: they execute RDRAND, with the host's random numbers.
  uc_err e = uc_ctl_set_cpu_model(uc, UC_CPU_X86_SANDYBRIDGE);
  if (e == UC_ERR_OK) e = uc_ctl_set_tcg_buffer_size(uc, 64U << 20);
  if (e == UC_ERR_OK) e = uc_ctl_tlb_mode(uc, UC_TLB_VIRTUAL);
  if (e == UC_ERR_OK) e = uc_ctl_exits_enable(uc);
  for (const auto& bank : memory.banks()) {
    if (e == UC_ERR_OK) e = uc_mem_map_ptr(uc, bank.base, bank.size, UC_PROT_ALL, bank.host);
  }
  if (e == UC_ERR_OK) e = make_control_block(uc);
  if (e != UC_ERR_OK) {
    uc_close(uc);
    return std::unexpected(std::string("Unicorn refuses its set-up: ") + uc_strerror(e));
  }
  auto context = EngineContext::of(uc);
  if (!context) {
    uc_close(uc);
    return std::unexpected("this version of Unicorn keeps its x86-64 registers in unknown places");
  }
  Engine engine(uc, std::move(*context));
  engine.change([](EngineContext& c) {
    constexpr std::uint32_t kGlobalInterruptFlag = 1;
    EngineHead& head = c.head();
    head.cr[0] = cr0::ET;
    head.cr[4] = 0;
    head.efer = 0;
    set_rflags(head, rflags::ONE);
    head.hflags2 |= kGlobalInterruptFlag;
    head.hflags = hidden_flags(head, 0);
    EngineTail& tail = c.tail();
    tail.vmcb = kControlBlock;
    tail.intercept = kIntercepts;
    tail.intercept_cr_read = kCrReads;
    tail.intercept_cr_write = kCrWrites;
    tail.intercept_dr_read = tail.intercept_dr_write = 0xffff;
    tail.intercept_exceptions = ~0U;
    tail.old_exception = -1;
  });
  return engine;
}

void Engine::abandon_instruction() {
  uc_x86_msr msr{.rid = static_cast<std::uint32_t>(kAbandoned), .value = 0};
  uc_reg_read(handle(), UC_X86_REG_MSR, &msr);
  __builtin_unreachable();
}

}  // namespace axvm::sim::x86_64
