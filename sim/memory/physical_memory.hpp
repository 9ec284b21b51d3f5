#pragma once
// Host-physical RAM of a machine: banks at real addresses, backed lazily by the host.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <sim/state.hpp>
#include <span>
#include <string>
#include <vector>

namespace axvm::sim {

class PhysicalMemory {
 public:
  static constexpr std::uint64_t kFrameSize = 4096;
  /// Addresses are at most 52 bits wide (DDI 0487 D8.1.6).
  static constexpr std::uint64_t kAddressLimit = std::uint64_t{1} << 52;

  /// What is asked for: `base` and `size` in bytes, both multiples of 4 KiB, `size` not 0.
  struct Bank {
    std::uint64_t base;
    std::uint64_t size;
  };
  /// What there is: `host` points at the byte whose host-physical address is `base`.
  struct BankMapping {
    std::uint64_t base;
    std::uint64_t size;
    std::uint8_t* host;
  };

  /// Zeroed memory at the given banks. Fails with one line of text when a bank is misaligned,
  /// empty, beyond the address limit or overlaps another, and when the host has no room.
  static std::expected<PhysicalMemory, std::string> create(std::span<const Bank> banks);

  PhysicalMemory(PhysicalMemory&& other) noexcept;
  PhysicalMemory& operator=(PhysicalMemory&& other) noexcept;
  PhysicalMemory(const PhysicalMemory&) = delete;
  PhysicalMemory& operator=(const PhysicalMemory&) = delete;
  ~PhysicalMemory();

  /// The byte at host-physical address `pa`, null when no RAM is there. Everything up to the end of
  /// its 4 KiB frame is contiguous.
  [[nodiscard]] std::uint8_t* at(std::uint64_t pa) const noexcept {
    if (pa - first_.base < first_.size) [[likely]] {
      std::uint8_t* p = first_.host + (pa - first_.base);
      if (p == nullptr) __builtin_unreachable();  // callers' checks vanish
      return p;
    }
    return at_later_bank(pa);
  }
  /// Makes [pa, pa + size), frames of one bank, zero. Large ranges take no room on the host
  /// afterwards. Engines are not told.
  void zero(std::uint64_t pa, std::uint64_t size) noexcept;
  /// True when all of [pa, pa + size) is RAM of one bank.
  [[nodiscard]] bool contains(std::uint64_t pa, std::uint64_t size) const noexcept;

  /// The banks in ascending order of address.
  [[nodiscard]] std::span<const BankMapping> banks() const noexcept { return banks_; }
  /// The bank with the lowest address.
  [[nodiscard]] const BankMapping& first_bank() const noexcept { return first_; }
  /// Number of 4 KiB frames in all banks.
  [[nodiscard]] std::uint64_t frame_count() const noexcept { return frame_count_; }
  /// Number of the frame that holds `pa`, dense over all banks in ascending order: an index for
  /// side tables. Nothing when no RAM is there.
  [[nodiscard]] std::optional<std::uint64_t> frame_index(std::uint64_t pa) const noexcept;
  /// The host-physical address of a host byte inside a bank.
  [[nodiscard]] std::optional<std::uint64_t> pa_of(const void* host) const noexcept;

  /// Visits the frames that hold anything but zeros, each by address. A restoring visitor changes
  /// the set of frames; those it does not name become zero.
  void describe(StateVisitor& visitor);

 private:
  PhysicalMemory() = default;
  [[nodiscard]] std::uint8_t* at_later_bank(std::uint64_t pa) const noexcept;
  void release() noexcept;

  BankMapping first_{};  // a copy of banks_[0], in reach without a second load
  std::vector<BankMapping> banks_;
  std::uint64_t frame_count_ = 0;
};

}  // namespace axvm::sim
