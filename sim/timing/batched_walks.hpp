#pragma once
// Walks of many independent addresses at once: while one waits for a descriptor, others go on.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <sim/memory/physical_memory.hpp>
#include <sim/timing/walker.hpp>
#include <span>

namespace axvm::sim::timing {

/// How many walks are under way at a time.
inline constexpr std::size_t kWalksAtOnce = 32;

/// Where each address of `vas` leads, into the element of `found` with its number: what
/// Walker::walk() finds. Nothing is cached, nothing is counted.
/// Precondition: `found` is as long as `vas`.
void walk_batch(const PhysicalMemory& memory, Stage stage1, Stage stage2,
                std::span<const std::uint64_t> vas, std::span<std::optional<Translation>> found);

}  // namespace axvm::sim::timing
