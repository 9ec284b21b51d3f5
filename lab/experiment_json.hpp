#pragma once
// What a report has to know of an experiment, as JSON.

#include <lab/experiment.hpp>
#include <nlohmann/json.hpp>
#include <optional>

namespace axvm::lab {

/// Title, axes, tables and fingerprint.
[[nodiscard]] nlohmann::ordered_json describe(const Experiment& experiment);
/// An experiment without points; nothing when the description is none.
[[nodiscard]] std::optional<Experiment> from_description(const nlohmann::ordered_json& description);

}  // namespace axvm::lab
