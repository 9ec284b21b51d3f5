#pragma once
// The least that meets the concepts of the seam. If the core needed more, this would not compile.

#include <axvm/hal.hpp>
#include <core/arch/aarch64/arch.hpp>
#include <core/vcpu/per_cpu.hpp>

namespace axvm::archetype {

class Cpu {
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
static_assert(aarch64::VirtualizationHardware<Cpu>);

class Hal {
 public:
  using PerCpu = axvm::PerCpu<Cpu>;
  class Lock {
   public:
    Lock(Hal&, LockRank) {}
    void lock() {}
    void unlock() {}
  };

  std::optional<HostPhysAddr> allocate_frame() { return allocate_frames(1, kPageSize); }
  void deallocate_frame(HostPhysAddr) {}
  std::optional<HostPhysAddr> allocate_frames(std::size_t count, std::size_t alignment) {
    const auto address = reinterpret_cast<std::uintptr_t>(allocate(count * kPageSize, alignment));
    if (address == 0) return std::nullopt;
    return HostPhysAddr(address);
  }
  void deallocate_frames(HostPhysAddr, std::size_t) {}
  bool allocate_range(HostPhysAddr, std::size_t) { return false; }
  void deallocate_range(HostPhysAddr, std::size_t) {}
  void zero_range(HostPhysAddr, std::size_t) {}
  std::optional<HostPhysRange> ram_after(HostPhysAddr) { return std::nullopt; }
  HostVirtAddr phys_to_virt(HostPhysAddr hpa) { return HostVirtAddr(hpa.value); }
  HostPhysAddr virt_to_phys(HostVirtAddr hva) { return HostPhysAddr(hva.value); }
  void* allocate(std::size_t size, std::size_t alignment) {
    next_ = (next_ + alignment - 1) & ~(alignment - 1);
    if (next_ + size > sizeof(arena_)) return nullptr;
    void* p = arena_ + next_;
    next_ += size;
    return p;
  }
  void deallocate(void*, std::size_t, std::size_t) {}
  std::uint64_t monotonic_nanoseconds() { return 0; }
  PcpuId current_pcpu() { return cpu_.id(); }
  PerCpu& this_cpu() { return cpu_; }
  void kick(PcpuId) {}
  void wake(VmId, VcpuId) {}
  void call_on(PcpuId, FunctionRef<void()> task) { task(); }
  IvcHub<Hal>& ivc() { return ivc_; }
  std::uint32_t acknowledge_irq() { return 1023; }
  void end_irq(std::uint32_t) {}
  void console_write(VmId, std::uint8_t) {}
  std::optional<std::uint8_t> console_read(VmId) { return std::nullopt; }
  DeviceBackend backend(VmId, std::size_t) { return {}; }
  void log(LogLevel, std::string_view) {}
  bool wants_events() { return true; }
  bool wants_tables() { return true; }
  void event(const Event&) {}

 private:
  Cpu hardware_;
  PerCpu cpu_{PcpuId(0), hardware_};
  IvcHub<Hal> ivc_{*this};
  std::size_t next_ = 0;
  alignas(kPageSize) unsigned char arena_[64 * kPageSize] = {};
};
static_assert(VmHal<Hal>);

}  // namespace axvm::archetype
