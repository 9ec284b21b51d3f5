#pragma once
// The least that is an AArch64 CPU to the core.

#include <core/arch/aarch64/arch.hpp>
#include <tests/freestanding/archetype.hpp>

namespace axvm::archetype {

class Aarch64Cpu {
 public:
  using Arch = aarch64::Arch;

  template <aarch64::SysReg R>
  std::uint64_t read() {
    return read_register(static_cast<std::uint16_t>(R));
  }
  template <aarch64::SysReg R>
  void write(std::uint64_t value) {
    write_register(static_cast<std::uint16_t>(R), value);
  }
  std::uint64_t gpr(unsigned n) const { return gprs_[n]; }
  void set_gpr(unsigned n, std::uint64_t value) { gprs_[n] = value; }
  aarch64::Vector enter_guest() { return aarch64::Vector::Irq; }
  void tlbi_ipas2e1is(GuestPhysAddr) {}
  void tlbi_vmalle1is() {}
  void tlbi_vmalls12e1is() {}
  aarch64::VectorRegister vreg(unsigned n) { return vregs_[n]; }
  void set_vreg(unsigned n, aarch64::VectorRegister value) { vregs_[n] = value; }
  void at_s1e1r(GuestVirtAddr) {}
  void at_s1e1w(GuestVirtAddr) {}
  void at_s1e0r(GuestVirtAddr) {}
  void at_s1e0w(GuestVirtAddr) {}
  std::optional<HostPhysRange> gicv() const { return std::nullopt; }
  void synchronize() {}
  void publish_tables() {}
  void publish_data(std::span<std::byte>) {}
  void publish_instructions() {}

 private:
  std::uint64_t read_register(std::uint16_t encoding) { return registers_[encoding % 64]; }
  void write_register(std::uint16_t encoding, std::uint64_t value) {
    registers_[encoding % 64] = value;
  }

  std::uint64_t gprs_[31] = {};
  aarch64::VectorRegister vregs_[32] = {};
  std::uint64_t registers_[64] = {};
};
static_assert(aarch64::VirtualizationHardware<Aarch64Cpu>);
static_assert(VmHal<Hal<Aarch64Cpu>>);

}  // namespace axvm::archetype
