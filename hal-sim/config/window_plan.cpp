#include <hal-sim/config/lent_vm_config.hpp>
#include <hal-sim/config/window_plan.hpp>
#include <new>

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

}  // namespace

std::vector<PassthroughWindow> plan_windows(const VmFile& vm, const std::vector<MemoryBank>& ram) {
  const LentVmConfig lent(vm);
  const VmConfig config = lent.view();
  HostHeap heap;
  const std::size_t ranges = config.memory_regions.size() + config.emulated_devices.size() +
                             config.passthrough_devices.size() + ram.size();
  auto planner = LayoutPlanner::try_make(Allocator::of(heap), config.address_space_policy,
                                         GuestPhysRange{GuestPhysAddr(), kAddressLimit}, ranges);
  if (!planner || !planner->add(config)) return {};
  for (const MemoryBank& bank : ram) {
    if (!planner->hide({GuestPhysAddr(bank.base), bank.size})) return {};
  }
  const auto windows = planner->windows();
  if (!windows) return {};
  return {windows->begin(), windows->end()};
}

}  // namespace axvm::hal_sim
