#include <fmt/format.h>

#include <explain/aarch64/walk_text.hpp>
#include <lab/profile_file.hpp>
#include <tools/axvm/exit_status.hpp>
#include <tools/axvm/explain_options.hpp>
#include <tools/axvm/reached_vcpu.hpp>

namespace axvm::tool {

namespace {

using explain::aarch64::ExplainedWalk;
using explain::aarch64::WalkQuestion;

WalkQuestion question_of(const ExplainWalkOptions& options) {
  return {.address = options.gva ? *options.gva : *options.gpa,
          .stage2_only = !options.gva,
          .access = options.access,
          .el = options.el};
}

std::string address_text(const ExplainWalkOptions& options) {
  return fmt::format("{} {:#x}", options.gva ? "GVA" : "GPA",
                     options.gva ? *options.gva : *options.gpa);
}

}  // namespace

int explain_walk(const ExplainWalkOptions& options, Output& output) {
  std::optional<sim::timing::Profile> profile;
  if (options.profile) {
    auto loaded = lab::load_profile(*options.profile);
    if (!loaded) {
      for (const auto& diagnostic : loaded.error()) complain(to_string(diagnostic));
      return kBadUsage;
    }
    profile = std::move(*loaded);
  }
  const auto reached = reach_vcpu(options.configuration, options.vcpu, options.at);
  if (!reached) return reached.error();
  const std::string title = fmt::format("vm{} vcpu{} after {} instructions: {}", reached->vm.value,
                                        options.vcpu, reached->instructions, address_text(options));
  const ExplainedWalk walk = explain::aarch64::walk(reached->mmu(), question_of(options),
                                                    profile ? &profile->memory : nullptr);
  output.print("{}\n{}", title, walk_text(walk, options.full));
  return 0;
}

}  // namespace axvm::tool
