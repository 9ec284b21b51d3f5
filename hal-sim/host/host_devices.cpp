// What arrives for devices.
#include <hal-sim/host/host.hpp>

namespace axvm::hal_sim {

// Between rounds, by the CPU that is furthest: nobody gets a frame before it was sent.
void Host::deliver_frames() {
  if (!backends_->has_frames()) return;
  unsigned latest = 0;
  for (unsigned i = 1; i < queues_.size(); ++i) {
    if (machine_->pcpu(i).time() > machine_->pcpu(latest).time()) latest = i;
  }
  hal_->run_on(latest);
  backends_->deliver_frames([this](VmId vm) {
    const auto index = index_of(vm);
    if (index && !vms_[*index]->shutting_down()) vms_[*index]->poll_devices();
  });
}

}  // namespace axvm::hal_sim
