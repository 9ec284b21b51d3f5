#pragma once
// What came out of one point, and the line of JSON that keeps it.

#include <array>
#include <cstddef>
#include <expected>
#include <lab/experiment.hpp>
#include <sim/timing/counters.hpp>
#include <string>
#include <string_view>

namespace axvm::lab {

struct Result {
  std::size_t number = 0;  ///< of the point
  std::array<std::string, kAxisCount> labels;
  sim::timing::Counters counters;
};

/// Makes the tables, sends the stream through the model. One line of text when the tables cannot be
/// made, do not map what the stream asks for, or would take more than `memory` bytes of the host's.
[[nodiscard]] std::expected<Result, std::string> run(const Point& point,
                                                     std::uint64_t memory = ~0ULL);

/// One line without its end.
[[nodiscard]] std::string to_json(const Result& result);
/// What is wrong with the line otherwise.
[[nodiscard]] std::expected<Result, std::string> from_json(std::string_view line);

}  // namespace axvm::lab
