#pragma once
// The guest's memory as its instructions see it: virtual addresses, lazy pages, permissions.

#include <axvm/address.hpp>
#include <axvm/mapping.hpp>
#include <axvm/result.hpp>
#include <core/arch/riscv64/csr.hpp>
#include <core/arch/riscv64/exception.hpp>
#include <core/arch/riscv64/hal.hpp>
#include <core/arch/riscv64/memory_instruction.hpp>
#include <core/arch/riscv64/trap.hpp>
#include <core/arch/riscv64/trap_report.hpp>
#include <core/memory/address_space.hpp>
#include <cstdint>
#include <expected>
#include <optional>
#include <variant>

namespace axvm::riscv64 {

/// Why an access to a virtual address was not carried out: the guest is to take the exception;
/// nothing in memory is at the guest-physical address; memory there could not be backed.
using Refusal = std::variant<GuestException, GuestPhysAddr, Error>;

template <class Vm, VirtualizationHardware U>
class GuestMemory {
 public:
  GuestMemory(Vm& vm, U& cpu, TrapReport<Vm, U>& report) noexcept
      : vm_(vm), cpu_(cpu), report_(report) {}

  /// True when the guest's memory at `gpa` is there for `access` now. Errors: NoMemory.
  Result<bool> back(GuestPhysAddr gpa, MappingFlags access) {
    using Kind = PageFaultOutcome::Kind;
    const auto outcome = vm_.handle_page_fault(cpu_, gpa, access);
    if (!outcome) return std::unexpected(outcome.error());
    if (outcome->kind == Kind::Mapped) report_.mapped(outcome->gpa, outcome->hpa);
    if (outcome->kind == Kind::Resolved) {
      // Refused for what the hart remembers, perhaps: that there was nothing.
      vm_.with_memory(cpu_, [&](auto&, auto& tlb) { tlb.forget_fault(gpa); });
    }
    return outcome->kind != Kind::Unhandled;
  }
  /// The same for what a guest-page fault was about.
  Result<bool> back(const GuestPageFault& fault) { return back(fault.address, needed(fault)); }

  /// The instruction at `pc`, with a zero upper half if it is compressed; nothing when it cannot be
  /// fetched. The CSRs of the trap are lost.
  std::optional<std::uint32_t> fetch(std::uint64_t pc) {
    const auto low = cpu_.hlvx(GuestVirtAddr(pc));
    if (!low || !is_long(*low)) return low;
    const auto high = cpu_.hlvx(GuestVirtAddr(pc + 2));
    if (!high) return std::nullopt;
    return std::uint32_t{*high} << 16 | *low;
  }

  /// An access of the guest's, by its tables and rights; `va` is aligned. The CSRs of the trap are
  /// lost.
  std::expected<std::uint64_t, Refusal> load(std::uint64_t va, AccessWidth width) {
    for (unsigned n = 0;; ++n) {
      if (const auto value = cpu_.hlv(GuestVirtAddr(va), width)) return *value;
      if (auto refused = why(va, n)) return std::unexpected(*refused);
    }
  }
  std::expected<void, Refusal> store(std::uint64_t va, AccessWidth width, std::uint64_t value) {
    for (unsigned n = 0;; ++n) {
      if (cpu_.hsv(GuestVirtAddr(va), width, value)) return {};
      if (auto refused = why(va, n)) return std::unexpected(*refused);
    }
  }

 private:
  /// Pages that an access may need: a table of each level, and the one that it is about.
  static constexpr unsigned kMostPages = 6;

  [[nodiscard]] static MappingFlags needed(const GuestPageFault& fault) noexcept {
    if (fault.on_table_walk) return fault.walk_writes ? MappingFlags::Write : MappingFlags::Read;
    switch (fault.access) {
      case MemoryAccess::Fetch: return MappingFlags::Execute;
      case MemoryAccess::Load: return MappingFlags::Read;
      case MemoryAccess::Store: break;
    }
    return MappingFlags::Write;
  }

  /// Why HLV or HSV was refused; nothing when it may be repeated. It has been `repeated` so often.
  std::optional<Refusal> why(std::uint64_t va, unsigned repeated) {
    const ExceptionCause cause = exception_cause(cpu_.template read<Csr::scause>());
    const std::uint64_t stval = cpu_.template read<Csr::stval>();
    if (!is_guest_page_fault(cause)) {
      return Refusal(GuestException{cause, stval, "the guest's own tables refuse the access"});
    }
    const GuestPageFault fault(cause, stval, cpu_.template read<Csr::htval>(),
                               cpu_.template read<Csr::htinst>());
    const auto there = back(fault);
    if (!there) return Refusal(there.error());
    if (*there && repeated < kMostPages) return std::nullopt;
    if (!fault.on_table_walk) return Refusal(fault.address);
    return Refusal(GuestException{exceptions_of(fault.access).access_fault, va,
                                  "a table of the guest is not in memory"});
  }

  Vm& vm_;
  U& cpu_;
  TrapReport<Vm, U>& report_;
};

}  // namespace axvm::riscv64
