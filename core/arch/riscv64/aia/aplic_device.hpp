#pragma once
// The APLIC's registers as guests see them.

#include <core/arch/riscv64/aia/aia.hpp>
#include <core/arch/riscv64/word_access.hpp>
#include <core/devices/device.hpp>
#include <cstdint>
#include <string_view>

namespace axvm::riscv64 {

class AplicDevice final : public Device {
 public:
  /// `aia` outlives the device.
  AplicDevice(std::string_view name, BusRange range, Aia& aia) noexcept
      : Device(name, range, IsInterruptController::Yes), aia_(aia) {}

  /// Errors: Unsupported (an access that is not of one whole register of 32 bits).
  Result<std::uint64_t> read(std::uint64_t offset, AccessWidth width) override {
    if (const auto checked = check_word_access(offset, width); !checked) {
      return std::unexpected(checked.error());
    }
    return aia_.read_aplic(offset);
  }
  Result<> write(std::uint64_t offset, AccessWidth width, std::uint64_t value) override {
    if (const auto checked = check_word_access(offset, width); !checked) return checked;
    aia_.write_aplic(offset, static_cast<std::uint32_t>(value));
    return {};
  }

 private:
  Aia& aia_;
};

}  // namespace axvm::riscv64
