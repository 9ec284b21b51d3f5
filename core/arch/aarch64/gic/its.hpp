#pragma once
// An interrupt translation service (IHI 0069, chapter 5): devices' messages become LPIs. Its
// registers, GITS_* (12.18 to 12.20), its queue and what it does.

#include <core/arch/aarch64/gic/gic.hpp>
#include <core/arch/aarch64/gic/its_command.hpp>
#include <core/arch/aarch64/gic/its_map.hpp>
#include <core/arch/aarch64/gic/its_queue.hpp>
#include <core/arch/aarch64/gic/lpi_registers.hpp>
#include <core/devices/device.hpp>
#include <core/devices/device_host.hpp>
#include <cstdint>
#include <optional>
#include <string_view>

namespace axvm::aarch64 {

/// Commands that are wrong (nothing of that name, out of range, not mapped) are ignored, one of the
/// things that the manual lets an ITS do (5.3). The queue stalls when it or a table cannot be
/// accessed where the guest has put it: CREADR.Stalled, until CWRITER.Retry.
///
/// An access carries out commands up to kWorkPerAccess; the rest is for polls, for which the device
/// sets a deadline.
///
/// A write of GITS_TRANSLATER by a CPU is ignored: only the bus can tell a DeviceID, and CPUs have
/// none. Messages of devices come by translate().
class Its final : public Device {
 public:
  /// The frames of control registers and of GITS_TRANSLATER.
  static constexpr std::uint64_t kSize = 0x2'0000;
  /// So many commands, or fewer of those that are about all LPIs.
  static constexpr unsigned kWorkPerAccess = 256;

  /// What is referred to outlives the device; `gic` has LPIs, `lpis` are their registers.
  Its(std::string_view name, BusRange range, Gic& gic, LpiRegisters& lpis,
      DeviceHost& host) noexcept;

  /// Event `event` of the device that the bus knows as `device` happens: its LPI becomes pending.
  /// Errors: BadState (the ITS is off), and those of ItsMap.
  Result<> translate(std::uint32_t device, std::uint32_t event);

  Result<std::uint64_t> read(std::uint64_t offset, AccessWidth width) override;
  Result<> write(std::uint64_t offset, AccessWidth width, std::uint64_t value) override;
  void poll() override { work(); }
  [[nodiscard]] std::optional<std::uint64_t> deadline() override;
  void reset() override;
  void describe(StateVisitor& visitor) override;

 private:
  [[nodiscard]] std::uint32_t read_register(std::uint64_t offset) noexcept;
  void write_register(std::uint64_t offset, std::uint32_t value, std::uint32_t mask);
  /// GITS_BASER<n>; null when there is none at `offset`.
  [[nodiscard]] ItsTable* table_at(std::uint64_t offset) noexcept;

  /// Carries out commands, as many as one access may.
  void work();
  Result<> carry_out(const ItsCommand& command);
  Result<> map_device(const ItsCommand& command);
  Result<> map_collection(const ItsCommand& command);
  Result<> map_event(const ItsCommand& command, std::uint32_t intid);
  Result<> move_event(const ItsCommand& command);
  Result<> move_all(const ItsCommand& command);
  /// CLEAR and DISCARD.
  Result<> clear_event(const ItsCommand& command, bool discard);
  Result<> reload_event(const ItsCommand& command);
  Result<> reload_collection(const ItsCommand& command);

  Gic& gic_;
  LpiRegisters& lpis_;
  DeviceHost& host_;
  bool enabled_ = false;  ///< GITS_CTLR.Enabled
  ItsQueue queue_;
  ItsMap map_;
  std::uint64_t left_over_since_ = 0;  ///< guest time
};

}  // namespace axvm::aarch64
