#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <hal-common/placement.hpp>
#include <hal-sim/load/load_plan.hpp>
#include <hal-sim/trace/json_sink.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <system_error>
#include <tools/axvm/commands.hpp>
#include <tools/axvm/console_lines.hpp>
#include <tools/axvm/exit_status.hpp>
#include <tools/axvm/metal_board.hpp>
#include <tools/axvm/metal_sources.hpp>
#include <tools/axvm/process.hpp>
#include <vector>

namespace axvm::tool {
namespace {

namespace fs = std::filesystem;

// A folder of its own, gone at the end.
class Workplace {
 public:
  Workplace() {
    std::error_code error;
    std::string name = (fs::temp_directory_path(error) / "axvm-XXXXXX").string();
    if (mkdtemp(name.data()) != nullptr) folder_ = name;
  }
  ~Workplace() {
    std::error_code error;
    if (!folder_.empty()) fs::remove_all(folder_, error);
  }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  /// Empty when it could not be made.
  [[nodiscard]] const fs::path& folder() const noexcept { return folder_; }

 private:
  fs::path folder_;
};

// Of every board; as cmake/AxvmBareMetal.cmake and the cross compilers' toolchain files have them.
constexpr std::string_view kCompilerOptions =
    "-std=c++23 -Os -ffreestanding -fno-exceptions -fno-rtti -fno-pic "
    "-fno-asynchronous-unwind-tables";
constexpr std::string_view kLinkerOptions =
    "-nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,max-page-size=4096 "
    "-Wl,--no-warn-rwx-segments";
constexpr std::string_view kQemuOptions =
    "-m 1024 -nic none -display none -monitor none -serial stdio -no-reboot";

// Bounds of hal-metal: kMaxCpus of platform.hpp, the others of guest.hpp and network.hpp.
constexpr unsigned kMostCpus = 8;
constexpr std::size_t kMostVms = 16;
constexpr std::size_t kMostVcpus = 64;
constexpr std::size_t kMostDisks = 16;
constexpr std::size_t kMostCards = 16;

// The words of `text`, behind those of `command`.
void append(std::vector<std::string>& command, std::string_view text) {
  for (const auto word : std::views::split(text, ' '))
    command.emplace_back(word.begin(), word.end());
}

// Compiles the sources in `folder` and links them with the rest of the image; nothing, and the
// compiler or one line said why, when that fails.
std::optional<fs::path> build_image(const MetalBoard& board, const fs::path& folder) {
  const fs::path built = board.built;
  const fs::path sources = AXVM_SOURCE_DIR;
  const fs::path library = built / board.folder / board.library;
  if (!fs::exists(library)) {
    complain(
        fmt::format("bare-metal: {} is not there, expected a build with the cross compiler "
                    "(Debian: {})",
                    library.string(), board.compiler_package));
    return std::nullopt;
  }
  fs::path image = folder / "image.elf";
  std::vector<std::string> command = {std::string(board.compiler)};
  append(command, board.compiler_options);
  append(command, kCompilerOptions);
  append(command, kLinkerOptions);
  for (const std::string& word :
       {"-I" + sources.string(), "-I" + (sources / "core" / "include").string(),
        (folder / "config.cpp").string(), (folder / "pieces.S").string(),
        "-T" + (sources / board.folder / "image.ld").string(), std::string("-Wl,--start-group"),
        library.string(), (built / "core" / "libaxvm_core.a").string(),
        std::string("-Wl,--end-group"), std::string("-o"), image.string()}) {
    command.push_back(word);
  }
  const auto status = run_program(command, [](std::string_view line) { say(line); });
  if (!status) complain("bare-metal: " + status.error());
  if (!status || *status != 0) return std::nullopt;
  return image;
}

// What the image says: consoles go on, the rest into the trace.
class Log {
 public:
  /// Lines before the first of the image's are nothing of ours when `has_preamble`.
  Log(const std::vector<MetalVm>& vms, bool has_preamble, Output& console, Output* trace)
      : output_(console), consoles_(console), trace_(trace), in_preamble_(has_preamble) {
    if (vms.size() == 1) return;
    for (const MetalVm& vm : vms) consoles_.set_name(vm.file.id, vm.file.name);
  }
  ~Log() { consoles_.finish(); }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void line(std::string_view text) {
    if (text.ends_with('\r')) text.remove_suffix(1);
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object()) {
      if (in_preamble_) return;
      complain(fmt::format("bare-metal: {}", text));
      return;
    }
    in_preamble_ = false;
    if (trace_ != nullptr) trace_->print("{}\n", text);
    const std::string event = json.value("event", "");
    if (event == "console") {
      for (const char c : json.value("text", "")) consoles_.write(json.value("vm", 0U), c);
      output_.flush();
    } else if (event == "end") {
      status_ = json.value("status", kGuestFailed);
    } else if (event == "panic" || event == "error" || event == "log") {
      complain(fmt::format("bare-metal: {}", text));
    }
  }

  /// The guests', once they have ended.
  [[nodiscard]] std::optional<int> status() const noexcept { return status_; }

 private:
  Output& output_;
  ConsoleLines consoles_;
  Output* trace_;
  bool in_preamble_;
  std::optional<int> status_;
};

// A guest with a GICv2 has part of the board's, which is AArch64's.
bool has_gic_v2(const MetalVm& vm) {
  return std::ranges::any_of(vm.file.emu_devices, [](const hal_sim::EmulatedDeviceRow& device) {
    return device.emu_type == static_cast<std::uint64_t>(EmulatedDeviceType::InterruptController) &&
           !device.cfg_list.empty() && device.cfg_list.front() == 2;
  });
}

// Those without interrupts are content with any board.
bool needs_gic_v3(const MetalVm& vm) {
  return vm.file.interrupt_mode == InterruptMode::Emulated && !has_gic_v2(vm);
}

hal_common::CpuDemand demand_of(const std::vector<MetalVm>& vms) {
  hal_common::CpuDemand demand;
  for (const MetalVm& vm : vms) {
    for (std::size_t i = 0; i < vm.file.cpu_num; ++i) {
      const auto& masks = vm.file.phys_cpu_sets;
      demand.add(i < masks.size() ? masks[i] : ~std::uint64_t{0});
    }
  }
  return demand;
}

// What the VMs boot with, and what is behind their devices; nothing, and said why, when it is wrong
// or too much for an image.
std::optional<std::vector<MetalVm>> plan_vms(const hal_sim::MachineConfig& config,
                                             const ConfigurationOptions& options) {
  auto devices = plan_metal_devices(config, image_search(options));
  if (!devices) {
    complain(devices.error());
    return std::nullopt;
  }
  std::vector<MetalVm> vms;
  std::size_t vcpus = 0;
  std::size_t disks = 0;
  std::size_t cards = 0;
  for (const hal_sim::VmFile& vm : config.vms) {
    auto plan = hal_sim::plan_load(vm, image_search(options), config.sim.isa);
    if (!plan) {
      complain(to_string(plan.error()));
      return std::nullopt;
    }
    vms.push_back({vm, std::move(*plan), std::move((*devices)[vms.size()])});
    vcpus += vm.cpu_num;
    disks += vms.back().devices.disks.size();
    cards += vms.back().devices.cards.size();
  }
  if (config.sim.isa == hal_sim::Isa::Aarch64 && std::ranges::any_of(vms, has_gic_v2) &&
      std::ranges::any_of(vms, needs_gic_v3)) {
    complain("bare-metal: some VMs have a GICv2 and some have not, expected VMs for one board");
    return std::nullopt;
  }
  if (vms.size() > kMostVms || vcpus > kMostVcpus) {
    complain(fmt::format("bare-metal: {} VMs with {} vCPUs, expected at most {} with {}",
                         vms.size(), vcpus, kMostVms, kMostVcpus));
    return std::nullopt;
  }
  if (disks > kMostDisks || cards > kMostCards) {
    complain(fmt::format("bare-metal: {} disks and {} cards, expected at most {} and {}", disks,
                         cards, kMostDisks, kMostCards));
    return std::nullopt;
  }
  if (demand_of(vms).least() > kMostCpus) {
    complain(
        fmt::format("bare-metal: a vCPU may run on none of the board's CPUs, expected one of "
                    "the lowest {} bits in each of phys_cpu_sets",
                    kMostCpus));
    return std::nullopt;
  }
  return vms;
}

std::string_view machine_options(const std::vector<MetalVm>& vms, hal_sim::Isa isa) {
  if (isa != hal_sim::Isa::Aarch64) return "-machine virt";
  return std::ranges::any_of(vms, has_gic_v2) ? "-machine virt,virtualization=on,gic-version=2"
                                              : "-machine virt,virtualization=on,gic-version=3";
}

int run_image(const fs::path& image, const std::vector<MetalVm>& vms, hal_sim::Isa isa,
              const BareMetalOptions& options, Output& output) {
  const MetalBoard& board = metal_board(isa);
  std::unique_ptr<Output> trace;
  if (options.trace_file) {
    auto created = Output::create(*options.trace_file);
    if (!created) {
      complain(created.error());
      return kBadUsage;
    }
    trace = std::move(*created);
    trace->print("{}", hal_sim::trace_heading(isa));
  }
  Log log(vms, board.has_firmware, output, trace.get());
  const unsigned cpus = demand_of(vms).best(kMostCpus);
  std::vector<std::string> command = {
      options.qemu.value_or(std::string(board.qemu)), "-kernel", image.string(), "-smp",
      fmt::format("{},maxcpus={}", cpus, std::max(cpus, board.least_max_cpus))};
  append(command, kQemuOptions);
  append(command, board.qemu_options);
  append(command, machine_options(vms, isa));
  const auto ended = run_program(command, [&log](std::string_view line) { log.line(line); });
  if (!ended) {
    complain(fmt::format("bare-metal: {} (Debian: {})", ended.error(), board.qemu_package));
    return kBadUsage;
  }
  if (!log.status()) {
    complain(fmt::format("bare-metal: QEMU ended with status {} before the guest", *ended));
  }
  const int status = log.status().value_or(kGuestFailed);
  return trace ? settle(*trace, status) : status;
}

}  // namespace

int bare_metal_command(const BareMetalOptions& options, Output& output) {
  const auto config = read_configuration(options.configuration, false);
  if (!config) return kBadUsage;
  const auto vms = plan_vms(*config, options.configuration);
  if (!vms) return kBadUsage;
  MetalOptions image_options{.max_resets = config->sim.max_resets};
  if (options.sources || options.trace_file) image_options.trace = MetalTrace::Traps;
  if (options.trace_tables) image_options.trace = MetalTrace::Tables;
  const Workplace workplace;
  const fs::path folder = options.sources ? fs::path(*options.sources) : workplace.folder();
  if (auto done = write_metal_sources(*vms, image_options, folder); !done) {
    complain("bare-metal: " + done.error());
    return kBadUsage;
  }
  if (options.sources) return 0;
  const auto image = build_image(metal_board(config->sim.isa), folder);
  return image ? run_image(*image, *vms, config->sim.isa, options, output) : kBadUsage;
}

}  // namespace axvm::tool
