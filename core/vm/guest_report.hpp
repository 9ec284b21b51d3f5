#pragma once
// What is told of a vCPU's run while somebody listens. Without a listener a report is one test:
// what builds the event stays out of the exit's way.

#include <array>
#include <axvm/address.hpp>
#include <axvm/event.hpp>
#include <core/devices/device.hpp>
#include <cstdint>
#include <string_view>

namespace axvm {

/// Architectures add what the trap itself is. `Vm` is VmServices, `U` the hardware of this CPU.
template <class Vm, class U>
class GuestReport {
 public:
  GuestReport(Vm& vm, typename Vm::VCpuType& vcpu, U& cpu) noexcept
      : vm_(vm), vcpu_(vcpu), cpu_(cpu) {}

  [[nodiscard]] bool wanted() const { return vm_.wants_events(); }

  void access(Bus bus, bool is_write, AccessWidth width, std::uint64_t address, std::uint64_t data,
              std::string_view device) {
    if (wanted()) [[unlikely]]
      emit_access(bus, is_write, width, address, data, device);
  }
  void call(std::string_view name, std::uint64_t function,
            const std::array<std::uint64_t, 3>& arguments, std::uint64_t result) {
    if (wanted()) [[unlikely]]
      vm_.emit(FirmwareCall{vm_.id(), vcpu_.id(), name, function, arguments, result});
  }
  void mapped(GuestPhysAddr gpa, HostPhysAddr hpa) {
    if (wanted()) [[unlikely]]
      vm_.emit(PageMapped{vm_.id(), vcpu_.id(), gpa, hpa, kPageSize});
  }
  void injected(std::uint64_t syndrome, std::uint64_t fault_address, std::string_view reason) {
    if (wanted()) [[unlikely]]
      vm_.emit(ExceptionInjected{vm_.id(), vcpu_.id(), syndrome, fault_address, reason});
  }

 protected:
  ~GuestReport() = default;

  /// What stage 2 maps, if that has changed and somebody wants to know.
  void tables() {
    if (!vm_.hal().wants_tables()) return;
    const auto now =
        vm_.with_memory(cpu_, [](auto& space, auto&) { return space.take_changed_digest(); });
    if (now) vm_.emit(TablesChanged{vm_.id(), vcpu_.id(), now->hash, now->mapped, now->runs});
  }

  Vm& vm_;
  typename Vm::VCpuType& vcpu_;
  U& cpu_;

 private:
  [[gnu::cold]] void emit_access(Bus bus, bool is_write, AccessWidth width, std::uint64_t address,
                                 std::uint64_t data, std::string_view device) {
    vm_.emit(DeviceAccess{vm_.id(), vcpu_.id(), bus, is_write,
                          static_cast<std::uint8_t>(bytes(width)), address, data, device});
  }
};

}  // namespace axvm
