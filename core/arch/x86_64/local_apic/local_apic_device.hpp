#pragma once
// The local APICs' registers as memory: each vCPU finds its own at one address (APM Vol. 2 16.3.2).

#include <axvm/address.hpp>
#include <core/arch/x86_64/local_apic/local_apics.hpp>
#include <core/devices/device.hpp>
#include <core/devices/device_host.hpp>
#include <cstdint>
#include <optional>
#include <string_view>

namespace axvm::x86_64 {

class LocalApicDevice final : public Device {
 public:
  static constexpr std::uint64_t kSize = kPageSize;

  /// `apics` and `host` outlive the device. Every vCPU that accesses it has an APIC.
  LocalApicDevice(std::string_view name, LocalApics& apics, DeviceHost& host) noexcept
      : Device(name, {Bus::Mmio, kApicBase, kSize}, IsInterruptController::Yes),
        apics_(apics),
        host_(host) {}

  /// Registers have 32 bits and lie 16 bytes apart; what is between them reads 0. Errors:
  /// Unsupported (an access that is not of one whole word, or the APIC is no xAPIC).
  Result<std::uint64_t> read(std::uint64_t offset, AccessWidth width) override {
    if (!is_word(offset, width)) return not_a_word();
    if (offset % kStride != 0) return 0;
    const auto number = static_cast<unsigned>(offset / kStride);
    const auto value = apics_.read(accessor().value, number, host_.nanoseconds());
    if (!value) return std::unexpected(value.error());
    return *value;
  }
  Result<> write(std::uint64_t offset, AccessWidth width, std::uint64_t value) override {
    if (!is_word(offset, width)) return not_a_word();
    if (offset % kStride != 0) return {};
    return apics_.write(accessor().value, static_cast<unsigned>(offset / kStride),
                        static_cast<std::uint32_t>(value), host_.nanoseconds());
  }

  void poll() override { apics_.poll(host_.nanoseconds()); }
  [[nodiscard]] std::optional<std::uint64_t> deadline() override { return apics_.deadline(); }

 private:
  static constexpr std::uint64_t kStride = 16;

  [[nodiscard]] static bool is_word(std::uint64_t offset, AccessWidth width) noexcept {
    return width == AccessWidth::Dword && offset % 4 == 0;
  }
  [[nodiscard]] static std::unexpected<Error> not_a_word() noexcept {
    return fail(ErrorKind::Unsupported, "local APIC access"sv,
                "it has registers of 32 bits only"sv);
  }

  LocalApics& apics_;
  DeviceHost& host_;
};

}  // namespace axvm::x86_64
