#include "machine.hpp"

#include <fmt/format.h>

#include <cstring>
#include <hal-sim/host/host.hpp>
#include <hal-sim/trace/hash_sink.hpp>
#include <hal-sim/trace/json_sink.hpp>
#include <stdexcept>

#include "program.hpp"

namespace axvm::test::hostile {
namespace {

using namespace axvm::hal_sim;

std::string config_text(Random& random) {
  constexpr std::uint32_t kTlbEntries[] = {64, 128, 4096, 1U << 20};
  constexpr std::uint32_t kTurns[] = {100, 1'000, 1'000, 100'000};
  const unsigned vcpus = random.once_in(4) ? 2 : 1;
  // The image that the file names is there only because a VM has one: the program replaces it.
  return fmt::format(R"([base]
id = 1
name = "hostile"
vm_type = 1
cpu_num = {}
[kernel]
entry_point = {:#x}
image_location = "fs"
kernel_path = "{}"
kernel_load_addr = {:#x}
memory_regions = [[{:#x}, {:#x}, 7, 0], [{:#x}, {:#x}, 1, 0], [{:#x}, {:#x}, 3, 0]]
[devices]
emu_devices = [["pl011", {:#x}, 0x1000, 33, 0x2, []]]
passthrough_devices = []
interrupt_mode = "emulated"
[sim]
pcpus = {}
turn_instructions = {}
tlb_entries = {}
max_resets = 1
)",
                     vcpus, kRam, AXVM_ANY_IMAGE, kRam, kRam, kRamSize, kReadOnly, kWindowSize,
                     kNoExecute, kWindowSize, kUart, vcpus == 2 && random.once_in(2) ? 1 : vcpus,
                     random.one_of(kTurns), random.one_of(kTlbEntries));
}

/// Each field on a line of its own, memory in words.
class TextVisitor final : public sim::StateVisitor {
 public:
  explicit TextVisitor(std::string& text) : text_(text) {}

  void enter(std::string_view name, std::uint64_t index) override {
    path_.push_back(fmt::format("{}[{}].", name, index));
  }
  void leave() override { path_.pop_back(); }
  void field(std::string_view name, std::uint64_t& value) override { line(name, value); }
  void bytes(std::string_view name, std::span<std::byte> value) override {
    for (std::size_t at = 0; at + 8 <= value.size(); at += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, value.data() + at, sizeof word);
      if (word != 0) line(fmt::format("{}+{:#x}", name, at), word);
    }
  }

 private:
  void line(std::string_view name, std::uint64_t value) {
    for (const std::string& part : path_) text_ += part;
    text_ += fmt::format("{} {:#x}\n", name, value);
  }

  std::string& text_;
  std::vector<std::string> path_;
};

}  // namespace

bool Report::is_guests_doing() const {
  switch (reason.kind) {
    case StopKind::PoweredOff:
    case StopKind::ResetRequested:
    case StopKind::GuestFault:
    case StopKind::WaitsForever:
    case StopKind::InstructionLimit: return true;
    default: return false;
  }
}

Report run(std::uint64_t seed, std::span<const std::uint8_t> image, const Options& options) {
  Random random(seed ^ 0x5a5a);
  const auto config = parse_config({{"hostile.toml", config_text(random)}});
  if (!config) throw std::runtime_error(to_string(config.error().front()));
  Report report;
  HostOptions host_options;
  host_options.chaos = options.chaos;
  if (options.traced) {
    host_options.prepare = [&report, &options](Host& host) {
      host.trace().add(std::make_unique<HashSink>(
          [&report](std::string_view text) { report.trace_hash += text; }));
      if (!options.described) return;
      host.trace().add(
          std::make_unique<JsonSink>([&report](std::string_view text) { report.state += text; }));
    };
  }
  const auto made = Host::create(*config, std::move(host_options));
  if (!made) throw std::runtime_error(to_string(made.error().front()));
  Host& host = **made;
  std::size_t done = 0;
  const auto loaded = host.vm(0).get_image_load_region(
      GuestPhysAddr(kRam), image.size(), [&](std::span<std::byte> to) {
        std::memcpy(to.data(), image.data() + done, to.size());
        done += to.size();
      });
  if (!loaded) throw std::runtime_error("the program cannot be loaded");

  report.reason = host.run({.instructions = options.instructions});
  host.trace().finish();
  if (options.described) {
    TextVisitor visitor(report.state);
    host.machine().describe(visitor);
  }
  report.hash = host.state_hash();
  report.instructions = host.statistics().instructions;
  report.console = host.console(host.vm(0).id()).output();
  return report;
}

Report run(std::uint64_t seed, const Options& options) {
  return run(seed, make_program(seed), options);
}

}  // namespace axvm::test::hostile
