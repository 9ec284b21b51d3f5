#pragma once
// The order of the core's locks.

#include <cstdint>

namespace axvm {

/// A CPU takes locks in ascending order of rank only, and no two of one rank at once.
enum class LockRank : std::uint8_t {
  Ivc = 0,
  Vm = 1,
  Device = 2,  ///< before AddressSpace: devices are bus masters
  AddressSpace = 3,
  InterruptController = 4
};

}  // namespace axvm
