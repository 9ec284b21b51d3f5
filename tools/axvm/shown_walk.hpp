#pragma once
// What walks of guests and of typed-in registers have in common: how they are titled and shown.

#include <fmt/format.h>

#include <explain/aarch64/walk_page.hpp>
#include <explain/aarch64/walk_text.hpp>
#include <explain/riscv64/walk_page.hpp>
#include <explain/riscv64/walk_text.hpp>
#include <sim/memory/physical_memory.hpp>
#include <string>
#include <tools/axvm/exit_status.hpp>
#include <tools/axvm/explain_options.hpp>
#include <tools/axvm/output.hpp>

namespace axvm::tool {

[[nodiscard]] inline explain::aarch64::WalkQuestion aarch64_question(
    const ExplainWalkOptions& options) {
  return {.address = options.gva ? *options.gva : *options.gpa,
          .stage2_only = !options.gva,
          .access = options.access,
          .el = options.privilege.exception_level()};
}

/// "GVA 0x403123": what is asked about.
[[nodiscard]] inline std::string address_text(const ExplainWalkOptions& options) {
  return fmt::format("{} {:#x}", options.gva ? "GVA" : "GPA",
                     options.gva ? *options.gva : *options.gpa);
}

/// As text, or as a page; the exit status. `memory` holds the tables.
template <class Walk>
[[nodiscard]] int show(const Walk& walk, const std::string& title,
                       const sim::PhysicalMemory& memory, const ExplainWalkOptions& options,
                       Output& output) {
  if (!options.html) {
    output.print("{}\n{}", title, walk_text(walk, options.full));
    return 0;
  }
  auto file = Output::create(*options.html);
  if (!file) {
    complain(file.error());
    return kBadUsage;
  }
  (*file)->write(walk_page(walk, title, memory));
  return settle(**file, 0);
}

}  // namespace axvm::tool
