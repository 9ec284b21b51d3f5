#pragma once
// What an emulated device offers to the buses.

#include <axvm/address.hpp>
#include <axvm/backend.hpp>
#include <axvm/event.hpp>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace axvm {

/// Bytes moved by one access.
enum class AccessWidth : std::uint8_t { Byte = 1, Word = 2, Dword = 4, Qword = 8 };

[[nodiscard]] constexpr unsigned bytes(AccessWidth width) noexcept {
  return static_cast<unsigned>(width);
}
/// Nothing unless `n` is 1, 2, 4 or 8.
[[nodiscard]] constexpr std::optional<AccessWidth> access_width(std::uint64_t n) noexcept {
  if (n == 1 || n == 2 || n == 4 || n == 8) return static_cast<AccessWidth>(n);
  return std::nullopt;
}
/// The low `width` bytes of `value`.
[[nodiscard]] constexpr std::uint64_t truncate(std::uint64_t value, AccessWidth width) noexcept {
  return width == AccessWidth::Qword ? value : value & ((1ULL << (8 * bytes(width))) - 1);
}

/// How much of the `rest` > 0 bytes of an access that is carried out in pieces a device is given at
/// once: all of it where that is a whole access, otherwise what is aligned.
[[nodiscard]] constexpr AccessWidth piece_width(std::uint64_t address, std::size_t rest) noexcept {
  if (const auto whole = access_width(rest)) return *whole;
  unsigned size = 8;
  while (size > rest || (rest < 8 && address % size != 0)) size /= 2;
  return static_cast<AccessWidth>(size);
}

/// Addresses [base, base + size) of one bus. Mmio: guest-physical bytes; SysReg: register numbers.
struct BusRange {
  Bus bus = Bus::Mmio;
  std::uint64_t base = 0;
  std::uint64_t size = 0;

  friend constexpr bool operator==(const BusRange&, const BusRange&) = default;
};

/// A device model. Every access is total: a guest can present any offset, width and value, and
/// gets a value or an Error, which it sees as an external abort.
class Device {
 public:
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  virtual ~Device() = default;
  /// Devices live in memory of the HAL and are freed by their Box.
  static void operator delete(void*) noexcept {}

  /// `name` outlives the device.
  [[nodiscard]] std::string_view name() const noexcept { return name_; }
  [[nodiscard]] const BusRange& range() const noexcept { return range_; }
  /// Its registers show what CPUs have done about their interrupts.
  [[nodiscard]] bool is_interrupt_controller() const noexcept {
    return is_interrupt_controller_ == IsInterruptController::Yes;
  }

  /// Whose accesses come next, where each CPU has registers of its own at one address.
  void set_accessor(VcpuId vcpu) noexcept { accessor_ = vcpu; }
  /// Reads at `offset` from the range's base; the bus has checked that the access lies inside.
  /// The value is zero-extended from `width`. Errors: Unsupported (no access of this kind there).
  virtual Result<std::uint64_t> read(std::uint64_t offset, AccessWidth width) {
    static_cast<void>(offset), static_cast<void>(width);
    return fail(ErrorKind::Unsupported, "device read"sv, "the device cannot be read"sv);
  }
  /// Writes the low bytes of `value`. Errors: as read.
  virtual Result<> write(std::uint64_t offset, AccessWidth width, std::uint64_t value) {
    static_cast<void>(offset), static_cast<void>(width), static_cast<void>(value);
    return fail(ErrorKind::Unsupported, "device write"sv, "the device cannot be written"sv);
  }

  /// The host has something new for the device (input, a frame), or its deadline has come.
  virtual void poll() {}
  /// Guest time, in nanoseconds, at which it wants to be polled; nothing when it does not.
  [[nodiscard]] virtual std::optional<std::uint64_t> deadline() { return std::nullopt; }

  /// As when it was made.
  virtual void reset() {}

  /// Everything that decides what the device will do.
  virtual void describe(StateVisitor& visitor) { static_cast<void>(visitor); }

 protected:
  enum class IsInterruptController : bool { No, Yes };
  Device(std::string_view name, BusRange range,
         IsInterruptController is_interrupt_controller = IsInterruptController::No) noexcept
      : name_(name), range_(range), is_interrupt_controller_(is_interrupt_controller) {}

  [[nodiscard]] VcpuId accessor() const noexcept { return accessor_; }

 private:
  std::string_view name_;
  BusRange range_;
  IsInterruptController is_interrupt_controller_;
  VcpuId accessor_{};
};

}  // namespace axvm
