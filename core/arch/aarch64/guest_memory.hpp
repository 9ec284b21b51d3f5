#pragma once
// The guest's memory as its instructions see it: virtual addresses, lazy pages, permissions.

#include <array>
#include <axvm/address.hpp>
#include <axvm/mapping.hpp>
#include <axvm/result.hpp>
#include <core/arch/aarch64/endianness.hpp>
#include <core/arch/aarch64/hal.hpp>
#include <core/arch/aarch64/registers.hpp>
#include <core/arch/aarch64/stage1_table.hpp>
#include <core/arch/aarch64/trap_report.hpp>
#include <core/memory/address_space.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace axvm::aarch64 {

/// PAR_EL1 after an address translation (D24.2.134).
struct TranslationResult {
  bool failed;
  std::uint8_t status_code;  ///< FST, when failed
  bool by_stage2;            ///< S, when failed: stage 2 refused a stage-1 descriptor
  GuestPhysAddr page;        ///< when not failed

  explicit constexpr TranslationResult(std::uint64_t par) noexcept
      : failed((par & 1) != 0),
        status_code(static_cast<std::uint8_t>((par >> 1) & 0x3f)),
        by_stage2((par & (1ULL << 9)) != 0),
        page(par & 0x000f'ffff'ffff'f000) {}
};

template <class Vm, VirtualizationHardware U>
class GuestMemory {
 public:
  GuestMemory(Vm& vm, U& cpu, TrapReport<Vm, U>& report) noexcept
      : vm_(vm), cpu_(cpu), report_(report) {}

  /// True when the guest's memory at `ipa` is there for `access` now. Errors: NoMemory.
  Result<bool> back(GuestPhysAddr ipa, MappingFlags access) {
    const auto outcome = vm_.handle_page_fault(cpu_, ipa, access);
    if (!outcome) return std::unexpected(outcome.error());
    if (outcome->kind == PageFaultOutcome::Kind::Mapped) report_.mapped(outcome->gpa, outcome->hpa);
    return outcome->kind != PageFaultOutcome::Kind::Unhandled;
  }

  /// Stage 1 for an access to `va` from EL0 or EL1. The guest's PAR_EL1 stays as it is.
  TranslationResult translate(std::uint64_t va, bool from_el0, bool is_write) {
    const std::uint64_t kept = cpu_.template read<SysReg::PAR_EL1>();
    const GuestVirtAddr address(va);
    if (from_el0) {
      is_write ? cpu_.at_s1e0w(address) : cpu_.at_s1e0r(address);
    } else {
      is_write ? cpu_.at_s1e1w(address) : cpu_.at_s1e1r(address);
    }
    const TranslationResult result(cpu_.template read<SysReg::PAR_EL1>());
    cpu_.template write<SysReg::PAR_EL1>(kept);
    return result;
  }

  /// Where an access to `va` that stage 1 let pass goes to. Whoever may access or execute an
  /// address, EL1 may read it.
  std::optional<GuestPhysAddr> locate(std::uint64_t va) {
    const TranslationResult result = translate(va, false, false);
    if (result.failed) return std::nullopt;
    return result.page + (va & (kPageSize - 1));
  }

  /// The instruction at `pc`; nothing when it cannot be read.
  std::optional<std::uint32_t> fetch(std::uint64_t pc) {
    const auto ipa = locate(pc);
    std::array<std::byte, 4> bytes{};
    if (!ipa || !read(*ipa, bytes)) return std::nullopt;
    return static_cast<std::uint32_t>(little_endian(bytes));
  }

  /// The level of the stage-1 walk for `va` that needs the page at `table`; nothing when it is not
  /// to be found any more.
  std::optional<unsigned> walk_level(std::uint64_t va, GuestPhysAddr table) {
    const Stage1Root root = stage1_root(
        va, cpu_.template read<SysReg::TCR_EL1>(), cpu_.template read<SysReg::TTBR0_EL1>(),
        cpu_.template read<SysReg::TTBR1_EL1>(), cpu_.template read<SysReg::SCTLR_EL1>());
    return stage1_level_at(root, va, table.value,
                           [this](std::uint64_t at) -> std::optional<std::uint64_t> {
                             std::array<std::byte, 8> bytes{};
                             if (!read(GuestPhysAddr(at), bytes)) return std::nullopt;
                             return little_endian(bytes);
                           });
  }

  [[nodiscard]] bool is_memory(GuestPhysAddr ipa) { return vm_.is_memory(ipa); }
  /// Errors: BadAddress.
  Result<> read(GuestPhysAddr ipa, std::span<std::byte> to) {
    return vm_.with_memory(cpu_, [&](auto& space, auto&) { return space.read(ipa, to); });
  }
  /// Errors: BadAddress, NoMemory.
  Result<> write(GuestPhysAddr ipa, std::span<const std::byte> from) {
    return vm_.with_memory(cpu_,
                           [&](auto& space, auto& tlb) { return space.write(ipa, from, tlb); });
  }

 private:
  Vm& vm_;
  U& cpu_;
  TrapReport<Vm, U>& report_;
};

}  // namespace axvm::aarch64
