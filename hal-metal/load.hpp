#pragma once
// What a VM boots with, into its memory.

#include <core/vm/vm_base.hpp>
#include <hal-metal/guest.hpp>

namespace axvm::hal_metal {

/// Writes every piece. Errors: as VmBase::get_image_load_region.
Result<> load(VmBase& vm, const Guest& guest);

}  // namespace axvm::hal_metal
