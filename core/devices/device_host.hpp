#pragma once
// The VM as its devices see it: interrupt lines, messages, memory, time.

#include <axvm/address.hpp>
#include <axvm/result.hpp>
#include <cstddef>
#include <cstdint>
#include <span>

namespace axvm {

/// Called by devices while they handle an access or are polled, on the CPU that does so.
class DeviceHost {
 public:
  /// Level of the wire to the interrupt controller's input `intid`; devices may repeat themselves.
  virtual void set_line(std::uint32_t intid, bool level) {
    static_cast<void>(intid), static_cast<void>(level);
  }
  /// A message-signalled interrupt: `event` (the data written) of the device that the bus knows as
  /// `device` (AArch64: EventID and DeviceID of an ITS, IHI 0069, 5.1; RISC-V: an interrupt
  /// identity, and the vCPU whose interrupt file it is written to). Nothing comes of one that the
  /// guest has not mapped to an interrupt.
  virtual void send_message(std::uint32_t device, std::uint32_t event) {
    static_cast<void>(device), static_cast<void>(event);
  }
  /// Copies guest memory, as a bus master does. All or nothing. Errors: BadAddress (part of it is
  /// not memory), NoMemory (write only).
  virtual Result<> read_memory(GuestPhysAddr from, std::span<std::byte> to) {
    static_cast<void>(from), static_cast<void>(to);
    return no_memory();
  }
  virtual Result<> write_memory(GuestPhysAddr to, std::span<const std::byte> from) {
    static_cast<void>(to), static_cast<void>(from);
    return no_memory();
  }
  /// Nanoseconds of guest time.
  [[nodiscard]] virtual std::uint64_t nanoseconds() { return 0; }

 protected:
  ~DeviceHost() = default;

 private:
  static std::unexpected<Error> no_memory() noexcept {
    return fail(ErrorKind::BadAddress, "device memory access"sv, "the device has no memory"sv);
  }
};

/// A device's wire to the interrupt controller. A number of 0: the wire ends nowhere.
class InterruptLine {
 public:
  /// `host` outlives the line.
  InterruptLine(DeviceHost& host, std::uint32_t intid) noexcept : host_(&host), intid_(intid) {}

  void set(bool level) {
    if (intid_ != 0) host_->set_line(intid_, level);
  }

 private:
  DeviceHost* host_;
  std::uint32_t intid_;
};

}  // namespace axvm
