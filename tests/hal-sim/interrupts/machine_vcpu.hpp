#pragma once
// A vCPU whose list registers are the machine's, so that the core's half of interrupt delivery and
// the machine's can be looked at together.

#include <core/arch/aarch64/interrupts.hpp>
#include <set>
#include <sim/arch/aarch64/virtual_cpu_interface.hpp>
#include <tests/core/fake_hal.hpp>
#include <tests/core/heap.hpp>

namespace axvm::test {

using namespace axvm::aarch64;
using sim::aarch64::VirtualCpuInterface;

/// A CPU whose ICH_*_EL2 are the machine's.
struct Cpu : FakeCpu {
  template <SysReg R>
  std::uint64_t read() {
    const auto value = interface.read_el2(sim::aarch64::SysReg(static_cast<std::uint16_t>(R)));
    return value ? *value : FakeCpu::read<R>();
  }
  template <SysReg R>
  void write(std::uint64_t value) {
    if (interface.write_el2(sim::aarch64::SysReg(static_cast<std::uint16_t>(R)), value)) return;
    FakeCpu::write<R>(value);
  }
  VirtualCpuInterface interface;
};

struct Residence {
  void forward(std::uint32_t intid) { bits |= 1U << intid; }
  [[nodiscard]] bool is_forwarded(std::uint32_t intid) const { return ((bits >> intid) & 1) != 0; }
  [[nodiscard]] std::uint32_t forwarded() const { return bits; }
  bool take_forwarded(std::uint32_t intid) {
    const bool was = is_forwarded(intid);
    bits &= ~(1U << intid);
    return was;
  }
  std::uint32_t bits = 0;
};

struct Vcpu {
  VcpuInterface& interrupts() { return interface; }
  Residence* residence() { return &place; }
  VcpuInterface interface;
  Residence place;
};

struct Vm {
  using VCpuType = Vcpu;
  [[nodiscard]] static bool emulates_interrupts() { return true; }
  void end_irq(std::uint32_t intid) { active_physical.erase(intid); }
  void deliver_wakes() {}
  std::set<std::uint32_t> active_physical;
};

}  // namespace axvm::test
