#pragma once
// One access of a program.

#include <cstdint>
#include <sim/timing/counters.hpp>

namespace axvm::lab {

struct Reference {
  std::uint64_t offset =
      0;  ///< bytes into the memory that a stream goes over; a trace's: the address
  sim::timing::Access access = sim::timing::Access::Load;
  bool waits = false;  ///< its address depends on the data of the access before
};

}  // namespace axvm::lab
