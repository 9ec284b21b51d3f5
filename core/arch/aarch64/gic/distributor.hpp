#pragma once
// The distributor of a GICv3 as guests see it: GICD_* (IHI 0069, 12.9), with affinity routing and
// one security state.

#include <core/arch/aarch64/gic/gic.hpp>
#include <core/devices/device.hpp>
#include <cstdint>
#include <string_view>

namespace axvm::aarch64 {

class Distributor final : public Device {
 public:
  static constexpr std::uint64_t kSize = 0x1'0000;

  /// `gic` outlives the device.
  Distributor(std::string_view name, BusRange range, Gic& gic) noexcept
      : Device(name, range, IsInterruptController::Yes), gic_(gic) {}

  Result<std::uint64_t> read(std::uint64_t offset, AccessWidth width) override;
  Result<> write(std::uint64_t offset, AccessWidth width, std::uint64_t value) override;

 private:
  [[nodiscard]] std::uint32_t read_register(std::uint64_t offset);
  void write_register(std::uint64_t offset, std::uint32_t value, std::uint32_t mask);
  [[nodiscard]] std::uint32_t type() const noexcept;

  Gic& gic_;
};

}  // namespace axvm::aarch64
