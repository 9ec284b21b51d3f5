// A 16550A: see serial_port.hpp.

#include <core/devices/ns16550.hpp>
#include <fuzz/serial_port.hpp>

namespace {

using namespace axvm;

struct Rules {
  /// Mostly registers.
  static std::uint64_t offset(fuzz::Input& input) {
    const auto byte = input.take<std::uint8_t>();
    return byte < 0xf0 ? byte & 7U : input.take<std::uint64_t>();
  }
  /// FCR bit 0
  static bool has_fifo(const fuzz::State& state) {
    return (fuzz::number(state, "fifo_control") & 1) != 0;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  fuzz::SerialPorts<Ns16550, Rules>::run(input);
  return 0;
}
