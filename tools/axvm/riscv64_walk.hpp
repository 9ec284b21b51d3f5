#pragma once
// Walks of RISC-V harts: what is asked of one, and how it is drawn step by step.

#include <cstdint>
#include <explain/riscv64/walk.hpp>
#include <sim/arch/riscv64/pcpu.hpp>
#include <string>

namespace axvm::tool {

/// Both stages for a virtual address, in VU-mode or VS-mode, with SUM and MXR as the hart's
/// registers have them.
[[nodiscard]] explain::riscv64::WalkQuestion question_of(
    sim::riscv64::Pcpu& hart, std::uint64_t gva, bool user_mode,
    sim::riscv64::Access access = sim::riscv64::Access::Load);
/// The G-stage alone.
[[nodiscard]] explain::riscv64::WalkQuestion question_of(
    std::uint64_t gpa, sim::riscv64::Access access = sim::riscv64::Access::Load);

/// Each entry read: which table, which index bits of the input, the entry and its fields. Reads of
/// the G-stage on behalf of a VS-stage entry are indented below it.
[[nodiscard]] std::string drawn(const explain::riscv64::ExplainedWalk& walk);

}  // namespace axvm::tool
