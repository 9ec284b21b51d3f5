#include <core/arch/aarch64/gic/gic_devices.hpp>
#include <hal-sim/config/lent_vm_config.hpp>
#include <hal-sim/config/window_plan.hpp>
#include <new>
#include <sim/arch/aarch64/machine.hpp>
#include <sim/arch/aarch64/virtual_cpu_interface.hpp>

namespace axvm::hal_sim {
namespace {

struct HostHeap {
  void* allocate(std::size_t size, std::size_t alignment) {
    return ::operator new(size, std::align_val_t(alignment), std::nothrow);
  }
  void deallocate(void* p, std::size_t, std::size_t alignment) {
    ::operator delete(p, std::align_val_t(alignment));
  }
};

/// Of the machine that will be made.
std::optional<HostPhysRange> gicv() {
  const auto base = sim::aarch64::MachineOptions().gicv;
  if (!base) return std::nullopt;
  return HostPhysRange{HostPhysAddr(*base), sim::aarch64::VirtualCpuInterface::kFrameSize};
}

}  // namespace

std::vector<PassthroughWindow> plan_windows(const VmFile& vm, Isa isa,
                                            const std::vector<MemoryBank>& ram) {
  const LentVmConfig lent(vm);
  const VmConfig config = lent.view();
  HostHeap heap;
  const std::size_t ranges = config.memory_regions.size() + config.emulated_devices.size() +
                             config.passthrough_devices.size() + ram.size() + 1;
  auto planner = LayoutPlanner::try_make(Allocator::of(heap), config.address_space_policy,
                                         GuestPhysRange{GuestPhysAddr(), kAddressLimit}, ranges);
  if (!planner || !planner->add(config)) return {};
  for (const EmulatedDeviceConfig& device : config.emulated_devices) {
    if (isa != Isa::Aarch64 || device.type != EmulatedDeviceType::InterruptController) continue;
    const auto window = axvm::aarch64::gic_window(device, config.vcpus.size(), gicv());
    if (window && *window && !planner->pass_through(**window)) return {};
  }
  for (const MemoryBank& bank : ram) {
    if (!planner->hide({GuestPhysAddr(bank.base), bank.size})) return {};
  }
  const auto windows = planner->windows();
  if (!windows) return {};
  return {windows->begin(), windows->end()};
}

}  // namespace axvm::hal_sim
