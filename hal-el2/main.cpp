// Runs the guest that was linked in, on the core, until it powers off.

#include <axvm/exit.hpp>
#include <core/arch/aarch64/arch.hpp>
#include <core/vm/axvm.hpp>
#include <cstring>
#include <hal-el2/board.hpp>
#include <hal-el2/guest.hpp>
#include <hal-el2/hal.hpp>
#include <hal-el2/json_line.hpp>
#include <hal-el2/power.hpp>
#include <optional>
#include <variant>

extern "C" {
// guest_image.S and image.ld.
extern const std::byte guest_image_start[];
extern const std::byte guest_image_end[];
extern const std::byte image_end[];

[[noreturn]] void hal_el2_main();
}

namespace axvm::hal_el2 {

std::span<const std::byte> guest_image() { return {guest_image_start, guest_image_end}; }

namespace {

using Vm = AxVM<Hal, Cpu>;

/// The last lines of the channel name a status: 0 the guest powered off, 1 it failed.
[[noreturn]] void end(Hal& hal, unsigned status) {
  hal.events().flush_console();
  JsonLine(kConsole, "end").number("status", status);
  power_off();
}

[[noreturn]] void end(Hal& hal, const Error& error) {
  JsonLine(kConsole, "error")
      .text("kind", to_string(error.kind))
      .text("operation", error.operation)
      .text("detail", error.detail);
  end(hal, 1);
}

Result<> load_image(Vm& vm) {
  auto rest = guest_image();
  const auto copy = [&](std::span<std::byte> to) {
    std::memcpy(to.data(), rest.data(), to.size());
    rest = rest.subspan(to.size());
  };
  return vm.get_image_load_region(kGuestLoadAddress, rest.size(), copy);
}

/// What an exit means for the machine: a status to end with, or nothing when the guest goes on.
struct Outcome {
  Hal& hal;

  std::optional<unsigned> operator()(const exit_reason::SystemDown& exit) const {
    return exit.reset ? 1 : 0;
  }
  std::optional<unsigned> operator()(const exit_reason::ExternalInterrupt& exit) const {
    constexpr std::uint32_t kFirstSpecial = 1020;  // IHI 0069, 2.2.1: none of these is to be ended
    if (exit.id < kFirstSpecial) hal.end_irq(exit.id);
    return std::nullopt;
  }
  std::optional<unsigned> operator()(const exit_reason::Yield&) const { return std::nullopt; }
  std::optional<unsigned> operator()(const exit_reason::GuestFault& exit) const {
    JsonLine(kConsole, "error")
        .text("operation", "run_vcpu")
        .text("detail", exit.what)
        .hex("address", exit.address.value)
        .hex("syndrome", exit.syndrome);
    return 1;
  }
  /// One CPU, no interrupt that could come: whatever else stops the vCPU stops it for ever.
  std::optional<unsigned> operator()(const auto&) const {
    hal.log(LogLevel::Error, "the only vCPU stopped");
    return 1;
  }
};

[[noreturn]] void run(Hal& hal) {
  if (auto done = hal.this_cpu().hardware_enable(); !done) end(hal, done.error());
  auto vm = Vm::create(hal, kGuestConfig);
  if (!vm) end(hal, vm.error());
  if (auto done = load_image(**vm); !done) end(hal, done.error());
  if (auto done = (*vm)->boot(); !done) end(hal, done.error());
  for (;;) {
    const auto exit = (*vm)->run_vcpu(VcpuId(0));
    if (!exit) end(hal, exit.error());
    if (const auto status = std::visit(Outcome{hal}, *exit)) end(hal, *status);
  }
}

}  // namespace
}  // namespace axvm::hal_el2

void hal_el2_main() {
  using namespace axvm;
  hal_el2::Hal hal(hal_el2::kConsole, HostPhysAddr(reinterpret_cast<std::uint64_t>(image_end)));
  hal_el2::run(hal);
}
