#pragma once
// The device by which a guest sees its PLIC, from a row of the configuration.

#include <axvm/config.hpp>
#include <axvm/function_ref.hpp>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <core/arch/riscv64/plic/plic_device.hpp>

namespace axvm::riscv64 {

/// How the row of an interrupt controller is to be read: `base_gpa` is the PLIC's, its `length` is
/// at least PlicDevice::size() of the vCPUs, and `cfg_list` is empty or [1]. Errors: NoMemory,
/// InvalidInput.
inline Result<> make_plic_device(Allocator allocator, Plic& plic,
                                 const EmulatedDeviceConfig& config, std::string_view name,
                                 FunctionRef<Result<>(Box<Device>)> add) {
  const auto wrong = [](std::string_view what) {
    return fail(ErrorKind::InvalidInput, "create interrupt controller"sv, what);
  };
  const bool is_plic =
      config.cfg_list.empty() || (config.cfg_list.size() == 1 && config.cfg_list.front() == 1);
  if (!is_plic) return wrong("cfg_list: expected nothing or [1], a PLIC"sv);
  const std::uint64_t size = PlicDevice::size(plic.vcpu_count());
  if (config.length < size) return wrong("PLIC: expected a length of 0x200000 + 0x2000 per vCPU"sv);
  auto device = Box<PlicDevice>::try_make(allocator, name,
                                          BusRange{Bus::Mmio, config.base_gpa.value, size}, plic);
  if (!device) return std::unexpected(device.error());
  return add(std::move(*device));
}

}  // namespace axvm::riscv64
