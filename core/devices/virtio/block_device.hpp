#pragma once
// virtio disk with one queue. VIRTIO 1.2, 5.2.

#include <array>
#include <axvm/backend.hpp>
#include <core/devices/virtio/virtio_device.hpp>
#include <string_view>

namespace axvm::virtio {

/// Sectors of 512 bytes. A request's parts may be cut into buffers in any way (2.6.4); it may have
/// as many bytes of data as kMostSegments buffers of kMostSegment. What it asks for is done when
/// its status is written; a driver that does not know FLUSH finds all its writes on the medium.
class BlockDevice final : public VirtioDevice {
 public:
  static constexpr std::uint32_t kSectorSize = 512;
  static constexpr std::uint32_t kMostSegment = 128 << 10;                ///< size_max
  static constexpr std::uint32_t kMostSegments = 126;                     ///< seg_max
  static constexpr std::uint32_t kMostZeroes = (16 << 20) / kSectorSize;  ///< sectors at once
  static constexpr std::size_t kIdSize = 20;

  /// `store` outlives the device, whose serial number is its name.
  BlockDevice(std::string_view name, BusRange range, DeviceHost& host, InterruptLine line,
              BlockStore& store) noexcept;

 private:
  /// The request's fixed parts (5.2.6).
  struct Request {
    std::uint32_t type;
    std::uint64_t sector;
    std::uint64_t data_bytes;  ///< in the direction that the type says
  };
  enum class Status : std::uint8_t { Ok = 0, IoError = 1, Unsupported = 2 };
  /// The answer, and how many bytes of data were written to the driver.
  struct Outcome {
    Status status = Status::Ok;
    std::uint32_t written = 0;
  };

  Result<std::uint32_t> handle(unsigned queue, DescriptorChain& chain) override;
  [[nodiscard]] std::uint8_t config_byte(std::uint64_t offset) const override;

  Result<Outcome> carry_out(const Request& request, DescriptorChain& chain);
  Result<Outcome> read_sectors(const Request& request, DescriptorChain& chain);
  Result<Outcome> write_sectors(const Request& request, DescriptorChain& chain);
  Result<Outcome> discard_or_zero(const Request& request, DescriptorChain& chain);
  Result<Outcome> get_id(const Request& request, DescriptorChain& chain);
  [[nodiscard]] Status flush();
  [[nodiscard]] Status finish_write();
  [[nodiscard]] Status write_zeroes(std::uint64_t sector, std::uint64_t sectors);
  /// Whether [sector, sector + sectors) lies on the disk.
  [[nodiscard]] bool is_inside(std::uint64_t sector, std::uint64_t sectors) const noexcept {
    return sector <= capacity_ && sectors <= capacity_ - sector;
  }

  BlockStore& store_;
  std::uint64_t capacity_;  ///< sectors
  bool is_read_only_;
  std::array<std::byte, 16 << 10> buffer_{};  ///< between store and guest; no state
};

}  // namespace axvm::virtio
