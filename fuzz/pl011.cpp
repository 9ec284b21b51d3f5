// Any sequence of accesses to a PL011, with a console that sends anything: every access has an
// answer, and a port restored from a description goes on as the original does.

#include <axvm/state.hpp>
#include <core/devices/pl011.hpp>
#include <deque>
#include <fuzz/input.hpp>
#include <fuzz/state.hpp>
#include <optional>

namespace {

using namespace axvm;
using fuzz::Input;
using fuzz::require;

struct Line final : Console {
  void write(std::uint8_t byte) override { out.push_back(byte); }
  std::optional<std::uint8_t> read() override {
    if (in.empty()) return std::nullopt;
    const std::uint8_t byte = in.front();
    in.pop_front();
    return byte;
  }
  std::deque<std::uint8_t> in;
  std::vector<std::uint8_t> out;
};

struct NoHost final : DeviceHost {};

struct Port {
  Port() = default;
  explicit Port(const Line& like) : line(like) {}
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  Line line;
  NoHost host;
  Pl011 uart{"uart", {Bus::Mmio, 0x900'0000, 0x1000}, line, InterruptLine(host, 33)};
};

fuzz::State state_of(Port& port) { return fuzz::state_of<StateVisitor>(port.uart); }

constexpr AccessWidth kWidths[] = {AccessWidth::Byte, AccessWidth::Word, AccessWidth::Dword,
                                   AccessWidth::Qword};

/// Mostly registers.
std::uint64_t offset_from(Input& input) {
  const auto byte = input.take<std::uint8_t>();
  if (byte < 0x50) return byte;
  if (byte < 0xc0) return (byte & 0x1fU) * 4;
  if (byte < 0xf0) return 0xfd0 + (byte & 0x3fU);
  return input.take<std::uint64_t>();
}

std::uint64_t read(Port& port, std::uint64_t offset, AccessWidth width) {
  const auto value = port.uart.read(offset, width);
  require(value.has_value(), "every read has an answer");
  require(*value == truncate(*value, width), "a value is no wider than the access");
  return *value;
}

std::uint64_t number(const fuzz::State& state, std::string_view name) {
  const auto found = std::ranges::find(state, name, &fuzz::StateValue::name);
  require(found != state.end(), "the description names the field");
  return found->number;
}

void check_fifo(const fuzz::State& state) {
  const std::uint64_t depth = (number(state, "line_control") & 0x10) != 0 ? 16 : 1;
  require(number(state, "fifo_size") <= depth, "the FIFO is as deep as LCR_H.FEN says");
}

void restore(Port& port, const fuzz::State& state) {
  fuzz::Restore<StateVisitor> visitor(state);
  port.uart.describe(visitor);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  std::optional<Port> original(std::in_place);
  std::optional<Port> restored(std::in_place);
  while (!input.empty()) {
    switch (input.below(8)) {
      default: {
        const std::uint64_t offset = offset_from(input);
        const AccessWidth width = input.one_of(kWidths);
        require(read(*original, offset, width) == read(*restored, offset, width),
                "original and restored port read the same");
        break;
      }
      case 0:
      case 1:
      case 2: {
        const std::uint64_t offset = offset_from(input);
        const AccessWidth width = input.one_of(kWidths);
        const auto value = input.take<std::uint32_t>();
        for (Port* port : {&*original, &*restored}) {
          require(port->uart.write(offset, width, value).has_value(), "every write has an answer");
        }
        break;
      }
      case 3: {
        const std::string text = input.text(input.below(24));
        for (Port* port : {&*original, &*restored}) {
          port->line.in.insert(port->line.in.end(), text.begin(), text.end());
        }
        break;
      }
      case 4:
        restored.emplace(original->line);
        restore(*restored, state_of(*original));
        break;
      case 5: {
        fuzz::RestoreAnything<StateVisitor> anything(input);
        original->uart.describe(anything);
        restore(*restored, state_of(*original));
        restore(*original, state_of(*restored));
        break;
      }
    }
    require(state_of(*original) == state_of(*restored), "the description says all of the state");
    require(original->line.out == restored->line.out, "both ports send the same");
    require(original->uart.interrupt_asserted() == restored->uart.interrupt_asserted(),
            "both ports interrupt together");
    check_fifo(state_of(*original));
  }
  return 0;
}
