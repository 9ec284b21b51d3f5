#pragma once
// The board: which device answers at which host-physical address.

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace axvm::sim {

/// A device of the board. Every access is total: registers that do not exist read as zero and
/// ignore writes.
struct BoardDevice {
  virtual ~BoardDevice() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// `offset` from the start of the device's window; `width` is 1, 2, 4 or 8 bytes; the value is
  /// zero-extended.
  virtual std::uint64_t read(std::uint64_t offset, unsigned width) = 0;
  virtual void write(std::uint64_t offset, unsigned width, std::uint64_t value) = 0;
  /// What CPU `cpu` finds at the device's addresses, where each CPU has its own (private
  /// peripherals); it lives as long as the device.
  [[nodiscard]] virtual BoardDevice& of_cpu(unsigned cpu) {
    static_cast<void>(cpu);
    return *this;
  }
  /// Level of the device's interrupt line.
  [[nodiscard]] virtual bool irq() const = 0;
};

class Board {
 public:
  struct Window {
    std::uint64_t base;
    std::uint64_t size;
    BoardDevice* device;
  };
  /// A device and the offset of the address asked for in its window.
  struct Hit {
    BoardDevice* device;
    std::uint64_t offset;
  };

  /// Mounts `device` (not owned; must outlive the board) at [base, base + size). Refuses a null
  /// device, an empty window, one that wraps around, and one that overlaps another.
  std::expected<void, std::string> add(std::uint64_t base, std::uint64_t size, BoardDevice* device);

  /// The device at host-physical address `pa`; `device` is null when there is none.
  [[nodiscard]] Hit find(std::uint64_t pa) const noexcept;

  /// All windows in ascending order of address.
  [[nodiscard]] std::span<const Window> windows() const noexcept { return windows_; }

 private:
  std::vector<Window> windows_;
};

}  // namespace axvm::sim
