#include <fmt/format.h>

#include <hal-sim/config/backend_check.hpp>
#include <hal-sim/config/config_check.hpp>
#include <hal-sim/config/lent_vm_config.hpp>
#include <hal-sim/config/size_text.hpp>
#include <sim/arch/aarch64/translation.hpp>
#include <string>

namespace axvm::hal_sim {
namespace {

// Guest-physical addresses reach as far as host-physical ones (DDI 0487 D8.2.1).
constexpr std::uint64_t kReach = 1ULL << sim::aarch64::Features{}.pa_bits;
static_assert(kAddressLimit == kReach);

// What a console takes on a bus: the PL011 (DDI 0183, 3.2), or the eight registers of a 16550.
constexpr std::uint64_t console_length(Isa isa) { return isa == Isa::Aarch64 ? 0x1000 : 8; }

class VmCheck {
 public:
  VmCheck(const VmFile& file, Isa isa, std::vector<Diagnostic>& findings)
      : file_(file), isa_(isa), findings_(findings) {}

  void run() {
    const LentVmConfig lent(file_);
    if (const auto error = lent.view().validate(isa_ == Isa::Aarch64 ? kGicDeviceInterrupts
                                                                     : kPlicDeviceInterrupts)) {
      findings_.push_back(lent.locate(*error));
      return;  // what follows relies on it
    }
    const unsigned alignment = instruction_alignment(isa_);
    if (file_.entry_point.value_or(0) % alignment != 0) {
      add("kernel.entry_point", fmt::format("is {:#x}", *file_.entry_point),
          fmt::format("a multiple of {}", alignment));
    }
    if (file_.boot_protocol != BootProtocol::Direct) {
      add("kernel.boot_protocol", fmt::format("is \"{}\"", to_string(file_.boot_protocol)),
          fmt::format("\"direct\": {} has no other", to_string(isa_)));
    }
    for (std::size_t i = 0; i < file_.memory_regions.size(); ++i) {
      const MemoryRegionRow& region = file_.memory_regions[i];
      check_reach(fmt::format("kernel.memory_regions[{}]", i), region.gpa, region.size);
    }
    for (std::size_t i = 0; i < file_.emu_devices.size(); ++i) check_device(i);
    for (std::size_t i = 0; i < file_.passthrough_devices.size(); ++i) {
      const PassthroughDeviceRow& device = file_.passthrough_devices[i];
      if (device.is_path()) continue;
      const std::string key = fmt::format("devices.passthrough_devices[{}]", i);
      check_reach(key, device.base_gpa, device.length);
      check_reach(key, device.base_hpa, device.length);
    }
    for (std::size_t i = 0; i < file_.passthrough_addresses.size(); ++i) {
      const WindowRow& window = file_.passthrough_addresses[i];
      check_reach(fmt::format("devices.passthrough_addresses[{}]", i), window.base, window.length);
    }
  }

 private:
  void add(std::string key, std::string what, std::string expected) {
    const Location at = file_.locate(key);
    findings_.push_back({file_.file, at, std::move(key), std::move(what), std::move(expected)});
  }

  void check_reach(const std::string& key, std::uint64_t base, std::uint64_t size) {
    if (base <= kReach && size <= kReach - base) return;
    add(key, fmt::format("ends at {:#x}", base + size),
        fmt::format("addresses below {:#x} ({} bits)", kReach, sim::aarch64::Features{}.pa_bits));
  }

  void check_device(std::size_t i) {
    const EmulatedDeviceRow& device = file_.emu_devices[i];
    const std::string key = fmt::format("devices.emu_devices[{}]", i);
    check_reach(key, device.base_gpa, device.length);
    const bool is_console =
        device.emu_type == static_cast<std::uint64_t>(EmulatedDeviceType::Console);
    if (is_console && device.length < console_length(isa_)) {
      add(key + ".length", fmt::format("is {:#x}", device.length),
          fmt::format("at least {:#x} for a console", console_length(isa_)));
    }
  }

  const VmFile& file_;
  Isa isa_;
  std::vector<Diagnostic>& findings_;
};

// What the VMs ask for, against what a machine has: at the region that goes beyond it.
void check_memory(const MachineConfig& config, std::vector<Diagnostic>& findings) {
  // A machine of a given size may be promised more than once: regions take what is touched.
  if (config.sim.memory) return;
  std::uint64_t total = 0;
  for (const VmFile& vm : config.vms) {
    for (std::size_t i = 0; i < vm.memory_regions.size(); ++i) {
      total += vm.memory_regions[i].size;
      if (total <= kLargestMemory) continue;
      const std::string key = fmt::format("kernel.memory_regions[{}]", i);
      findings.push_back({vm.file, vm.locate(key), key,
                          fmt::format("makes it {} of memory in all", format_size(total)),
                          fmt::format("{} at most", format_size(kLargestMemory))});
      return;
    }
  }
}

}  // namespace

std::vector<Diagnostic> check_config(const MachineConfig& config) {
  std::vector<Diagnostic> findings;
  for (const VmFile& vm : config.vms) VmCheck(vm, config.sim.isa, findings).run();
  if (findings.empty()) check_memory(config, findings);
  if (findings.empty()) check_backends(config, findings);
  return findings;
}

}  // namespace axvm::hal_sim
