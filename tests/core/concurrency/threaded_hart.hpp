#pragma once
// A RISC-V hart of a thread, whose guest is a function.

#include <array>
#include <cstdint>
#include <functional>
#include <tests/core/arch/riscv64/fake_hart.hpp>
#include <tests/core/concurrency/threaded_host.hpp>

namespace axvm::test {

/// A guest is a function that runs until it traps.
class ThreadedHart : public FakeHart, public KickableCpu {
 public:
  using Guest = std::function<std::uint64_t(ThreadedHart&)>;
  static constexpr std::uint32_t kKick = 1;

  std::uint64_t enter_guest() {
    if (take_kick()) return interrupt();
    return while_inside([&] { return guest ? guest(*this) : interrupt(); });
  }
  /// The interrupt by which harts kick each other.
  std::uint64_t interrupt() {
    set_pending(kKick);
    return riscv64::kInterruptBit | 1;
  }
  std::uint64_t trap(riscv64::ExceptionCause cause, std::uint64_t stval = 0,
                     std::uint64_t htinst = 0) {
    set(Csr::stval, stval);
    set(Csr::htval, stval >> 2);
    set(Csr::htinst, htinst);
    return static_cast<std::uint64_t>(cause);
  }
  std::uint64_t store_word(std::uint64_t gpa, std::uint64_t value) {
    set_gpr(5, value);
    return trap(riscv64::ExceptionCause::StoreGuestPage, gpa, 0x0050'2023);  // SW x5
  }
  std::uint64_t load_word(std::uint64_t gpa) {
    return trap(riscv64::ExceptionCause::LoadGuestPage, gpa, 0x0000'2283);  // LW x5
  }
  std::uint64_t call(std::uint64_t extension, std::uint64_t function,
                     std::array<std::uint64_t, 3> arguments) {
    set_gpr(17, extension);
    set_gpr(16, function);
    for (unsigned n = 0; n < 3; ++n) set_gpr(10 + n, arguments[n]);
    return trap(riscv64::ExceptionCause::VirtualSupervisorCall);
  }

  Guest guest;
};

}  // namespace axvm::test
