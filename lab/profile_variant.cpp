#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <hal-sim/config/size_text.hpp>
#include <lab/profile_file.hpp>
#include <lab/profile_variant.hpp>
#include <utility>
#include <vector>

namespace axvm::lab {
namespace {

using sim::timing::CacheShape;
using sim::timing::Profile;

constexpr std::uint64_t kMostEntries = 1U << 20;

template <class Cache>
Read<void> resize(std::vector<Cache>& caches, std::string_view key, std::uint64_t entries) {
  if (caches.empty()) {
    return std::unexpected(Wrong{fmt::format("sets {}", key), "what the profile has"});
  }
  if (entries == 0) {
    caches.clear();
    return {};
  }
  for (Cache& cache : caches) {
    CacheShape shape = cache.shape;
    if (shape.ways == shape.entries || shape.ways > entries) {
      shape.ways = static_cast<std::uint32_t>(entries);
    }
    shape.entries = static_cast<std::uint32_t>(entries);
    if (!shape.is_valid()) {
      return std::unexpected(
          Wrong{fmt::format("sets {} to {} with {} ways", key, entries, shape.ways),
                "a power of two of sets"});
    }
    cache.shape = shape;
  }
  return {};
}

Read<void> coalesce(Profile& profile, std::uint64_t pages) {
  if (pages > 8 || !std::has_single_bit(pages)) {
    return std::unexpected(Wrong{fmt::format("sets coalesce to {}", pages), "1, 2, 4 or 8 pages"});
  }
  for (auto* const tlbs : {&profile.l1_tlbs, &profile.l2_tlbs}) {
    for (sim::timing::TlbProfile& tlb : *tlbs) tlb.coalesce = static_cast<std::uint32_t>(pages);
  }
  return {};
}

}  // namespace

Read<Profile> with_settings(Profile profile, std::span<const std::string_view> settings) {
  for (const std::string_view setting : settings) {
    const std::size_t equals = std::min(setting.find('='), setting.size());
    const std::string_view key = setting.substr(0, equals);
    const auto entries =
        hal_sim::parse_number(setting.substr(std::min(equals + 1, setting.size())));
    const auto set = [&]() -> Read<void> {
      if (entries && *entries <= kMostEntries) {
        if (key == "l1_tlb") return resize(profile.l1_tlbs, key, *entries);
        if (key == "l2_tlb") return resize(profile.l2_tlbs, key, *entries);
        if (key == "stage1_walk_cache") return resize(profile.stage1_walk_caches, key, *entries);
        if (key == "stage2_walk_cache") return resize(profile.stage2_walk_caches, key, *entries);
        if (key == "ipa_cache") return resize(profile.ipa_caches, key, *entries);
        if (key == "coalesce") return coalesce(profile, *entries);
      }
      return std::unexpected(Wrong{fmt::format("has \"{}\"", setting),
                                   "l1_tlb, l2_tlb, stage1_walk_cache, stage2_walk_cache, "
                                   "ipa_cache or coalesce, and =NUMBER"});
    };
    if (auto done = set(); !done) return std::unexpected(done.error());
  }
  if (const std::uint64_t entries = cache_entries(profile); entries > kMostCacheEntries) {
    return std::unexpected(Wrong{fmt::format("has {} entries in all caches", entries),
                                 fmt::format("at most {}", kMostCacheEntries)});
  }
  return profile;
}

}  // namespace axvm::lab
