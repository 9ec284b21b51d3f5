#include <core/arch/aarch64/gic/distributor.hpp>
#include <core/arch/aarch64/gic/distributor_v2.hpp>
#include <core/arch/aarch64/gic/gic_devices.hpp>
#include <core/arch/aarch64/gic/its.hpp>
#include <core/arch/aarch64/gic/redistributor.hpp>

namespace axvm::aarch64 {

Result<GicLayout> GicLayout::of(const EmulatedDeviceConfig& config) noexcept {
  const auto wrong = [](std::string_view detail) {
    return fail(ErrorKind::InvalidInput, "create interrupt controller"sv, detail);
  };
  if (config.cfg_list.size() < 2) {
    return wrong(
        "cfg_list: expected the version and the address of redistributors (3) or "
        "CPU interfaces (2)"sv);
  }
  GicLayout layout{config.cfg_list[0], config.cfg_list[1]};
  if (layout.version == 2) {
    if (config.length < DistributorV2::kSize) {
      return wrong("length: a GICv2 distributor has 4 KiB"sv);
    }
    if (layout.cpu_side % kPageSize != 0 || config.base_gpa.value % kPageSize != 0) {
      return wrong("distributor and CPU interfaces begin at multiples of 4 KiB"sv);
    }
    return layout;
  }
  if (config.cfg_list.size() > 2) layout.its = config.cfg_list[2];
  if (layout.version != 3) return wrong("cfg_list[0]: expected 2 or 3, for GICv2 or GICv3"sv);
  if (config.length < Distributor::kSize) return wrong("length: a GICv3 distributor has 64 KiB"sv);
  if (layout.cpu_side % 0x1'0000 != 0 || config.base_gpa.value % 0x1'0000 != 0) {
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
  if (!layout || layout->version != 3) return {};
  return {GuestPhysRange{GuestPhysAddr(layout->cpu_side), Redistributors::kStride * vcpus},
          GuestPhysRange{GuestPhysAddr(layout->its.value_or(0)), layout->its ? Its::kSize : 0}};
}

Result<std::optional<PassthroughWindow>> gic_window(const EmulatedDeviceConfig& config,
                                                    std::size_t vcpus,
                                                    std::optional<HostPhysRange> gicv) noexcept {
  const auto layout = GicLayout::of(config);
  if (!layout) return std::unexpected(layout.error());
  if (layout->version != 2) return std::nullopt;
  const auto what = "create interrupt controller"sv;
  if (vcpus > kGicv2Cpus) {
    return fail(ErrorKind::InvalidInput, what, "a GICv2 has 8 CPU interfaces at most"sv);
  }
  if (!gicv) {
    return fail(ErrorKind::Unsupported, what,
                "GICv2: the hardware has no virtual CPU interface in memory"sv);
  }
  return PassthroughWindow{{GuestPhysAddr(layout->cpu_side), gicv->size}, gicv->base};
}

Result<> make_gic_devices(Allocator allocator, Gic& gic, DeviceHost& host,
                          const EmulatedDeviceConfig& config, std::string_view name,
                          FunctionRef<Result<>(Box<Device>)> add) {
  const auto layout = GicLayout::of(config);
  if (!layout) return std::unexpected(layout.error());
  if (layout->version == 2) {
    gic.add_distributor_v2();
    auto distributor = Box<DistributorV2>::try_make(
        allocator, name, BusRange{Bus::Mmio, config.base_gpa.value, DistributorV2::kSize}, gic);
    if (!distributor) return std::unexpected(distributor.error());
    return add(std::move(*distributor));
  }
  if (layout->its) {
    if (auto added = gic.add_lpis(allocator); !added) return added;
  }
  gic.add_distributor();
  auto distributor = Box<Distributor>::try_make(
      allocator, name, BusRange{Bus::Mmio, config.base_gpa.value, Distributor::kSize}, gic);
  if (!distributor) return std::unexpected(distributor.error());
  if (auto added = add(std::move(*distributor)); !added) return added;
  const BusRange range{Bus::Mmio, layout->cpu_side, Redistributors::kStride * gic.vcpu_count()};
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
