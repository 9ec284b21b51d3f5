#include <fmt/format.h>

#include <cstdio>
#include <hal-sim/config/config_check.hpp>
#include <tools/axvm/configuration.hpp>

namespace axvm::tool {

using hal_sim::Diagnostic;
using hal_sim::MachineConfig;

namespace {

bool is_valid(const MachineConfig& config, std::string_view prefix) {
  const auto findings = hal_sim::check_config(config);
  for (const Diagnostic& finding : findings)
    complain(fmt::format("{}{}", prefix, to_string(finding)));
  return findings.empty();
}

}  // namespace

void say(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

void complain(std::string_view text) { say(fmt::format("axvm: {}\n", text)); }

std::optional<MachineConfig> read_configuration(const ConfigurationOptions& options, bool quiet) {
  auto config = hal_sim::load_config({options.files.begin(), options.files.end()});
  if (!config) {
    for (const Diagnostic& error : config.error()) complain(to_string(error));
    return std::nullopt;
  }
  for (const Diagnostic& warning : config->warnings) {
    if (!quiet) complain("warning: " + to_string(warning));
  }
  if (!is_valid(*config, "")) return std::nullopt;
  for (hal_sim::VmFile& vm : config->vms) {
    if (options.vcpus) vm.cpu_num = *options.vcpus;
    if (options.memory) {
      if (vm.memory_regions.empty()) {
        complain(vm.file + ": kernel.memory_regions: is empty, expected a region to resize");
        return std::nullopt;
      }
      vm.memory_regions.front().size = *options.memory;
    }
  }
  // The files alone are right: what is wrong now is the command line's.
  const char* const changed = options.memory ? "--memory: " : "--vcpus: ";
  if (!is_valid(*config, changed)) return std::nullopt;
  return std::move(*config);
}

hal_sim::ImageSearch image_search(const ConfigurationOptions& options) {
  hal_sim::ImageSearch search;
  search.directories.assign(options.image_directories.begin(), options.image_directories.end());
  search.directories.emplace_back(AXVM_BUILD_DIR);
  return search;
}

std::unique_ptr<hal_sim::Host> make_host(const MachineConfig& config,
                                         const ConfigurationOptions& options,
                                         hal_sim::HostOptions host_options) {
  host_options.images = image_search(options);
  host_options.chaos = options.chaos;
  auto host = hal_sim::Host::create(config, std::move(host_options));
  if (host) return std::move(*host);
  for (const Diagnostic& error : host.error()) complain(to_string(error));
  return nullptr;
}

}  // namespace axvm::tool
