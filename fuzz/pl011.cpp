// A PL011: see serial_port.hpp.

#include <core/devices/pl011.hpp>
#include <fuzz/serial_port.hpp>

namespace {

using namespace axvm;

struct Rules {
  /// Mostly registers.
  static std::uint64_t offset(fuzz::Input& input) {
    const auto byte = input.take<std::uint8_t>();
    if (byte < 0x50) return byte;
    if (byte < 0xc0) return (byte & 0x1fU) * 4;
    if (byte < 0xf0) return 0xfd0 + (byte & 0x3fU);
    return input.take<std::uint64_t>();
  }
  /// UARTLCR_H.FEN
  static bool has_fifo(const fuzz::State& state) {
    return (fuzz::number(state, "line_control") & 0x10) != 0;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  fuzz::SerialPorts<Pl011, Rules>::run(input);
  return 0;
}
