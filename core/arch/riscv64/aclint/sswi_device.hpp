#pragma once
// Supervisor software interrupts by stores: SSWI of a RISC-V Advanced Core Local Interruptor
// (ACLINT Specification 1.0, chapter 4).

#include <core/arch/riscv64/interrupt_controller.hpp>
#include <core/arch/riscv64/word_access.hpp>
#include <core/devices/device.hpp>
#include <cstdint>
#include <string_view>

namespace axvm::riscv64 {

/// SETSSIP of vCPU n is at 4n. What is written there goes into sip.SSIP, which the guest clears.
class SswiDevice final : public Device {
 public:
  static constexpr std::uint64_t kSize = 0x4000;

  /// `controller` outlives the device.
  SswiDevice(std::string_view name, BusRange range, InterruptController& controller) noexcept
      : Device(name, range, IsInterruptController::Yes), controller_(controller) {}

  /// Registers read 0. Errors: Unsupported (an access that is not of one whole register of 32
  /// bits).
  Result<std::uint64_t> read(std::uint64_t offset, AccessWidth width) override {
    if (const auto checked = check_word_access(offset, width); !checked) {
      return std::unexpected(checked.error());
    }
    return 0;
  }
  /// Bit 0 of `value` sends an interrupt; those of vCPUs that do not exist go nowhere.
  Result<> write(std::uint64_t offset, AccessWidth width, std::uint64_t value) override {
    if (const auto checked = check_word_access(offset, width); !checked) return checked;
    if ((value & 1) != 0) controller_.send_software(static_cast<std::uint32_t>(offset / 4));
    return {};
  }

 private:
  InterruptController& controller_;
};

}  // namespace axvm::riscv64
