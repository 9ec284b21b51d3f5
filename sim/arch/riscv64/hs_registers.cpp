#include <array>
#include <sim/arch/riscv64/hs_registers.hpp>
#include <string_view>

namespace axvm::sim::riscv64 {
namespace {

struct Rule {
  Csr csr;
  std::string_view name;
  std::uint64_t HsRegisters::* member;
  /// What software can change; everything else keeps its value.
  std::uint64_t writable;
};

constexpr std::uint64_t kAll = ~0ULL;
/// Exceptions that may go to VS-mode: not ECALL from S, VS and M, nor what is the hypervisor's.
constexpr std::uint64_t kDelegable = 0xb1ff;
constexpr std::uint64_t kSstatus =
    status::SIE | status::SPIE | status::SPP | status::FS | status::SUM | status::MXR;
constexpr std::uint64_t kHstatus = hstatus::GVA | hstatus::SPV | hstatus::SPVP | hstatus::HU |
                                   hstatus::VTVM | hstatus::VTW | hstatus::VTSR;
constexpr std::uint64_t kHstateen0 =
    hstateen0::SE0 | hstateen0::ENVCFG | hstateen0::CSRIND | hstateen0::AIA;
constexpr std::uint64_t kHvictl =
    hvictl::VTI | hvictl::IID | hvictl::DPR | hvictl::IPRIOM | hvictl::IPRIO;
/// Of software and timer interrupts, which are all that VS-mode has besides external ones.
constexpr std::uint64_t kHviprio1 = 0xff00'ff00;
/// The range that there has to be (AIA, 2.3).
constexpr std::uint64_t kVsiselect = 0x1ff;

constexpr std::array kRules{
    Rule{Csr::sstatus, "sstatus", &HsRegisters::sstatus, kSstatus},
    Rule{Csr::sie, "sie", &HsRegisters::sie, interrupt::SSI | interrupt::STI | interrupt::SEI},
    Rule{Csr::stvec, "stvec", &HsRegisters::stvec, kAll & ~2ULL},
    Rule{Csr::sscratch, "sscratch", &HsRegisters::sscratch, kAll},
    Rule{Csr::sepc, "sepc", &HsRegisters::sepc, kAll & ~1ULL},
    Rule{Csr::scause, "scause", &HsRegisters::scause, kAll},
    Rule{Csr::stval, "stval", &HsRegisters::stval, kAll},
    Rule{Csr::stimecmp, "stimecmp", &HsRegisters::stimecmp, kAll},
    Rule{Csr::satp, "satp", &HsRegisters::satp, kAll},
    Rule{Csr::scounteren, "scounteren", &HsRegisters::scounteren, 0xffff'ffff},
    Rule{Csr::senvcfg, "senvcfg", &HsRegisters::senvcfg, envcfg::FIOM},
    Rule{Csr::hstatus, "hstatus", &HsRegisters::hstatus, kHstatus},
    Rule{Csr::hedeleg, "hedeleg", &HsRegisters::hedeleg, kDelegable},
    Rule{Csr::hideleg, "hideleg", &HsRegisters::hideleg, interrupt::kVirtual},
    Rule{Csr::hie, "hie", &HsRegisters::hie, interrupt::kVirtual},
    Rule{Csr::hvip, "hvip", &HsRegisters::hvip, interrupt::kVirtual},
    Rule{Csr::hcounteren, "hcounteren", &HsRegisters::hcounteren, 0xffff'ffff},
    Rule{Csr::htimedelta, "htimedelta", &HsRegisters::htimedelta, kAll},
    Rule{Csr::henvcfg, "henvcfg", &HsRegisters::henvcfg,
         envcfg::FIOM | envcfg::PBMTE | envcfg::STCE},
    Rule{Csr::hstateen0, "hstateen0", &HsRegisters::hstateen0, kHstateen0},
    Rule{Csr::hvictl, "hvictl", &HsRegisters::hvictl, kHvictl},
    Rule{Csr::hviprio1, "hviprio1", &HsRegisters::hviprio1, kHviprio1},
    Rule{Csr::htval, "htval", &HsRegisters::htval, kAll},
    Rule{Csr::htinst, "htinst", &HsRegisters::htinst, kAll},
    Rule{Csr::vstimecmp, "vstimecmp", &HsRegisters::vstimecmp, kAll},
    Rule{Csr::vsiselect, "vsiselect", &HsRegisters::vsiselect, kVsiselect},
};

constexpr const Rule* find(Csr csr) noexcept {
  for (const Rule& rule : kRules) {
    if (rule.csr == csr) return &rule;
  }
  return nullptr;
}

}  // namespace

std::optional<std::uint64_t> HsRegisters::read(Csr csr) const noexcept {
  const Rule* const rule = find(csr);
  if (rule == nullptr) return std::nullopt;
  const std::uint64_t value = this->*rule->member;
  const bool dirty = csr == Csr::sstatus && (value & status::FS) == status::FS;
  return dirty ? value | status::SD : value;
}

bool HsRegisters::write(Csr csr, std::uint64_t value) noexcept {
  const Rule* const rule = find(csr);
  if (rule == nullptr) return false;
  std::uint64_t& member = this->*rule->member;
  member = (member & ~rule->writable) | (value & rule->writable);
  return true;
}

void HsRegisters::describe(StateVisitor& visitor) {
  for (const Rule& rule : kRules) visitor.field(rule.name, this->*rule.member);
  visitor.field("sip", ssip);
}

}  // namespace axvm::sim::riscv64
