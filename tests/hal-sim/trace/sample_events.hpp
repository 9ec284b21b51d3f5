#pragma once
// A guest's store to its console, as the core tells of it.

#include <axvm/event.hpp>

namespace axvm::hal_sim::sample {

inline constexpr VmId kVm{1};

constexpr TrapTaken store(VcpuId vcpu) {
  return {.vm = kVm,
          .vcpu = vcpu,
          .cause = 0,
          .syndrome = 0x9381'0046,
          .fault_address = 0x0900'0000,
          .fault_gpa = 0x9'0000,
          .return_address = 0x4008'0010,
          .saved_state = 0x3C5,
          .registers = {0x0900'0000, 'H'}};
}

constexpr DeviceAccess write_h(VcpuId vcpu) {
  return {.vm = kVm,
          .vcpu = vcpu,
          .bus = Bus::Mmio,
          .is_write = true,
          .width = 4,
          .address = 0x0900'0000,
          .data = 'H',
          .device = "pl011"};
}

}  // namespace axvm::hal_sim::sample
