#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <hal-sim/load/load_plan.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <system_error>
#include <tools/axvm/commands.hpp>
#include <tools/axvm/el2_sources.hpp>
#include <tools/axvm/exit_status.hpp>
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

// As hal-el2/CMakeLists.txt and the cross compiler's toolchain file have them.
constexpr std::string_view kCompilerOptions =
    "-std=c++23 -Os -ffreestanding -mgeneral-regs-only -mstrict-align -fno-exceptions -fno-rtti "
    "-fno-pic -fno-asynchronous-unwind-tables";
constexpr std::string_view kLinkerOptions =
    "-nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,max-page-size=4096 "
    "-Wl,--no-warn-rwx-segments";
constexpr std::string_view kQemuOptions =
    "-machine virt,virtualization=on,gic-version=3 -cpu cortex-a72 -m 1024 -nic none "
    "-display none -monitor none -serial stdio -no-reboot";

constexpr unsigned kMostCpus = 8;  // kMaxCpus of hal-el2/board.hpp; what the board's GICv3 has

// The words of `text`, behind those of `command`.
void append(std::vector<std::string>& command, std::string_view text) {
  for (const auto word : std::views::split(text, ' '))
    command.emplace_back(word.begin(), word.end());
}

// Compiles the sources in `folder` and links them with the rest of the image; nothing, and the
// compiler or one line said why, when that fails.
std::optional<fs::path> build_image(const fs::path& folder) {
  const fs::path built = AXVM_EL2_DIR;
  const fs::path sources = AXVM_SOURCE_DIR;
  const fs::path library = built / "hal-el2" / "libaxvm_el2.a";
  if (!fs::exists(library)) {
    complain(
        fmt::format("bare-metal: {} is not there, expected a build with the cross compiler "
                    "(Debian: g++-aarch64-linux-gnu)",
                    library.string()));
    return std::nullopt;
  }
  fs::path image = folder / "image.elf";
  std::vector<std::string> command = {AXVM_EL2_CXX};
  append(command, kCompilerOptions);
  append(command, kLinkerOptions);
  for (const std::string& word :
       {"-I" + sources.string(), "-I" + (sources / "core" / "include").string(),
        (folder / "config.cpp").string(), (folder / "pieces.S").string(),
        "-T" + (sources / "hal-el2" / "image.ld").string(), std::string("-Wl,--start-group"),
        library.string(), (built / "core" / "libaxvm_core.a").string(),
        std::string("-Wl,--end-group"), std::string("-o"), image.string()}) {
    command.push_back(word);
  }
  const auto status = run_program(command, [](std::string_view line) { say(line); });
  if (!status) complain("bare-metal: " + status.error());
  if (!status || *status != 0) return std::nullopt;
  return image;
}

// What the image says: the guest's console goes on, the rest into the trace.
class Log {
 public:
  Log(Output& console, Output* trace) : console_(console), trace_(trace) {}

  void line(std::string_view text) {
    if (text.ends_with('\r')) text.remove_suffix(1);
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object()) {
      complain(fmt::format("bare-metal: {}", text));
      return;
    }
    if (trace_ != nullptr) trace_->print("{}\n", text);
    const std::string event = json.value("event", "");
    if (event == "console") {
      console_.write(json.value("text", ""));
      console_.flush();
    } else if (event == "end") {
      status_ = json.value("status", kGuestFailed);
    } else if (event == "panic" || event == "error" || event == "log") {
      complain(fmt::format("bare-metal: {}", text));
    }
  }

  /// The guest's, once it has ended.
  [[nodiscard]] std::optional<int> status() const noexcept { return status_; }

 private:
  Output& console_;
  Output* trace_;
  std::optional<int> status_;
};

int run_image(const fs::path& image, unsigned cpus, const BareMetalOptions& options,
              Output& output) {
  std::unique_ptr<Output> trace;
  if (options.trace_file) {
    auto created = Output::create(*options.trace_file);
    if (!created) {
      complain(created.error());
      return kBadUsage;
    }
    trace = std::move(*created);
  }
  Log log(output, trace.get());
  std::vector<std::string> command = {options.qemu, "-kernel", image.string(), "-smp",
                                      std::to_string(std::min(cpus, kMostCpus))};
  append(command, kQemuOptions);
  const auto ended = run_program(command, [&log](std::string_view line) { log.line(line); });
  if (!ended) {
    complain("bare-metal: " + ended.error() + " (Debian: qemu-system-arm)");
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
  const hal_sim::VmFile& vm = config->vms.front();
  auto plan = hal_sim::plan_load(vm, image_search(options.configuration));
  if (!plan) {
    complain(to_string(plan.error()));
    return kBadUsage;
  }
  El2Trace trace = options.sources || options.trace_file ? El2Trace::Traps : El2Trace::None;
  if (options.trace_tables) trace = El2Trace::Tables;
  const Workplace workplace;
  const fs::path folder = options.sources ? fs::path(*options.sources) : workplace.folder();
  if (auto done = write_el2_sources(vm, *plan, trace, folder); !done) {
    complain("bare-metal: " + done.error());
    return kBadUsage;
  }
  if (options.sources) return 0;
  const auto image = build_image(folder);
  return image ? run_image(*image, vm.cpu_num, options, output) : kBadUsage;
}

}  // namespace axvm::tool
