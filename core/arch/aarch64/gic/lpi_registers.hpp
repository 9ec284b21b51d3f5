#pragma once
// The registers of redistributors that are about LPIs, and the tables in guest memory that they
// name: GICR_CTLR, GICR_PROPBASER, GICR_PENDBASER (IHI 0069, 5.1, 12.11).

#include <array>
#include <axvm/config.hpp>
#include <axvm/state.hpp>
#include <core/arch/aarch64/gic/gic.hpp>
#include <core/devices/device_host.hpp>
#include <cstdint>
#include <optional>

namespace axvm::aarch64 {

/// All redistributors share one configuration table (GICR_TYPER.CommonLPIAff is 0). What it says is
/// read when a vCPU's LPIs are enabled and when the ITS is told to (INV, INVALL, MAPTI, MAPI). A
/// part of a table that is not in guest memory reads as zeros: LPIs disabled, and not pending.
class LpiRegisters {
 public:
  /// `gic` has LPIs; it and `host` outlive this.
  LpiRegisters(Gic& gic, DeviceHost& host) noexcept : gic_(gic), host_(host) {}

  /// The word at `offset` of the RD_base frame of `vcpu`; nothing when it is not one of these.
  [[nodiscard]] std::optional<std::uint32_t> read(unsigned vcpu, std::uint64_t offset) noexcept;
  /// Writes those bytes of it that are set in `mask`. GICR_PROPBASER is fixed while any vCPU has
  /// its LPIs enabled, GICR_PENDBASER while that one has (12.11).
  void write(unsigned vcpu, std::uint64_t offset, std::uint32_t value, std::uint32_t mask);

  /// Reads the configuration of one LPI, or of all of them.
  void reload(std::uint32_t intid);
  void reload_all();

  void reset() noexcept;
  void describe(StateVisitor& visitor);

 private:
  void enable(unsigned vcpu);
  void disable(unsigned vcpu);
  /// The first INTID that the tables do not have.
  [[nodiscard]] std::uint32_t end_of_tables() const noexcept;

  Gic& gic_;
  DeviceHost& host_;
  std::uint64_t configuration_base_ = 0;                  ///< GICR_PROPBASER
  std::array<std::uint64_t, kMaxVcpus> pending_bases_{};  ///< GICR_PENDBASER of each vCPU
};

}  // namespace axvm::aarch64
