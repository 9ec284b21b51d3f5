#pragma once
// What a VM's devices may ask of it.

#include <axvm/hal.hpp>
#include <core/devices/device_host.hpp>

namespace axvm {

template <VmHal H, class U>
class VmServices;

/// Made before the VM, whose devices refer to it; answers once the VM is attached.
template <VmHal H, class U>
class VmDeviceHost final : public DeviceHost {
 public:
  explicit VmDeviceHost(H& hal) noexcept : hal_(hal) {}

  void attach(VmServices<H, U>& services) noexcept { services_ = &services; }

  void set_line(std::uint32_t intid, bool level) override {
    if (services_ != nullptr) services_->set_line(intid, level);
  }
  void send_message(std::uint32_t device, std::uint32_t event) override {
    if (services_ != nullptr) static_cast<void>(services_->send_message(device, event));
  }
  Result<> read_memory(GuestPhysAddr from, std::span<std::byte> to) override {
    if (services_ == nullptr) return DeviceHost::read_memory(from, to);
    return services_->with_memory([&](auto& space, auto&) { return space.read(from, to); });
  }
  Result<> write_memory(GuestPhysAddr to, std::span<const std::byte> from) override {
    if (services_ == nullptr) return DeviceHost::write_memory(to, from);
    return services_->with_memory(
        [&](auto& space, auto& tlb) { return space.write(to, from, tlb); });
  }
  std::uint64_t nanoseconds() override { return hal_.monotonic_nanoseconds(); }

 private:
  H& hal_;
  VmServices<H, U>* services_ = nullptr;
};

}  // namespace axvm
