#pragma once
// The least that meets the concepts of the seam, whatever the architecture. If the core needed
// more, this would not compile.

#include <axvm/hal.hpp>
#include <core/vcpu/per_cpu.hpp>
#include <core/vm/axvm.hpp>

namespace axvm::archetype {

/// A host with one CPU.
template <class Cpu>
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
/// The path from a configuration to an exit, so that no inline function escapes.
template <class Cpu>
Result<ExitReason> exercise(Hal<Cpu>& hal, const VmConfig& config) {
  if (auto enabled = hal.this_cpu().hardware_enable(); !enabled) {
    return std::unexpected(enabled.error());
  }
  auto vm = AxVM<Hal<Cpu>, Cpu>::create(hal, config);
  if (!vm) return std::unexpected(vm.error());
  Ref<VmBase> base = *vm;
  if (auto booted = base->boot(); !booted) return std::unexpected(booted.error());
  return base->run_vcpu(VcpuId(0));
}

}  // namespace axvm::archetype
