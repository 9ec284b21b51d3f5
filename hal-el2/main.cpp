// Runs the guest that was linked in, on the core, until it powers off.

#include <cstring>
#include <hal-el2/board.hpp>
#include <hal-el2/guest.hpp>
#include <hal-el2/hal.hpp>
#include <hal-el2/interrupt_controller.hpp>
#include <hal-el2/json_line.hpp>
#include <hal-el2/power.hpp>
#include <hal-el2/run_loop.hpp>
#include <new>
#include <optional>

extern "C" {
extern const std::byte image_end[];  // image.ld

/// start.S: the boot CPU, and each of the others. TPIDR_EL2 has its number.
[[noreturn]] void hal_el2_main();
[[noreturn]] void hal_el2_secondary();
}

namespace axvm::hal_el2 {
namespace {

/// The last line of the channel names a status: 0 the guest powered off, 1 it failed; and how often
/// the VMM asked for memory of its own while the guest ran.
[[noreturn]] void end(Hal& hal, unsigned status, std::uint64_t allocations_before) {
  const std::uint64_t allocations = hal.allocations() - allocations_before;
  hal.events().close();
  JsonLine(kConsole, "end").number("status", status).number("allocations", allocations);
  power_off();
}

[[noreturn]] void end(Hal& hal, const Error& error) {
  hal.events().close();
  JsonLine(kConsole, "error")
      .text("kind", to_string(error.kind))
      .text("operation", error.operation)
      .text("detail", error.detail);
  JsonLine(kConsole, "end").number("status", 1);
  power_off();
}

Result<> load(Vm& vm, const GuestPiece& piece) {
  auto rest = piece.bytes;
  const auto copy = [&](std::span<std::byte> to) {
    const std::size_t n = rest.size() < to.size() ? rest.size() : to.size();
    if (n != 0) std::memcpy(to.data(), rest.data(), n);
    if (n != to.size()) std::memset(to.data() + n, 0, to.size() - n);
    rest = rest.subspan(n);
  };
  return vm.get_image_load_region(piece.gpa, piece.size, copy);
}

/// What all CPUs share. Made by the boot CPU before it starts others, and never unmade.
struct Shared {
  explicit Shared(HostPhysAddr first_free) : hal(kConsole, first_free) {}

  Hal hal;
  std::optional<RunLoop> loop;
  std::uint64_t allocations = 0;  ///< before the loop
};

/// No constructor runs before the entry.
alignas(Shared) std::byte storage[sizeof(Shared)];

Shared& shared() { return *std::launder(reinterpret_cast<Shared*>(storage)); }

[[noreturn]] void run_vcpus() {
  Hal& hal = shared().hal;
  const auto status = shared().loop->run();
  if (!status) end(hal, status.error());
  end(hal, *status, shared().allocations);
}

void enable_cpu() {
  Hal& hal = shared().hal;
  enable_interrupts(Cpus::current());
  if (auto done = hal.this_cpu().hardware_enable(); !done) end(hal, done.error());
}

[[noreturn]] void run(Hal& hal) {
  enable_distributor();
  enable_cpu();
  auto vm = Vm::create(hal, kGuestConfig);
  if (!vm) end(hal, vm.error());
  for (const GuestPiece& piece : kGuestPieces) {
    if (auto done = load(**vm, piece); !done) end(hal, done.error());
  }
  if (auto done = (*vm)->boot(); !done) end(hal, done.error());
  shared().loop.emplace(hal, **vm);
  shared().allocations = hal.allocations();
  hal.cpus().start(static_cast<unsigned>((*vm)->vcpu_num()));
  run_vcpus();
}

}  // namespace
}  // namespace axvm::hal_el2

void hal_el2_main() {
  using namespace axvm;
  using namespace axvm::hal_el2;
  auto* made = ::new (storage) Shared(HostPhysAddr(reinterpret_cast<std::uint64_t>(image_end)));
  run(made->hal);
}

void hal_el2_secondary() {
  using namespace axvm::hal_el2;
  shared().hal.cpus().wait_for_start();
  enable_cpu();
  run_vcpus();
}
