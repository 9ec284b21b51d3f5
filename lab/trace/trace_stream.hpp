#pragma once
// A trace as a stream: at its end it begins again.

#include <cstdint>
#include <expected>
#include <filesystem>
#include <lab/stream.hpp>
#include <memory>
#include <string>
#include <vector>

namespace axvm::lab {

/// As many pages as a trace may touch: 16 GiB.
inline constexpr std::size_t kMostTracePages = 1U << 22;

[[nodiscard]] std::unique_ptr<Stream> make_trace_stream(std::filesystem::path file);

/// The addresses of the pages of 4 KiB that the first `accesses` touch, in the order in which they
/// do. One line of text when the trace cannot be read, or touches too many for `limit` bytes of
/// memory.
[[nodiscard]] std::expected<std::vector<std::uint64_t>, std::string> touched_pages(
    const std::filesystem::path& file, std::uint64_t accesses, std::uint64_t limit);

}  // namespace axvm::lab
