#include <core/arch/aarch64/gic/distributor.hpp>
#include <core/arch/aarch64/gic/gic_devices.hpp>
#include <core/arch/aarch64/gic/its.hpp>
#include <core/arch/aarch64/gic/redistributor.hpp>

namespace axvm::aarch64 {

Result<GicLayout> GicLayout::of(const EmulatedDeviceConfig& config) noexcept {
  const auto wrong = [](std::string_view detail) {
    return fail(ErrorKind::InvalidInput, "create interrupt controller"sv, detail);
  };
  if (config.cfg_list.size() < 2) {
    return wrong("cfg_list: expected the version, 3, and the redistributors' address"sv);
  }
  GicLayout layout{config.cfg_list[0], config.cfg_list[1]};
  if (config.cfg_list.size() > 2) layout.its = config.cfg_list[2];
  if (layout.version != 3) return wrong("cfg_list[0]: expected 3, for GICv3"sv);
  if (config.length < Distributor::kSize) return wrong("length: a GICv3 distributor has 64 KiB"sv);
  if (layout.redistributors % 0x1'0000 != 0 || config.base_gpa.value % 0x1'0000 != 0) {
    return wrong("distributor and redistributors begin at multiples of 64 KiB"sv);
  }
  if (layout.its.value_or(0) % 0x1'0000 != 0) {
    return wrong("an ITS begins at a multiple of 64 KiB"sv);
  }
  return layout;
}

std::array<GuestPhysRange, 2> gic_device_ranges(const EmulatedDeviceConfig& config,
                                                std::size_t vcpus) noexcept {
  const auto layout = GicLayout::of(config);
  if (!layout) return {};
  return {GuestPhysRange{GuestPhysAddr(layout->redistributors), Redistributors::kStride * vcpus},
          GuestPhysRange{GuestPhysAddr(layout->its.value_or(0)), layout->its ? Its::kSize : 0}};
}

Result<> make_gic_devices(Allocator allocator, Gic& gic, DeviceHost& host,
                          const EmulatedDeviceConfig& config, std::string_view name,
                          FunctionRef<Result<>(Box<Device>)> add) {
  const auto layout = GicLayout::of(config);
  if (!layout) return std::unexpected(layout.error());
  if (layout->its) {
    if (auto added = gic.add_lpis(allocator); !added) return added;
  }
  gic.add_distributor();
  auto distributor = Box<Distributor>::try_make(
      allocator, name, BusRange{Bus::Mmio, config.base_gpa.value, Distributor::kSize}, gic);
  if (!distributor) return std::unexpected(distributor.error());
  if (auto added = add(std::move(*distributor)); !added) return added;
  const BusRange range{Bus::Mmio, layout->redistributors,
                       Redistributors::kStride * gic.vcpu_count()};
  auto redistributors = Box<Redistributors>::try_make(allocator, name, range, gic, host);
  if (!redistributors) return std::unexpected(redistributors.error());
  Redistributors& lpi_owner = **redistributors;
  auto added = add(std::move(*redistributors));
  if (!added || !layout->its) return added;
  auto its = Box<Its>::try_make(allocator, name, BusRange{Bus::Mmio, *layout->its, Its::kSize}, gic,
                                lpi_owner.lpis(), host);
  if (!its) return std::unexpected(its.error());
  gic.attach(**its);
  return add(std::move(*its));
}

}  // namespace axvm::aarch64
