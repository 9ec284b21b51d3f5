#include <core/arch/riscv64/aclint/sswi_device.hpp>
#include <core/arch/riscv64/aia/aplic_device.hpp>
#include <core/arch/riscv64/aia/imsic_device.hpp>
#include <core/arch/riscv64/interrupt_setup.hpp>
#include <core/arch/riscv64/plic/plic_device.hpp>

namespace axvm::riscv64 {
namespace {

using Kind = ControllerLayout::Kind;

std::unexpected<Error> wrong(std::string_view what) noexcept {
  return fail(ErrorKind::InvalidInput, "create interrupt controller"sv, what);
}

/// The least that is a power of two and not below `size`: what files lie in (AIA, 3.6).
constexpr std::uint64_t enclosing(std::uint64_t size) noexcept {
  std::uint64_t power = 1;
  while (power < size) power *= 2;
  return power;
}

Result<> check_aplic(const EmulatedDeviceConfig& config, const ControllerLayout& layout,
                     std::size_t vcpus) noexcept {
  if (config.base_gpa.value % kPageSize != 0) {
    return wrong("an APLIC begins at a multiple of 4 KiB"sv);
  }
  if (config.length < Aplic::size(vcpus)) {
    return wrong("APLIC: expected a length of 0x4000 + 0x20 per vCPU, in whole pages"sv);
  }
  const std::uint64_t files = layout.interrupt_files.value_or(0);
  if (files % enclosing(ImsicDevice::size(vcpus)) != 0) {
    return wrong(
        "interrupt files begin at a multiple of 4 KiB times the vCPUs, rounded up to a "
        "power of two"sv);
  }
  return {};
}

template <class D, class... Arguments>
Result<> make(Allocator allocator, FunctionRef<Result<>(Box<Device>)> add,
              Arguments&&... arguments) {
  auto device = Box<D>::try_make(allocator, std::forward<Arguments>(arguments)...);
  if (!device) return std::unexpected(device.error());
  return add(std::move(*device));
}

}  // namespace

Result<ControllerLayout> ControllerLayout::of(const EmulatedDeviceConfig& config,
                                              std::size_t vcpus) noexcept {
  const auto arguments = config.cfg_list;
  const std::uint64_t number = arguments.empty() ? 1 : arguments[0];
  if (number < 1 || number > 3 || arguments.size() > (number == 2 ? 2 : 1)) {
    return wrong(
        "cfg_list: expected nothing or [1] for a PLIC, [2] or [2, base of interrupt files] for an "
        "APLIC, [3] for an SSWI"sv);
  }
  ControllerLayout layout{static_cast<Kind>(number), {}};
  if (arguments.size() > 1) layout.interrupt_files = arguments[1];
  switch (layout.kind) {
    case Kind::Plic:
      if (config.length < PlicDevice::size(vcpus)) {
        return wrong("PLIC: expected a length of 0x200000 + 0x2000 per vCPU"sv);
      }
      break;
    case Kind::Aplic:
      if (const auto checked = check_aplic(config, layout, vcpus); !checked) {
        return std::unexpected(checked.error());
      }
      break;
    case Kind::Sswi:
      if (config.length < SswiDevice::kSize) return wrong("length: an SSWI has 16 KiB"sv);
      break;
  }
  return layout;
}

std::array<GuestPhysRange, 2> controller_ranges(const EmulatedDeviceConfig& config,
                                                std::size_t vcpus) noexcept {
  const auto layout = ControllerLayout::of(config, vcpus);
  if (!layout || !layout->interrupt_files) return {};
  return {GuestPhysRange{GuestPhysAddr(*layout->interrupt_files), ImsicDevice::size(vcpus)}};
}

Result<> make_controller_devices(Allocator allocator, InterruptController& controller,
                                 const EmulatedDeviceConfig& config, std::string_view name,
                                 FunctionRef<Result<>(Box<Device>)> add) {
  const std::size_t vcpus = controller.vcpu_count();
  const auto layout = ControllerLayout::of(config, vcpus);
  if (!layout) return std::unexpected(layout.error());
  const auto range = [&](std::uint64_t size) {
    return BusRange{Bus::Mmio, config.base_gpa.value, size};
  };
  if (layout->kind == Kind::Sswi) {
    return make<SswiDevice>(allocator, add, name, range(SswiDevice::kSize), controller);
  }
  if (layout->kind == Kind::Plic) {
    const auto plic = controller.use_plic();
    if (!plic) return std::unexpected(plic.error());
    return make<PlicDevice>(allocator, add, name, range(PlicDevice::size(vcpus)), **plic);
  }
  const auto aia = controller.use_aia(allocator, layout->interrupt_files.has_value());
  if (!aia) return std::unexpected(aia.error());
  const auto added = make<AplicDevice>(allocator, add, name, range(Aplic::size(vcpus)), **aia);
  if (!added || !layout->interrupt_files) return added;
  const BusRange files{Bus::Mmio, *layout->interrupt_files, ImsicDevice::size(vcpus)};
  return make<ImsicDevice>(allocator, add, "imsic"sv, files, **aia);
}

}  // namespace axvm::riscv64
