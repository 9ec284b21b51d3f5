#pragma once
// A two-stage walk with all that is to be said of it, before it becomes text or a page.

#include <cstdint>
#include <expected>
#include <explain/riscv64/page_table_entry.hpp>
#include <explain/walk_cost.hpp>
#include <optional>
#include <sim/arch/riscv64/mmu.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace axvm::explain::riscv64 {

using sim::riscv64::Access;
using sim::riscv64::AccessContext;
using sim::riscv64::Fault;
using sim::riscv64::Registers;
using sim::riscv64::Translation;
using sim::riscv64::WalkStep;

/// What is asked: both stages for a virtual address, or the G-stage alone.
struct WalkQuestion {
  std::uint64_t address = 0;
  bool g_stage_only = false;
  /// There is no guest (V = 0): vsatp is satp, and what it says the only stage.
  bool one_stage = false;
  AccessContext context{};
};

/// An entry that was read.
struct WalkRead {
  WalkStep step;
  /// The level of the VS-stage entry that the read is for; nothing when it is for the address
  /// itself.
  std::optional<unsigned> for_vs_level{};
  ReadCost cost{};
};

/// An entry of the TLB that covers the address, or a page of the G-stage that the walk asks about.
struct TlbFinding {
  sim::TlbTag tag;
  sim::riscv64::TlbEntry entry;
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
  sim::riscv64::Regime regime;
  std::uint64_t cycles_before = 0;  ///< the first read
  std::string cost_model;           ///< in a few words
  std::vector<WalkRead> reads;
  std::expected<Translation, Fault> result;
  std::string permissions;  ///< "rw-"
  std::vector<TlbFinding> tlb;
  bool has_tlb = true;  ///< false: there is no machine whose TLB it could be

  [[nodiscard]] bool vs_stage_enabled() const {
    return !question.g_stage_only && regime.vs.enabled();
  }
  [[nodiscard]] std::uint64_t cycles() const {
    return reads.empty() ? cycles_before : reads.back().cost.cycles_so_far;
  }
  /// "GVA", where there is no guest "VA".
  [[nodiscard]] std::string_view virtual_space() const { return question.one_stage ? "VA" : "GVA"; }
};

/// Walks, and looks into the TLB. Costs are those of walk_cost().
[[nodiscard]] ExplainedWalk walk(const sim::riscv64::Mmu& mmu, const WalkQuestion& question,
                                 const sim::timing::HierarchyProfile* memory = nullptr);

/// How a stage cuts up the address that `read` looks up.
[[nodiscard]] AddressFields address_fields(const ExplainedWalk& walk, const WalkRead& read);

/// "G-stage level 2, to find the VS-stage entry of level 1".
[[nodiscard]] std::string read_title(const ExplainedWalk& walk, const WalkRead& read);
/// "GPA[40:30] = 0x2: entry 2 of the table at PA 0x80000000, at 0x80000010".
[[nodiscard]] std::string read_choice(const ExplainedWalk& walk, const WalkRead& read);
/// "pointer: the next table is at PA 0x80004000".
[[nodiscard]] std::string read_outcome(const ExplainedWalk& walk, const WalkRead& read);
/// "VS-stage level 1": the read that a walk ended before, since there is no memory (an access
/// fault).
[[nodiscard]] std::string missing_read_title(const ExplainedWalk& walk);
[[nodiscard]] EntryPlace place_of(const WalkStep& step);

/// What the registers say of each stage, a line each.
[[nodiscard]] std::vector<std::string> regime_lines(const ExplainedWalk& walk);
/// Where it led, or what the fault would leave in registers.
[[nodiscard]] std::vector<std::string> result_lines(const ExplainedWalk& walk);
/// What the TLB holds.
[[nodiscard]] std::vector<std::string> tlb_lines(const ExplainedWalk& walk);

}  // namespace axvm::explain::riscv64
