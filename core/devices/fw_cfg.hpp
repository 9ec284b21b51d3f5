#pragma once
// QEMU's firmware configuration device, as on its Arm boards. QEMU: docs/specs/fw_cfg.

#include <array>
#include <axvm/backend.hpp>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <core/devices/device.hpp>
#include <core/devices/device_host.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace axvm {

/// What the items say about the VM.
struct FwCfgFacts {
  std::uint16_t cpus = 1;
  std::uint64_t ram_bytes = 0;
};

/// Items are read-only: the numbers that QEMU offers, and files. Data is read byte by byte or by
/// DMA; what lies behind an item's end reads 0, by DMA no more than kMostPadding of it.
class FwCfg final : public Device {
 public:
  static constexpr std::uint64_t kSmallestLength = 0x18;
  static constexpr std::size_t kMostNameBytes = 55;  ///< of a file
  static constexpr std::size_t kMostFiles = 1024;
  static constexpr std::uint32_t kMostPadding = 1 << 20;

  /// `files` and what they refer to outlive the device. Errors: NoMemory, InvalidInput (too many
  /// files, a name that is empty or too long, a file of 4 GiB).
  [[nodiscard]] static Result<Box<FwCfg>> try_make(Allocator allocator, std::string_view name,
                                                   BusRange range, DeviceHost& host,
                                                   FwCfgFacts facts,
                                                   std::span<const FirmwareFile> files);
  FwCfg(std::string_view name, BusRange range, DeviceHost& host, FwCfgFacts facts,
        std::span<const FirmwareFile> files, Array<std::byte> directory) noexcept;

  /// The data register gives the item's next bytes, the lowest address first. The selector and the
  /// DMA register are big-endian; a DMA address may be written in two halves, the low one last.
  /// Accesses of other widths read 0 and change nothing.
  Result<std::uint64_t> read(std::uint64_t offset, AccessWidth width) override;
  Result<> write(std::uint64_t offset, AccessWidth width, std::uint64_t value) override;

  void reset() override;
  void describe(StateVisitor& visitor) override;

 private:
  void select(std::uint16_t key) noexcept;
  /// Bytes of the selected item; nothing when there is none of this key.
  [[nodiscard]] std::optional<std::span<const std::byte>> item() const noexcept;
  [[nodiscard]] std::uint8_t next_byte() noexcept;
  void start_dma();
  [[nodiscard]] bool carry_out_dma(std::uint32_t control, std::uint32_t length, GuestPhysAddr to);
  [[nodiscard]] bool copy_to_guest(std::uint32_t length, GuestPhysAddr to);

  DeviceHost& host_;
  std::span<const FirmwareFile> files_;
  Array<std::byte> directory_;
  std::array<std::byte, 8> ram_bytes_{};
  std::array<std::byte, 2> cpus_{};
  std::uint16_t key_ = 0;
  std::uint32_t offset_ = 0;       ///< of the next byte in the item
  std::uint64_t dma_address_ = 0;  ///< halves written so far
};

}  // namespace axvm
