#include <hal-sim/arch/aarch64/trace/syndrome_text.hpp>
#include <hal-sim/trace/trap_text.hpp>
#include <tools/axvm/traced_access.hpp>

namespace axvm::tool {

namespace {

using sim::aarch64::Access;

// DDI 0487, ESR_EL2, ISS encodings for exceptions from Instruction and Data Aborts.
constexpr std::uint64_t kFnv = 1ULL << 10;
constexpr std::uint64_t kWnr = 1ULL << 6;
// Privileged ISA, "Machine Cause Register" and "Hypervisor Status Register".
constexpr std::uint64_t kFetchGuestPageFault = 20;
constexpr std::uint64_t kStoreGuestPageFault = 23;
constexpr std::uint64_t kSpvp = 1ULL << 8;

std::optional<TracedAccess> aarch64_access(const TrapTaken& abort) {
  if ((abort.syndrome & kFnv) != 0) return std::nullopt;
  const bool is_fetch =
      hal_sim::aarch64::exception_class(abort.syndrome) == hal_sim::aarch64::kInstructionAbort;
  const Access data = (abort.syndrome & kWnr) != 0 ? Access::Write : Access::Read;
  return TracedAccess{.gva = abort.fault_address,
                      .access = is_fetch ? Access::Fetch : data,
                      .user = (abort.saved_state >> 2 & 3) == 0};
}

TracedAccess riscv64_access_of(const TrapTaken& fault) {
  const bool is_fetch = fault.syndrome == kFetchGuestPageFault;
  const Access data = fault.syndrome == kStoreGuestPageFault ? Access::Write : Access::Read;
  return {.gva = fault.fault_address,
          .access = is_fetch ? Access::Fetch : data,
          .user = (fault.saved_state & kSpvp) == 0};
}

}  // namespace

std::optional<TracedAccess> traced_access(hal_sim::Isa isa, const TrapTaken& trap) {
  if (!hal_sim::trap_text(isa).is_stage2_fault(trap)) return std::nullopt;
  return isa == hal_sim::Isa::Riscv64 ? riscv64_access_of(trap) : aarch64_access(trap);
}

sim::riscv64::Access riscv64_access(Access access) noexcept {
  switch (access) {
    case Access::Write: return sim::riscv64::Access::Store;
    case Access::Fetch: return sim::riscv64::Access::Fetch;
    case Access::Read: break;
  }
  return sim::riscv64::Access::Load;
}

}  // namespace axvm::tool
