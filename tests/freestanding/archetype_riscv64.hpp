#pragma once
// The least that is a RISC-V hart to the core.

#include <core/arch/riscv64/arch.hpp>
#include <tests/freestanding/archetype.hpp>

namespace axvm::archetype {

class RiscvHart {
 public:
  using Arch = riscv64::Arch;

  template <riscv64::Csr R>
  std::uint64_t read() {
    return read_register(static_cast<std::uint16_t>(R));
  }
  template <riscv64::Csr R>
  void write(std::uint64_t value) {
    write_register(static_cast<std::uint16_t>(R), value);
  }
  std::uint64_t gpr(unsigned n) const { return gprs_[n]; }
  void set_gpr(unsigned n, std::uint64_t value) {
    if (n != 0) gprs_[n] = value;
  }
  std::uint64_t fpr(unsigned n) { return fprs_[n]; }
  void set_fpr(unsigned n, std::uint64_t value) { fprs_[n] = value; }
  void clear_reservation() {}
  std::uint64_t enter_guest() { return read_register(0); }
  std::optional<std::uint64_t> hlv(GuestVirtAddr, AccessWidth) { return std::nullopt; }
  std::optional<std::uint16_t> hlvx(GuestVirtAddr) { return std::nullopt; }
  bool hsv(GuestVirtAddr, AccessWidth, std::uint64_t) { return false; }
  void hfence_gvma(GuestPhysAddr, Vmid) {}
  void hfence_gvma(Vmid) {}
  void hfence_vvma() {}
  void remote_hfence_gvma(Vmid, GuestPhysRange) {}
  void remote_hfence_gvma(Vmid) {}
  void remote_hfence_vvma() {}
  void remote_hfence_vvma(GuestVirtAddr, std::uint64_t, std::optional<std::uint64_t>) {}
  void remote_fence_i() {}
  std::uint64_t timebase_frequency() const { return 10'000'000; }
  void publish_tables() {}
  void publish_data(std::span<std::byte>) {}
  void publish_instructions() {}

 private:
  std::uint64_t read_register(std::uint16_t number) { return registers_[number % 64]; }
  void write_register(std::uint16_t number, std::uint64_t value) {
    registers_[number % 64] = value;
  }

  std::uint64_t gprs_[32] = {};
  std::uint64_t fprs_[32] = {};
  std::uint64_t registers_[64] = {};
};
static_assert(riscv64::VirtualizationHardware<RiscvHart>);
static_assert(VmHal<Hal<RiscvHart>>);

}  // namespace axvm::archetype
