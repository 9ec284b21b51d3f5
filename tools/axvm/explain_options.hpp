#pragma once
// axvm explain

#include <CLI/CLI.hpp>
#include <cstdint>
#include <explain/aarch64/walk.hpp>
#include <explain/riscv64/page_table_entry.hpp>
#include <explain/typed_input.hpp>
#include <optional>
#include <string>
#include <tools/axvm/configuration.hpp>
#include <tools/axvm/output.hpp>
#include <tools/axvm/walk_privilege.hpp>
#include <variant>
#include <vector>

namespace axvm::tool {

/// A register with a value, or without: then all values are shown.
struct NamedValue {
  std::string name;
  std::optional<std::uint64_t> value;
};

struct ExplainDescriptorOptions {
  std::variant<explain::aarch64::DescriptorPlace, explain::riscv64::EntryPlace> place;
  std::uint64_t word = 0;
};

struct ExplainWalkOptions {
  ConfigurationOptions configuration;
  std::optional<std::uint64_t> gva;
  std::optional<std::uint64_t> gpa;
  explain::aarch64::Access access = explain::aarch64::Access::Read;
  WalkPrivilege privilege;
  std::optional<std::uint64_t> at;  ///< instructions of the vCPU; none: the end of the run
  std::uint32_t vcpu = 0;
  std::optional<std::string> trace;    ///< --trace: a run of the configuration, in JSON lines
  std::optional<std::uint64_t> event;  ///< --event: the exit of it whose walk is asked for
  bool full = false;                   ///< --full: a line for each field
  std::optional<std::string> html;     ///< --html: the page's file
  std::optional<std::string> profile;  ///< --profile: whose caches say what reads cost
  std::optional<std::string> registers_file;  ///< --registers
  std::vector<NamedValue> registers;          ///< --register
  std::vector<explain::MemoryDump> dumps;     ///< --memory

  /// There is no guest: registers and memory have been typed in.
  [[nodiscard]] bool typed() const noexcept {
    return registers_file || !registers.empty() || !dumps.empty();
  }
};

struct ExplainTraceOptions {
  std::string file;                    ///< JSON lines, as --trace FILE:jsonl writes them
  std::optional<std::uint64_t> event;  ///< --event: this one, in full
  std::optional<std::uint32_t> vm;     ///< --vm: this VM's events only
};

struct ExplainOptions {
  enum class What : std::uint8_t { Registers, List, Descriptor, Walk, Trace };
  What what = What::Registers;
  std::vector<NamedValue> registers;
  ExplainDescriptorOptions descriptor;
  ExplainWalkOptions walk;
  ExplainTraceOptions trace;
};

/// All options of the command; what is wrong with them ends the parsing.
void add_explain(CLI::App& app, ExplainOptions& options);

[[nodiscard]] int explain_walk(const ExplainWalkOptions& options, Output& output);
[[nodiscard]] int explain_trace(const ExplainTraceOptions& options, Output& output);
[[nodiscard]] int explain_command(const ExplainOptions& options, Output& output);

}  // namespace axvm::tool
