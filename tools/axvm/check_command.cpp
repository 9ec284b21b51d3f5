#include <fmt/format.h>

#include <hal-sim/config/size_text.hpp>
#include <hal-sim/load/load_plan.hpp>
#include <optional>
#include <tools/axvm/commands.hpp>
#include <tools/axvm/exit_status.hpp>
#include <tools/axvm/memory_map.hpp>

namespace axvm::tool {
namespace {

using hal_sim::LoadPlan;
using hal_sim::VmFile;

std::string entry_text(const VmFile& vm, const std::optional<LoadPlan>& plan) {
  if (plan) return fmt::format("{:#x}", plan->entry);
  return vm.entry_point ? fmt::format("{:#x}", *vm.entry_point) : "the image's own";
}

void print_map(const VmFile& vm, hal_sim::Isa isa, const std::vector<hal_sim::MemoryBank>& ram,
               const std::optional<LoadPlan>& plan, Output& output) {
  output.print("{}: VM {} \"{}\", {}, {} vCPU{}, entry at {}\n", vm.file, vm.id, vm.name,
               hal_sim::to_string(vm.vm_type), vm.cpu_num, vm.cpu_num == 1 ? "" : "s",
               entry_text(vm, plan));
  output.write(memory_map_text(vm, isa, ram));
}

void print_images(const LoadPlan& plan, Output& output) {
  for (const hal_sim::LoadPiece& piece : plan.pieces) {
    output.print("  image at {:#x}: {} ({})\n", piece.gpa, piece.origin,
                 hal_sim::format_size(piece.size));
  }
}

// Warns about images that are not there; true when all are.
bool has_images(const VmFile& vm, const hal_sim::ImageSearch& search) {
  bool all = true;
  for (const hal_sim::ImageUse& image : hal_sim::images_of(vm)) {
    const auto path = hal_sim::find_image(image.path, vm.file, search);
    if (path) continue;
    const hal_sim::Location at = vm.locate(image.key);
    complain("warning: " +
             to_string(hal_sim::Diagnostic{vm.file, at, image.key, path.error(), {}}));
    all = false;
  }
  return all;
}

// What the VM would boot with: nothing when an image is missing or, which is worse, wrong.
std::optional<LoadPlan> plan_of(const VmFile& vm, hal_sim::Isa isa,
                                const hal_sim::ImageSearch& search, bool& is_wrong) {
  if (!has_images(vm, search)) return std::nullopt;
  auto plan = hal_sim::plan_load(vm, search, isa);
  if (plan) return std::move(*plan);
  complain(to_string(plan.error()));
  is_wrong = true;
  return std::nullopt;
}

void warn_about_paths(const VmFile& vm) {
  for (std::size_t i = 0; i < vm.passthrough_devices.size(); ++i) {
    if (!vm.passthrough_devices[i].is_path()) continue;
    const std::string key = fmt::format("devices.passthrough_devices[{}]", i);
    complain("warning: " + to_string(hal_sim::Diagnostic{
                               vm.file,
                               vm.locate(key),
                               key,
                               fmt::format("\"{}\" is a device-tree path; the simulated "
                                           "board has none, nothing is passed through",
                                           vm.passthrough_devices[i].name),
                               {}}));
  }
}

}  // namespace

int check_command(const CheckOptions& options, Output& output) {
  const auto config = read_configuration(options.configuration, false);
  if (!config) return kBadUsage;
  const hal_sim::ImageSearch search = image_search(options.configuration);
  const std::vector<hal_sim::MemoryBank> ram = hal_sim::plan_memory(*config);
  bool is_wrong = false;
  for (const VmFile& vm : config->vms) {
    const std::optional<LoadPlan> plan = plan_of(vm, config->sim.isa, search, is_wrong);
    print_map(vm, config->sim.isa, ram, plan, output);
    if (plan) print_images(*plan, output);
    warn_about_paths(vm);
  }
  std::string machine;
  for (const hal_sim::MemoryBank& bank : ram) {
    machine += fmt::format("{}{} at {:#x}", machine.empty() ? "" : ", ",
                           hal_sim::format_size(bank.size), bank.base);
  }
  const unsigned pcpus = hal_sim::plan_pcpus(*config);
  output.print("machine: {} pCPU{}, RAM {}\n", pcpus, pcpus == 1 ? "" : "s", machine);
  return is_wrong ? kBadUsage : 0;
}

}  // namespace axvm::tool
