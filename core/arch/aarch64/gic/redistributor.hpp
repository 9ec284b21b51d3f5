#pragma once
// The redistributors of a GICv3, one per vCPU, side by side: GICR_* (IHI 0069, 12.10 and 12.11).

#include <core/arch/aarch64/gic/gic.hpp>
#include <core/arch/aarch64/gic/lpi_registers.hpp>
#include <core/devices/device.hpp>
#include <cstdint>
#include <optional>
#include <string_view>

namespace axvm::aarch64 {

class Redistributors final : public Device {
 public:
  /// Two frames of 64 KiB for each vCPU, RD_base and SGI_base.
  static constexpr std::uint64_t kStride = 0x2'0000;

  /// `gic` outlives the device; `range` has kStride bytes for each of its vCPUs. If it has LPIs,
  /// their tables are in the memory of `host`, which outlives the device, too.
  Redistributors(std::string_view name, BusRange range, Gic& gic, DeviceHost& host) noexcept
      : Device(name, range, IsInterruptController::Yes), gic_(gic) {
    if (gic.has_lpis()) lpis_.emplace(gic, host);
  }

  /// Only where there are any.
  [[nodiscard]] LpiRegisters& lpis() noexcept { return *lpis_; }

  Result<std::uint64_t> read(std::uint64_t offset, AccessWidth width) override;
  Result<> write(std::uint64_t offset, AccessWidth width, std::uint64_t value) override;
  void reset() override;
  void describe(StateVisitor& visitor) override;

 private:
  [[nodiscard]] std::uint32_t read_register(std::uint64_t offset);
  void write_register(std::uint64_t offset, std::uint32_t value, std::uint32_t mask);
  [[nodiscard]] std::uint64_t type(unsigned vcpu) const noexcept;

  Gic& gic_;
  /// GICR_WAKER.ProcessorSleep is clear; a bit per vCPU.
  std::uint64_t awake_ = 0;
  std::optional<LpiRegisters> lpis_;
};

}  // namespace axvm::aarch64
