// Any use of the real-time clock, while time goes on: every access has an answer, the interrupt
// comes when the deadline says, and a restored clock goes on as the original does.

#include <axvm/state.hpp>
#include <core/devices/pl031.hpp>
#include <fuzz/input.hpp>
#include <fuzz/state.hpp>

namespace {

using namespace axvm;
using fuzz::Input;
using fuzz::require;

struct Guest final : DeviceHost {
  void set_line(std::uint32_t, bool level) override { line = level; }
  std::uint64_t nanoseconds() override { return now; }
  bool line = false;
  std::uint64_t now = 0;
};

struct Clock {
  Clock() = default;
  explicit Clock(const Guest& like) : guest(like) {}
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;

  Guest guest;
  Pl031 rtc{"rtc", {Bus::Mmio, 0x901'0000, 0x1000}, guest, InterruptLine(guest, 34), 1000};
};

constexpr AccessWidth kWidths[] = {AccessWidth::Byte, AccessWidth::Word, AccessWidth::Dword,
                                   AccessWidth::Qword};

void step(Clock& clock, Input& input) {
  const std::uint64_t offset =
      input.once_in(8) ? input.take<std::uint16_t>() % 0xff9U : input.below(9) * 4U;
  const AccessWidth width = input.once_in(4) ? input.one_of(kWidths) : AccessWidth::Dword;
  switch (input.below(4)) {
    case 0: {
      const auto value = clock.rtc.read(offset, width);
      require(value.has_value(), "reads have answers");
      require(*value == truncate(*value, width), "a value is no wider than the access");
      return;
    }
    case 1:
    case 2: {
      const std::uint64_t value =
          input.once_in(4) ? input.take<std::uint32_t>() : 1000U + input.below(16);
      require(clock.rtc.write(offset, width, value).has_value(), "writes have answers");
      return;
    }
    default: {
      const auto deadline = clock.rtc.deadline();
      const std::uint64_t then = clock.guest.now + input.take<std::uint16_t>() * 10'000'000ULL;
      // A wire that is low stays so until the deadline, and not beyond it.
      const bool was_low = !clock.guest.line;
      clock.guest.now = then;
      clock.rtc.poll();
      if (was_low) {
        require(clock.guest.line == (deadline && *deadline <= then), "deadlines are kept");
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  Clock clock;
  while (!input.empty()) {
    if (input.once_in(32)) {
      fuzz::RestoreAnything<StateVisitor> anything(input);
      clock.rtc.describe(anything);
      clock.rtc.poll();
    }
    Clock other(clock.guest);
    const fuzz::State saved = fuzz::state_of<StateVisitor>(clock.rtc);
    fuzz::Restore<StateVisitor> restore(saved);
    other.rtc.describe(restore);
    Input same = input;
    step(other, same);
    step(clock, input);
    require(fuzz::state_of<StateVisitor>(clock.rtc) == fuzz::state_of<StateVisitor>(other.rtc),
            "a restored clock goes on as the original");
    require(clock.guest.line == other.guest.line, "both interrupt together");
  }
  return 0;
}
