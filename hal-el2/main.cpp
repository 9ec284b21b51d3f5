// Runs the guest that was linked in, on the core, until it powers off.

#include <cstring>
#include <hal-el2/board.hpp>
#include <hal-el2/guest.hpp>
#include <hal-el2/hal.hpp>
#include <hal-el2/json_line.hpp>
#include <hal-el2/power.hpp>
#include <hal-el2/run_loop.hpp>

extern "C" {
extern const std::byte image_end[];  // image.ld

[[noreturn]] void hal_el2_main();
}

namespace axvm::hal_el2 {
namespace {

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

[[noreturn]] void run(Hal& hal) {
  if (auto done = hal.this_cpu().hardware_enable(); !done) end(hal, done.error());
  auto vm = Vm::create(hal, kGuestConfig);
  if (!vm) end(hal, vm.error());
  for (const GuestPiece& piece : kGuestPieces) {
    if (auto done = load(**vm, piece); !done) end(hal, done.error());
  }
  if (auto done = (*vm)->boot(); !done) end(hal, done.error());
  RunLoop loop(hal, **vm);
  const auto status = loop.run();
  if (!status) end(hal, status.error());
  end(hal, *status);
}

}  // namespace
}  // namespace axvm::hal_el2

void hal_el2_main() {
  using namespace axvm;
  hal_el2::Hal hal(hal_el2::kConsole, HostPhysAddr(reinterpret_cast<std::uint64_t>(image_end)));
  hal_el2::run(hal);
}
