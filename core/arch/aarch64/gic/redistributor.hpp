#pragma once
// The redistributors of a GICv3, one per vCPU, side by side: GICR_* (IHI 0069, 12.10 and 12.11).

#include <core/arch/aarch64/gic/gic.hpp>
#include <core/devices/device.hpp>
#include <cstdint>
#include <string_view>

namespace axvm::aarch64 {

class Redistributors final : public Device {
 public:
  /// Two frames of 64 KiB for each vCPU, RD_base and SGI_base.
  static constexpr std::uint64_t kStride = 0x2'0000;

  /// `gic` outlives the device; `range` has kStride bytes for each of its vCPUs.
  Redistributors(std::string_view name, BusRange range, Gic& gic) noexcept
      : Device(name, range, IsInterruptController::Yes), gic_(gic) {}

  Result<std::uint64_t> read(std::uint64_t offset, AccessWidth width) override;
  Result<> write(std::uint64_t offset, AccessWidth width, std::uint64_t value) override;
  void reset() override { awake_ = 0; }
  void describe(StateVisitor& visitor) override { visitor.value("awake"sv, awake_); }

 private:
  [[nodiscard]] std::uint32_t read_register(std::uint64_t offset);
  void write_register(std::uint64_t offset, std::uint32_t value, std::uint32_t mask);
  [[nodiscard]] std::uint64_t type(unsigned vcpu) const noexcept;

  Gic& gic_;
  /// GICR_WAKER.ProcessorSleep is clear; a bit per vCPU.
  std::uint64_t awake_ = 0;
};

}  // namespace axvm::aarch64
