#pragma once
// The distributor of a GICv2 as guests see it: GICD_* (IHI 0048B, 4.3), without security
// extensions. Its CPU interfaces, GICC_*, are the hardware's GICV_* in the guest's memory.

#include <core/arch/aarch64/gic/gic.hpp>
#include <core/devices/device.hpp>
#include <cstdint>
#include <string_view>

namespace axvm::aarch64 {

class DistributorV2 final : public Device {
 public:
  static constexpr std::uint64_t kSize = 0x1000;

  /// `gic` outlives the device and has kGicv2Cpus vCPUs at most.
  DistributorV2(std::string_view name, BusRange range, Gic& gic) noexcept
      : Device(name, range, IsInterruptController::Yes), gic_(gic) {}

  Result<std::uint64_t> read(std::uint64_t offset, AccessWidth width) override;
  Result<> write(std::uint64_t offset, AccessWidth width, std::uint64_t value) override;

 private:
  [[nodiscard]] std::uint32_t read_register(std::uint64_t offset);
  void write_register(std::uint64_t offset, std::uint32_t value, std::uint32_t mask);
  [[nodiscard]] std::uint8_t targets(std::uint32_t intid);
  void send(std::uint32_t value);

  Gic& gic_;
};

}  // namespace axvm::aarch64
