#pragma once
// One access of a program.

#include <sim/timing/reference.hpp>

namespace axvm::lab {

/// Its offset is from the first address that a stream goes over; a trace's is the address.
using sim::timing::Reference;

}  // namespace axvm::lab
