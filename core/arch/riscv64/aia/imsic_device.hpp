#pragma once
// Where messages are written to: a page per vCPU's interrupt file (AIA, 3.5).

#include <axvm/address.hpp>
#include <core/arch/riscv64/aia/aia.hpp>
#include <core/arch/riscv64/word_access.hpp>
#include <core/devices/device.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace axvm::riscv64 {

class ImsicDevice final : public Device {
 public:
  /// Bytes of the files of so many vCPUs.
  [[nodiscard]] static constexpr std::uint64_t size(std::size_t vcpus) noexcept {
    return kPageSize * vcpus;
  }

  /// `aia` has interrupt files and outlives the device.
  ImsicDevice(std::string_view name, BusRange range, Aia& aia) noexcept
      : Device(name, range, IsInterruptController::Yes), aia_(aia) {}

  /// Registers read 0. Errors: Unsupported (an access that is not of one whole register of 32
  /// bits).
  Result<std::uint64_t> read(std::uint64_t offset, AccessWidth width) override {
    if (const auto checked = check_word_access(offset, width); !checked) {
      return std::unexpected(checked.error());
    }
    return 0;
  }
  Result<> write(std::uint64_t offset, AccessWidth width, std::uint64_t value) override {
    if (const auto checked = check_word_access(offset, width); !checked) return checked;
    const auto vcpu = static_cast<std::uint32_t>(offset / kPageSize);
    auto identity = static_cast<std::uint32_t>(value);
    switch (offset % kPageSize) {
      case kSeteipnumLe: break;
      case kSeteipnumBe: identity = reverse_bytes(identity); break;
      default: return {};
    }
    [[maybe_unused]] const auto ignored_if_no_identity = aia_.send_message(vcpu, identity);
    return {};
  }

 private:
  static constexpr std::uint64_t kSeteipnumLe = 0;
  static constexpr std::uint64_t kSeteipnumBe = 4;

  Aia& aia_;
};

}  // namespace axvm::riscv64
