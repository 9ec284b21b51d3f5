#pragma once
// A two-stage walk with all that is to be said of it, before it becomes text or a page.

#include <cstdint>
#include <expected>
#include <explain/aarch64/descriptor.hpp>
#include <explain/walk_cost.hpp>
#include <optional>
#include <sim/arch/aarch64/mmu.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace axvm::explain::aarch64 {

using sim::aarch64::Access;
using sim::aarch64::Fault;
using sim::aarch64::Registers;
using sim::aarch64::Translation;
using sim::aarch64::WalkStep;

/// What is asked: both stages for a virtual address, or stage 2 alone.
struct WalkQuestion {
  std::uint64_t address = 0;
  bool stage2_only = false;
  Access access = Access::Read;
  std::uint8_t el = 1;
};

/// A descriptor that was read.
struct WalkRead {
  WalkStep step;
  /// The level of the stage-1 descriptor that the read is for; nothing when it is for the address
  /// itself.
  std::optional<unsigned> for_stage1_level{};
  ReadCost cost{};
};

/// An entry of the TLB that covers the address, or a page of stage 2 that the walk asks about.
struct TlbFinding {
  sim::aarch64::TlbTag tag;
  sim::aarch64::TlbEntry entry;
  bool used = false;   ///< a look-up now finds it
  bool stale = false;  ///< it leads elsewhere than the tables do
};

/// Indices of an input address: bits high to low for each level, and at last the offset.
struct AddressFields {
  std::vector<std::pair<unsigned, unsigned>> ranges;
};

struct ExplainedWalk {
  WalkQuestion question;
  Registers registers;
  sim::aarch64::Features features;
  std::uint64_t cycles_before = 0;  ///< the first read
  std::string cost_model;           ///< in a few words
  std::vector<WalkRead> reads;
  std::expected<Translation, Fault> result;
  std::string permissions;  ///< "rw-"
  std::vector<TlbFinding> tlb;
  bool has_tlb = true;  ///< false: there is no machine whose TLB it could be

  [[nodiscard]] bool stage1_enabled() const;
  [[nodiscard]] bool stage2_enabled() const;
  [[nodiscard]] std::uint64_t cycles() const {
    return reads.empty() ? cycles_before : reads.back().cost.cycles_so_far;
  }
};

/// Walks, and looks into the TLB. Costs are those of walk_cost().
[[nodiscard]] ExplainedWalk walk(const sim::aarch64::Mmu& mmu, const WalkQuestion& question,
                                 const sim::timing::HierarchyProfile* memory = nullptr);

/// How a stage cuts up the address that `read` looks up.
[[nodiscard]] AddressFields address_fields(const ExplainedWalk& walk, const WalkRead& read);

/// "stage 2 level 0, for the stage-1 descriptor of level 1".
[[nodiscard]] std::string read_title(const WalkRead& read);
/// "bits 43:39 of the IPA are 0x0: entry 0 of the table at PA 0x40000000".
[[nodiscard]] std::string read_choice(const WalkRead& read);
/// "table descriptor: the next table is at 0x40004000".
[[nodiscard]] std::string read_outcome(const ExplainedWalk& walk, const WalkRead& read);
[[nodiscard]] DescriptorPlace place_of(const WalkStep& step);

/// What the registers say of each stage, a line each.
[[nodiscard]] std::vector<std::string> regime_lines(const ExplainedWalk& walk);
/// Where it led, or what the fault would leave in registers.
[[nodiscard]] std::vector<std::string> result_lines(const ExplainedWalk& walk);
/// What the TLB holds.
[[nodiscard]] std::vector<std::string> tlb_lines(const ExplainedWalk& walk);

}  // namespace axvm::explain::aarch64
