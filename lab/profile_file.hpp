#pragma once
// Processor profiles, as TOML files describe them.

#include <cstdint>
#include <expected>
#include <filesystem>
#include <hal-sim/config/diagnostic.hpp>
#include <optional>
#include <sim/timing/profile.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace axvm::lab {

/// "4K", "64K", "2M", "1G": the number of address bits within such a page.
[[nodiscard]] std::optional<unsigned> page_shift(std::string_view text);

/// Of TLBs, walk caches, IPA caches and data caches of a profile together.
inline constexpr std::uint64_t kMostCacheEntries = 1U << 25;
/// How many it has.
[[nodiscard]] std::uint64_t cache_entries(const sim::timing::Profile& profile);

/// Reads a profile; its name is the file's without ".toml". Everything that is wrong is reported.
[[nodiscard]] std::expected<sim::timing::Profile, std::vector<hal_sim::Diagnostic>> load_profile(
    const std::filesystem::path& file);

}  // namespace axvm::lab
