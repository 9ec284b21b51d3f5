#pragma once
// A two-stage walk, drawn step by step.

#include <cstdint>
#include <sim/arch/aarch64/mmu.hpp>
#include <string>
#include <vector>

namespace axvm::tool {

/// Collects the steps of Mmu::walk.
class StepRecorder {
 public:
  void step(const sim::aarch64::WalkStep& step) { steps_.push_back(step); }
  [[nodiscard]] const std::vector<sim::aarch64::WalkStep>& steps() const { return steps_; }

 private:
  std::vector<sim::aarch64::WalkStep> steps_;
};

/// The registers that say where the walk starts, with their fields.
[[nodiscard]] std::string regime_text(const sim::aarch64::Registers& registers);

/// One descriptor read: which table, which index bits of the input, the descriptor and its fields.
/// Reads of stage 2 on behalf of a stage-1 descriptor are indented below it.
[[nodiscard]] std::string step_text(const sim::aarch64::WalkStep& step);

/// "AF=1 SH=3 (inner shareable) S2AP=3 (read/write) …"
[[nodiscard]] std::string descriptor_fields(const sim::aarch64::WalkStep& step);

/// Where the walk led and what may be done there.
[[nodiscard]] std::string result_text(const sim::aarch64::Translation& translation);
[[nodiscard]] std::string fault_text(const sim::aarch64::Fault& fault);

}  // namespace axvm::tool
