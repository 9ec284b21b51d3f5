#pragma once
// Loads and stores that stage 2 refuses again and again: those of emulated devices.

#include <array>
#include <cstdint>
#include <sim/arch/aarch64/decode.hpp>
#include <sim/arch/aarch64/fault_memo.hpp>

namespace axvm::sim::aarch64 {

/// Which instructions are worth watching, so that their aborts are raised before the access and
/// the engine need not be stopped (GuestCore::refuse_in_place). A guess about the future: right or
/// wrong, the guest sees the same.
class RefusedAccesses {
 public:
  struct Site {
    std::uint64_t va = 0;  ///< of the instruction
    std::uint32_t word = 0;
    bool watched = false;
    /// How many refusals make it worth watching.
    std::uint32_t patience = kPatience;
    /// Refusals seen, less what speaks against this site.
    std::uint32_t credit = 0;
    MemoryInstruction instruction;
    FaultMemo fault;
  };

  /// The site is watched and its access is to be looked at; null otherwise.
  [[nodiscard]] Site* find(std::uint64_t va, std::uint32_t word) noexcept {
    Site& site = slot(va);
    return site.watched && site.va == va && site.word == word ? &site : nullptr;
  }

  /// Stage 2 has refused the access of this instruction, and the engine was stopped for it. True
  /// when the site is to be watched from now on.
  bool refused(std::uint64_t va, std::uint32_t word,
               const MemoryInstruction& instruction) noexcept {
    Site& site = slot(va);
    if (site.va != va || site.word != word) {
      // Two that share a slot must not have each other watched in turn.
      if (site.credit != 0) {
        --site.credit;
        return false;
      }
      site = Site();
      site.va = va;
      site.word = word;
      site.instruction = instruction;
    }
    if (++site.credit < site.patience || site.watched) return false;
    return site.watched = true;
  }
  /// It was refused without stopping the engine.
  static void refused_in_place(Site& site) noexcept {
    if (site.credit < kMaxCredit) site.credit += kGain;
  }
  /// It was not refused, so that looking was in vain. False when the site should be watched no
  /// longer.
  static bool passed(Site& site) noexcept {
    if (site.credit > 0) {
      --site.credit;
      return true;
    }
    site.watched = false;
    site.patience = site.patience < kMaxPatience ? site.patience * kPatience : kMaxPatience;
    return false;
  }
  /// No instruction is watched any more.
  void forget_watches() noexcept {
    for (Site& site : sites_) site.watched = false;
  }

  static constexpr std::uint32_t kPatience = 8;

 private:
  static constexpr std::uint32_t kMaxPatience = 1U << 18;
  static constexpr std::uint32_t kMaxCredit = 1024;
  static constexpr std::uint32_t kGain = 2;  // a refusal in place spares more than a look costs
  static constexpr std::size_t kSites = 64;

  [[nodiscard]] Site& slot(std::uint64_t va) noexcept { return sites_[(va >> 2) % kSites]; }

  std::array<Site, kSites> sites_;
};

}  // namespace axvm::sim::aarch64
