#pragma once
// The PLIC's registers as guests see them ("Memory Map").

#include <axvm/config.hpp>
#include <axvm/result.hpp>
#include <core/arch/riscv64/plic/plic.hpp>
#include <core/devices/device.hpp>
#include <cstdint>
#include <string_view>

namespace axvm::riscv64 {

/// Contexts as on QEMU's virt board: 2n is M-mode of hart n, which guests do not have (its
/// registers read 0 and ignore writes), 2n + 1 is S-mode.
class PlicDevice final : public Device {
 public:
  /// Bytes of the registers for so many vCPUs.
  [[nodiscard]] static constexpr std::uint64_t size(std::size_t vcpus) noexcept {
    return kContexts + 2 * kContextStride * vcpus;
  }

  /// `plic` outlives the device.
  PlicDevice(std::string_view name, BusRange range, Plic& plic) noexcept
      : Device(name, range, IsInterruptController::Yes), plic_(plic) {}

  /// Registers are 32 bits wide, one per word; reserved ones read 0. Errors: Unsupported (an access
  /// that is not of one whole register).
  Result<std::uint64_t> read(std::uint64_t offset, AccessWidth width) override;
  Result<> write(std::uint64_t offset, AccessWidth width, std::uint64_t value) override;

 private:
  static constexpr std::uint64_t kPending = 0x1000;
  static constexpr std::uint64_t kEnables = 0x2000;
  static constexpr std::uint64_t kEnableStride = 0x80;
  static constexpr std::uint64_t kContexts = 0x20'0000;
  static constexpr std::uint64_t kContextStride = 0x1000;

  [[nodiscard]] std::uint32_t read_register(std::uint64_t offset);
  void write_register(std::uint64_t offset, std::uint32_t value);
  /// `f(vcpu)` if a context with this number is some vCPU's S-mode.
  template <class F>
  void with_vcpu(std::uint64_t context, const F& f);

  Plic& plic_;
};

}  // namespace axvm::riscv64
