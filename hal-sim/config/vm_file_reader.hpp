#pragma once
// TOML tables to VmFile and SimOptions. Private to hal-sim/config.

#include <hal-sim/config/field_reader.hpp>
#include <hal-sim/config/sim_options.hpp>
#include <hal-sim/config/vm_file.hpp>

namespace axvm::hal_sim {

/// Reads [base], [kernel] and [devices] from the file's root; findings go to `context`.
[[nodiscard]] VmFile read_vm_file(ReadContext& context, FieldReader& root);

/// Reads the sub-tables of [sim] that `sim` reads.
[[nodiscard]] BackendOptions read_backend_options(ReadContext& context, FieldReader& sim);

/// Reads [sim] when the file has one.
[[nodiscard]] std::optional<SimOptions> read_sim_options(ReadContext& context, FieldReader& root);

}  // namespace axvm::hal_sim
