#pragma once
// Names of AArch64 system registers, for people.

#include <cstdint>
#include <string>

namespace axvm::hal_sim::aarch64 {

/// The name of the register that MRS/MSR bits 20:5 (op0, op1, CRn, CRm, op2) encode:
/// "ID_AA64PFR0_EL1", or "S3_0_C1_C15_2" for one without a name here (DDI 0487 C5.1.5).
[[nodiscard]] std::string sysreg_name(std::uint16_t encoding);

}  // namespace axvm::hal_sim::aarch64
