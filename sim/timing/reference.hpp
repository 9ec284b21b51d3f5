#pragma once
// One access of a stream of addresses.

#include <cstdint>
#include <sim/timing/counters.hpp>

namespace axvm::sim::timing {

struct Reference {
  std::uint64_t offset = 0;  ///< bytes from where the stream's memory begins
  Access access = Access::Load;
  bool waits = false;  ///< its address depends on the data of the access before
};

}  // namespace axvm::sim::timing
