#pragma once
// VMs over the threaded HAL.

#include <doctest/doctest.h>
#include <tests/core/concurrency/threaded_hal.hpp>

namespace axvm::test {

inline constexpr std::uint64_t kRam = 0x4000'0000;
inline constexpr std::uint64_t kRamSize = 0x10'0000;
inline constexpr std::uint64_t kUart = 0x900'0000;
inline constexpr std::uint64_t kGicd = 0x800'0000, kIts = 0x808'0000, kGicr = 0x80a'0000;
inline constexpr std::uint64_t kWindow = 0xa000'0000;

/// A VM with a GICv3 and an ITS, a console, lazy memory and a window for channels; booted. Its
/// vCPUs are on, each with its number as its affinity.
inline Ref<ThreadedVm> make_vm(ThreadedHal& hal, std::uint32_t id, unsigned vcpus) {
  std::vector<VcpuConfig> cpus;
  cpus.reserve(vcpus);
  for (unsigned n = 0; n < vcpus; ++n) cpus.push_back({n, ~0ULL});
  const MemoryRegionConfig memory[] = {{GuestPhysAddr(kRam), kRamSize}};
  const std::uint64_t gic[] = {3, kGicr, kIts};
  const EmulatedDeviceConfig devices[] = {
      {"uart", GuestPhysAddr(kUart), 0x1000, 33, EmulatedDeviceType::Console, {}},
      {"gic", GuestPhysAddr(kGicd), 0x1'0000, 0, EmulatedDeviceType::InterruptController, gic},
      {"ivc", GuestPhysAddr(kWindow), 0x4'0000, 60, EmulatedDeviceType::IvcChannel, {}}};
  VmConfig config{
      .id = id, .name = "guest", .bsp_entry = GuestPhysAddr(kRam), .ap_entry = GuestPhysAddr(kRam)};
  config.interrupt_mode = InterruptMode::Emulated;
  config.vcpus = cpus;
  config.memory_regions = memory;
  config.emulated_devices = devices;
  auto vm = ThreadedVm::create(hal, config);
  REQUIRE(vm.has_value());
  REQUIRE((*vm)->boot().has_value());
  ThreadedCpu& cpu = hal.cpu(0);
  for (unsigned n = 1; n < vcpus; ++n) {
    cpu.guest = [n](ThreadedCpu& c) {
      return c.hvc(std::array<std::uint64_t, 4>{0xc400'0003, n, kRam, 0});  // CPU_ON
    };
    REQUIRE((*vm)->run_vcpu(VcpuId(0)).has_value());
  }
  cpu.guest = nullptr;
  return std::move(*vm);
}

/// One trap of vCPU 0 on this thread's CPU, 0.
inline void do_once(ThreadedHal& hal, ThreadedVm& vm, const ThreadedCpu::Guest& step) {
  hal.cpu(0).guest = [&step, is_done = false](ThreadedCpu& c) mutable {
    return std::exchange(is_done, true) ? c.interrupt(ThreadedCpu::kKick) : step(c);
  };
  REQUIRE(vm.run_vcpu(VcpuId(0)).has_value());
}

/// A guest that does nothing until its CPU is kicked.
inline Vector spin(ThreadedCpu& cpu) {
  while (!cpu.take_kick()) std::this_thread::yield();
  return cpu.interrupt(ThreadedCpu::kKick);
}

}  // namespace axvm::test
