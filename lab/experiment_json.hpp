#pragma once
// What a report has to know of an experiment, as JSON.

#include <lab/experiment.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace axvm::lab {

/// Title, axes, tables, fingerprint and the version of the models.
[[nodiscard]] nlohmann::ordered_json describe(const Experiment& experiment);
/// What to say of a description by another version of the models; nothing of one by this version.
[[nodiscard]] std::optional<std::string> other_version(const nlohmann::ordered_json& description);
/// An experiment without points; nothing when the description is none.
[[nodiscard]] std::optional<Experiment> from_description(const nlohmann::ordered_json& description);

}  // namespace axvm::lab
