#pragma once
// Loads and stores that stage 2 refuses again and again: those of emulated devices.

#include <algorithm>
#include <array>
#include <cstdint>
#include <sim/arch/aarch64/decode.hpp>
#include <sim/arch/aarch64/fault_memo.hpp>

namespace axvm::sim::aarch64 {

/// Which instructions are worth replacing, so that their aborts are raised without the access and
/// the engine need not be stopped (GuestCore::refuse_in_place). A guess about the future: right or
/// wrong, the guest sees the same.
class RefusedAccesses {
 public:
  struct Site {
    std::uint64_t va = 0;  ///< of the instruction
    std::uint32_t word = 0;
    bool replaced = false;
    /// How many refusals make it worth replacing.
    std::uint32_t patience = kPatience;
    /// Refusals seen, less what speaks against this site.
    std::uint32_t credit = 0;
    MemoryInstruction instruction;
    FaultMemo fault;
  };

  /// The site is replaced and its access is to be looked at; null otherwise.
  [[nodiscard]] Site* find(std::uint64_t va, std::uint32_t word) noexcept {
    Site& site = slot(va);
    return site.replaced && site.va == va && site.word == word ? &site : nullptr;
  }

  /// Stage 2 has refused the access of this instruction, and the engine was stopped for it. True
  /// when the site is to be replaced from now on.
  bool refused(std::uint64_t va, std::uint32_t word,
               const MemoryInstruction& instruction) noexcept {
    Site& site = slot(va);
    if (site.va != va || site.word != word) {
      // Two that share a slot must not have each other replaced in turn.
      if (site.credit != 0) {
        --site.credit;
        return false;
      }
      site = Site();
      site.va = va;
      site.word = word;
      site.instruction = instruction;
    }
    if (site.credit < kWorthwhile) ++site.credit;
    return site.replaced = site.credit >= std::min(site.patience, kWorthwhile);
  }
  /// It was refused without stopping the engine.
  static void refused_in_place(Site& site) noexcept {
    if (site.credit < kWorthwhile) ++site.credit;
  }
  /// It was not refused, so that the instruction has to be given back to the engine.
  static void passed(Site& site) noexcept {
    site.replaced = false;
    const bool worthwhile = site.credit >= kWorthwhile;
    site.patience = worthwhile ? kPatience : std::min(site.patience * kPatience, kWorthwhile);
    site.credit = 0;
  }
  /// No instruction is replaced any more.
  void forget_replacements() noexcept {
    for (Site& site : sites_) site.replaced = false;
  }

  static constexpr std::uint32_t kPatience = 8;

 private:
  /// So many refusals in place spare more than it costs to replace an instruction and give it back.
  static constexpr std::uint32_t kWorthwhile = 1024;
  static constexpr std::size_t kSites = 64;

  [[nodiscard]] Site& slot(std::uint64_t va) noexcept { return sites_[(va >> 2) % kSites]; }

  std::array<Site, kSites> sites_;
};

}  // namespace axvm::sim::aarch64
