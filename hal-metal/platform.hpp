#pragma once
// What an image needs of its board and of the mode it runs in. Each architecture's folder defines
// these for its own: hal-el2/ and hal-hs/.

#include <axvm/address.hpp>
#include <axvm/event.hpp>
#include <cstddef>
#include <cstdint>
#include <hal-metal/uart.hpp>

namespace axvm::hal_metal {

/// CPUs that an image can use: 0 to kMaxCpus - 1, of which 0 has booted it.
inline constexpr unsigned kMaxCpus = 8;
inline constexpr unsigned kBootCpu = 0;

/// Frames of RAM that an image counts on (-m 1024).
inline constexpr std::size_t kRamFrames = 262144;
/// Where they begin: at a multiple of a GiB.
extern const HostPhysAddr kRamBase;

/// The only way out of the image.
extern const Uart kConsole;

// --- CPUs
// -----------------------------------------------------------------------------------------

/// The CPU that runs this code.
[[nodiscard]] unsigned current_cpu() noexcept;
/// Makes a CPU enter secondary_main() of image.hpp. False when there is none of this number.
[[nodiscard]] bool start_cpu(unsigned index);
/// The end of the board.
[[noreturn]] void power_off();

// --- physical interrupts, which are masked while this code runs
// -----------------------------------

/// The part that all CPUs share: once, before enable_interrupts().
void enable_interrupt_controller();
/// Lets the interrupts that are wanted through to this CPU.
void enable_interrupts();
/// Makes a CPU leave its guest, or its sleep.
void interrupt_cpu(unsigned cpu);
/// The one that is pending is taken; kFirstNoInterrupt or above when there is none.
[[nodiscard]] std::uint32_t acknowledge_interrupt();
/// It may come again.
void end_interrupt(std::uint32_t number);
inline constexpr std::uint32_t kFirstNoInterrupt = 1020;
/// Forgets that other CPUs have asked for this one.
void end_cpu_interrupts();
/// Whether the trap is by the timer below or by another CPU, and thus no doing of the guest's.
[[nodiscard]] bool is_own_interrupt(const TrapTaken& trap);

// --- time
// -----------------------------------------------------------------------------------------

/// Since the board began.
[[nodiscard]] std::uint64_t now_ns();
/// The hypervisor's timer: one shot. Its interrupt is pending from `ns` on (as now_ns() counts),
/// until stop_timer().
void start_timer(std::uint64_t ns);
void stop_timer();
/// start_timer(), unless it is pending sooner anyway.
void start_timer_no_later(std::uint64_t ns);
/// Sleeps until an interrupt is pending, which is not taken.
void wait_for_interrupt();

}  // namespace axvm::hal_metal
