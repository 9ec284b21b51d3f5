#pragma once
// Any sequence of accesses to a serial port, with a console that sends anything: every access has
// an answer, and a port restored from a description goes on as the original does.

#include <algorithm>
#include <axvm/state.hpp>
#include <core/devices/device.hpp>
#include <core/devices/device_host.hpp>
#include <deque>
#include <fuzz/input.hpp>
#include <fuzz/state.hpp>
#include <optional>
#include <string_view>
#include <vector>

namespace axvm::fuzz {

[[nodiscard]] inline std::uint64_t number(const State& state, std::string_view name) {
  const auto found = std::ranges::find(state, name, &StateValue::name);
  require(found != state.end(), "the description names the field");
  return found->number;
}

/// `Uart` is the device; `Rules::offset(input)` chooses a register, `Rules::has_fifo(state)` says
/// from a description whether it has FIFOs of 16 bytes.
template <class Uart, class Rules>
class SerialPorts {
 public:
  static void run(Input& input) {
    SerialPorts ports;
    while (!input.empty()) ports.step(input);
  }

 private:
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

    [[nodiscard]] State state() { return state_of<StateVisitor>(uart); }
    void restore(const State& saved) {
      Restore<StateVisitor> visitor(saved);
      uart.describe(visitor);
    }
    std::uint64_t read(std::uint64_t offset, AccessWidth width) {
      const auto value = uart.read(offset, width);
      require(value.has_value(), "every read has an answer");
      require(*value == truncate(*value, width), "a value is no wider than the access");
      return *value;
    }

    Line line;
    NoHost host;
    Uart uart{"uart", {Bus::Mmio, 0x900'0000, 0x1000}, line, InterruptLine(host, 33)};
  };

  static constexpr AccessWidth kWidths[] = {AccessWidth::Byte, AccessWidth::Word,
                                            AccessWidth::Dword, AccessWidth::Qword};

  void step(Input& input) {
    switch (input.below(8)) {
      default: {
        const std::uint64_t offset = Rules::offset(input);
        const AccessWidth width = input.one_of(kWidths);
        require(original_->read(offset, width) == restored_->read(offset, width),
                "original and restored port read the same");
        break;
      }
      case 0:
      case 1:
      case 2: {
        const std::uint64_t offset = Rules::offset(input);
        const AccessWidth width = input.one_of(kWidths);
        const auto value = input.take<std::uint32_t>();
        for (Port* port : {&*original_, &*restored_}) {
          require(port->uart.write(offset, width, value).has_value(), "every write has an answer");
        }
        break;
      }
      case 3: {
        const std::string text = input.text(input.below(24));
        for (Port* port : {&*original_, &*restored_}) {
          port->line.in.insert(port->line.in.end(), text.begin(), text.end());
        }
        break;
      }
      case 4:
        restored_.emplace(original_->line);
        restored_->restore(original_->state());
        break;
      case 5: {
        RestoreAnything<StateVisitor> anything(input);
        original_->uart.describe(anything);
        restored_->restore(original_->state());
        original_->restore(restored_->state());
        break;
      }
    }
    check();
  }

  void check() {
    const State state = original_->state();
    require(state == restored_->state(), "the description says all of the state");
    require(original_->line.out == restored_->line.out, "both ports send the same");
    require(original_->uart.interrupt_asserted() == restored_->uart.interrupt_asserted(),
            "both ports interrupt together");
    const std::uint64_t depth = Rules::has_fifo(state) ? 16 : 1;
    require(number(state, "fifo_size") <= depth, "the FIFO is as deep as its control says");
  }

  std::optional<Port> original_{std::in_place};
  std::optional<Port> restored_{std::in_place};
};

}  // namespace axvm::fuzz
