#pragma once
// A profile with other sizes than its file has.

#include <lab/alternative.hpp>
#include <sim/timing/profile.hpp>
#include <span>
#include <string_view>

namespace axvm::lab {

/// `settings` are KEY=ENTRIES: how many entries each cache of a kind has, 0 for none. Keys are
/// l1_tlb, l2_tlb, stage1_walk_cache, stage2_walk_cache, ipa_cache; or coalesce=PAGES, of all TLBs.
/// A cache keeps its ways, unless it is fully associative or has no more entries than ways.
[[nodiscard]] Read<sim::timing::Profile> with_settings(sim::timing::Profile profile,
                                                       std::span<const std::string_view> settings);

}  // namespace axvm::lab
