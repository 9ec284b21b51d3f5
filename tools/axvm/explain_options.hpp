#pragma once
// axvm explain

#include <CLI/CLI.hpp>
#include <cstdint>
#include <explain/aarch64/descriptor.hpp>
#include <optional>
#include <string>
#include <tools/axvm/configuration.hpp>
#include <tools/axvm/output.hpp>
#include <vector>

namespace axvm::tool {

/// A register with a value, or without: then all values are shown.
struct NamedValue {
  std::string name;
  std::optional<std::uint64_t> value;
};

struct ExplainDescriptorOptions {
  explain::aarch64::DescriptorPlace place;
  std::uint64_t word = 0;
};

struct ExplainOptions {
  enum class What : std::uint8_t { Registers, List, Descriptor };
  What what = What::Registers;
  std::vector<NamedValue> registers;
  ExplainDescriptorOptions descriptor;
};

/// All options of the command; what is wrong with them ends the parsing.
void add_explain(CLI::App& app, ExplainOptions& options);

[[nodiscard]] int explain_command(const ExplainOptions& options, Output& output);

}  // namespace axvm::tool
