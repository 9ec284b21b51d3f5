#pragma once
// ISS of aborts, SError and debug exceptions. Private to the layouts of ESR_ELx.

#include <explain/field.hpp>

namespace axvm::explain::aarch64 {

/// Null when the exception class is none of these.
[[nodiscard]] const Layout* abort_layout(std::uint64_t esr);

}  // namespace axvm::explain::aarch64
