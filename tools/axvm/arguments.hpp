#pragma once
// What the options of all commands are made with.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <tools/axvm/configuration.hpp>

namespace axvm::tool {

/// Ends the parsing: one line, wrong usage.
[[noreturn]] void reject(const std::string& what);

/// The number in an argument of `option`; rejects anything else.
[[nodiscard]] std::uint64_t number(const char* option, const std::string& text);
/// The same, from `least` to `most`.
[[nodiscard]] std::uint64_t number(const char* option, const std::string& text, std::uint64_t least,
                                   std::uint64_t most);

/// CONFIG, which is required, and what changes it.
void add_configuration(CLI::App& app, ConfigurationOptions& options);
/// --chaos
void add_chaos(CLI::App& app, ConfigurationOptions& options);

}  // namespace axvm::tool
