#include <fmt/format.h>

#include <array>
#include <hal-sim/config/vm_file_reader.hpp>
#include <sim/arch/riscv64/stages.hpp>
#include <sim/machine.hpp>

namespace axvm::hal_sim {
namespace {

constexpr std::array kBootProtocols = {
    Spelling{"direct", BootProtocol::Direct},
    Spelling{"kernel", BootProtocol::Direct},
    Spelling{"multiboot", BootProtocol::Multiboot},
    Spelling{"bios", BootProtocol::Multiboot},
    Spelling{"axvm-bios", BootProtocol::Multiboot},
    Spelling{"uefi", BootProtocol::Uefi},
    Spelling{"efi", BootProtocol::Uefi},
};
constexpr std::array kImageLocations = {
    Spelling{"fs", ImageLocation::Filesystem},
    Spelling{"memory", ImageLocation::Memory},
};
constexpr std::array kInterruptModes = {
    Spelling{"no_irq", InterruptMode::NoIrq},
    Spelling{"no", InterruptMode::NoIrq},
    Spelling{"none", InterruptMode::NoIrq},
    Spelling{"emu", InterruptMode::Emulated},
    Spelling{"emulated", InterruptMode::Emulated},
    Spelling{"passthrough", InterruptMode::Passthrough},
    Spelling{"pt", InterruptMode::Passthrough},
};
constexpr std::array kPolicies = {
    Spelling{"virtualized", AddressSpacePolicy::Virtualized},
    Spelling{"virtual", AddressSpacePolicy::Virtualized},
    Spelling{"passthrough", AddressSpacePolicy::Passthrough},
    Spelling{"pt", AddressSpacePolicy::Passthrough},
};

using Names = std::span<const std::string_view>;
constexpr std::array<std::string_view, 4> kMemoryRegion = {"gpa", "size", "flags", "map_type"};
constexpr std::array<std::string_view, 6> kEmulatedDevice = {"name",   "base_gpa", "length",
                                                             "irq_id", "emu_type", "cfg_list"};
constexpr std::array<std::string_view, 5> kPassthroughDevice = {"name", "base_gpa", "base_hpa",
                                                                "length", "irq_id"};
constexpr std::array<std::string_view, 2> kAddressWindow = {"base_gpa", "length"};
constexpr std::array<std::string_view, 2> kPortWindow = {"base", "length"};

// Upstream's files write "" for a path they do not use.
std::optional<std::string> path(FieldReader& reader, std::string_view name) {
  auto text = reader.string(name);
  if (text && text->empty()) text.reset();
  return text;
}

std::optional<ImageRow> image(FieldReader& reader, std::string_view path_name,
                              std::string_view address_name) {
  auto file = path(reader, path_name);
  const auto address = reader.integer(address_name);
  if (!file) return std::nullopt;
  return ImageRow{std::move(*file), address};
}

void read_base(ReadContext& context, FieldReader& base, VmFile& vm) {
  vm.id = static_cast<std::uint32_t>(base.required_integer("id", {1, 255}));
  vm.name = base.required_string("name");
  const std::uint64_t type = base.required_integer("vm_type");
  if (type <= static_cast<std::uint64_t>(VmType::Linux)) {
    vm.vm_type = static_cast<VmType>(type);
  } else {
    const std::string key = base.path_of("vm_type");
    context.warning(context.locations[key], key, fmt::format("is {}, taken as 1 (RTOS)", type),
                    "0 (host VM), 1 (RTOS) or 2 (Linux)");
  }
  vm.cpu_num = static_cast<std::uint32_t>(base.required_integer("cpu_num", {1, 64}));
  vm.phys_cpu_ids = base.integers("phys_cpu_ids");
  vm.phys_cpu_sets = base.integers("phys_cpu_sets");
  base.finish();
}

void read_memory_region(ReadContext& context, FieldReader row, const std::string& key, VmFile& vm) {
  MemoryRegionRow region;
  region.gpa = row.required_integer("gpa");
  region.size = row.required_integer("size", {1, IntegerRange{}.most});
  region.flags = row.required_integer("flags");
  const std::uint64_t map_type = row.required_integer("map_type", {0, 2});
  region.map_type = static_cast<MapType>(map_type);
  if ((region.flags & ~0x3FULL) != 0) {
    context.error(context.locations[key + ".flags"], key + ".flags",
                  fmt::format("is {:#x}", region.flags),
                  "a sum of 1 (read), 2 (write), 4 (execute), 8 (user), 16 (device) and "
                  "32 (uncached)");
  }
  row.finish();
  vm.memory_regions.push_back(region);
}

// Contradictions between keys of [kernel].
void check_boot(ReadContext& context, const FieldReader& kernel, const VmFile& vm) {
  const std::string key = kernel.path_of("boot_protocol");
  const bool is_direct = vm.boot_protocol == BootProtocol::Direct;
  if (vm.enable_bios == is_direct) {
    context.error(
        vm.locations.contains(key) ? vm.locations.at(key) : vm.locate("kernel"), key,
        fmt::format("is \"{}\" with enable_bios = {}", to_string(vm.boot_protocol), vm.enable_bios),
        is_direct ? "\"multiboot\" or \"uefi\"" : "\"direct\"");
  }
  if (vm.boot_protocol == BootProtocol::Uefi && !vm.uefi_firmware_path && !vm.bios) {
    context.error(vm.locate(key), kernel.path_of("uefi_firmware_path"), "is missing",
                  "the firmware's file for boot_protocol = \"uefi\"");
  }
  const bool has_firmware = vm.uefi_firmware_path || vm.bios;
  const bool has_address = vm.locations.contains(kernel.path_of("bios_load_addr"));
  if (!is_direct && has_firmware && !has_address) {
    context.error(vm.locate(key), kernel.path_of("bios_load_addr"), "is missing",
                  "the address where the firmware goes");
  }
}

void read_kernel(ReadContext& context, FieldReader& kernel, VmFile& vm) {
  vm.entry_point = kernel.integer("entry_point");
  vm.kernel_path = kernel.required_string("kernel_path");
  vm.kernel_load_addr = kernel.integer("kernel_load_addr");
  vm.enable_bios = kernel.boolean("enable_bios").value_or(false);
  vm.boot_protocol =
      kernel.choice("boot_protocol", std::span<const Spelling<BootProtocol>>(kBootProtocols))
          .value_or(vm.enable_bios ? BootProtocol::Multiboot : BootProtocol::Direct);
  vm.bios = image(kernel, "bios_path", "bios_load_addr");
  vm.uefi_firmware_path = path(kernel, "uefi_firmware_path");
  vm.dtb_path = path(kernel, "dtb_path");
  vm.dtb_load_addr = kernel.integer("dtb_load_addr");
  vm.ramdisk = image(kernel, "ramdisk_path", "ramdisk_load_addr");
  vm.image_location =
      kernel.choice("image_location", std::span<const Spelling<ImageLocation>>(kImageLocations));
  vm.cmdline = kernel.string("cmdline");
  vm.disk_path = path(kernel, "disk_path");
  kernel.rows("memory_regions", true, [&](const toml::node& node, const std::string& key) {
    read_memory_region(context, FieldReader(context, node, key, Names(kMemoryRegion)), key, vm);
  });
  kernel.finish();
  vm.locations = context.locations;
  check_boot(context, kernel, vm);
}

void read_emulated_device(ReadContext& context, const toml::node& node, const std::string& key,
                          VmFile& vm) {
  FieldReader row(context, node, key, Names(kEmulatedDevice));
  EmulatedDeviceRow device;
  device.name = row.required_string("name");
  device.base_gpa = row.required_integer("base_gpa");
  device.length = row.required_integer("length");
  device.irq_id = row.required_integer("irq_id", {0, 0xFFFF'FFFF});
  device.emu_type = row.required_integer("emu_type");
  device.cfg_list = row.integers("cfg_list");
  if (!emulated_device_type_name(device.emu_type)) {
    context.error(context.locations[key + ".emu_type"], key + ".emu_type",
                  fmt::format("is {:#x}", device.emu_type), "a known device type (2 is a console)");
  }
  row.finish();
  vm.emu_devices.push_back(std::move(device));
}

void read_passthrough_device(ReadContext& context, const toml::node& node, const std::string& key,
                             VmFile& vm) {
  FieldReader row(context, node, key, Names(kPassthroughDevice));
  PassthroughDeviceRow device;
  device.name = row.required_string("name");
  device.base_gpa = row.integer("base_gpa").value_or(0);
  device.base_hpa = row.integer("base_hpa").value_or(0);
  device.length = row.integer("length").value_or(0);
  device.irq_id = row.integer("irq_id", {0, 0xFFFF'FFFF}).value_or(0);
  row.finish();
  if (device.length == 0 && !device.name.empty() && !device.is_path()) {
    context.error(FieldReader::location_of(node), key,
                  fmt::format("\"{}\" has no length", device.name),
                  "[name, base_gpa, base_hpa, length, irq_id] or a device-tree path like "
                  "[\"/soc/serial@9000000\"]");
  }
  vm.passthrough_devices.push_back(std::move(device));
}

void read_devices(ReadContext& context, FieldReader& devices, VmFile& vm) {
  const auto windows = [&](std::string_view name, Names fields, std::vector<WindowRow>& out) {
    devices.rows(name, false, [&](const toml::node& node, const std::string& key) {
      FieldReader row(context, node, key, fields);
      const std::uint64_t base = row.required_integer(fields[0]);
      out.push_back({base, row.required_integer(fields[1], {1, IntegerRange{}.most})});
      row.finish();
    });
  };
  devices.rows("emu_devices", true, [&](const toml::node& node, const std::string& key) {
    read_emulated_device(context, node, key, vm);
  });
  devices.rows("passthrough_devices", true, [&](const toml::node& node, const std::string& key) {
    read_passthrough_device(context, node, key, vm);
  });
  vm.interrupt_mode =
      devices.choice("interrupt_mode", std::span<const Spelling<InterruptMode>>(kInterruptModes))
          .value_or(InterruptMode::NoIrq);
  devices.rows("excluded_devices", false, [&](const toml::node& node, const std::string& key) {
    std::vector<std::string> paths;
    if (const toml::array* row = node.as_array()) {
      for (const toml::node& path : *row) {
        if (path.is_string()) paths.push_back(path.as_string()->get());
      }
    }
    if (!node.is_array() || paths.size() != node.as_array()->size()) {
      context.error(FieldReader::location_of(node), key, "is not a list of paths",
                    "device-tree paths like [\"/pcie@10000000\"]");
    }
    vm.excluded_devices.push_back(std::move(paths));
  });
  windows("passthrough_addresses", Names(kAddressWindow), vm.passthrough_addresses);
  windows("passthrough_ports", Names(kPortWindow), vm.passthrough_ports);
  vm.address_space_policy =
      devices
          .choice("address_space_policy", std::span<const Spelling<AddressSpacePolicy>>(kPolicies))
          .value_or(AddressSpacePolicy::Virtualized);
  for (std::size_t i = 0; i < vm.passthrough_ports.size(); ++i) {
    const WindowRow& ports = vm.passthrough_ports[i];
    if (ports.base > 0xFFFF || ports.length > 0x1'0000 - ports.base) {
      const std::string key = fmt::format("devices.passthrough_ports[{}]", i);
      context.error(context.locations[key], key,
                    fmt::format("ends at {:#x}", ports.base + ports.length), "ports below 0x10000");
    }
  }
  devices.finish();
}

}  // namespace

VmFile read_vm_file(ReadContext& context, FieldReader& root) {
  VmFile vm;
  vm.file = context.file;
  if (const toml::table* base = root.table("base", true)) {
    FieldReader reader(context, *base, "base");
    read_base(context, reader, vm);
  }
  if (const toml::table* kernel = root.table("kernel", true)) {
    FieldReader reader(context, *kernel, "kernel");
    read_kernel(context, reader, vm);
  }
  if (const toml::table* devices = root.table("devices", true)) {
    FieldReader reader(context, *devices, "devices");
    read_devices(context, reader, vm);
  }
  vm.locations = context.locations;
  return vm;
}

namespace {

void read_g_stage_modes(ReadContext& context, FieldReader& reader, SimOptions& sim) {
  constexpr std::string_view kKey = "g_stage_modes";
  constexpr std::array kModes{
      Spelling<std::uint16_t>{"sv39x4", 1U << static_cast<unsigned>(sim::riscv64::Mode::Sv39)},
      Spelling<std::uint16_t>{"sv48x4", 1U << static_cast<unsigned>(sim::riscv64::Mode::Sv48)},
      Spelling<std::uint16_t>{"sv57x4", 1U << static_cast<unsigned>(sim::riscv64::Mode::Sv57)}};
  std::uint16_t modes = 0;
  for (const std::uint16_t mode : reader.choices<std::uint16_t>(kKey, kModes)) modes |= mode;
  if (modes != 0) sim.g_stage_modes = modes;
  const auto at = context.locations.find(reader.path_of(kKey));
  if (at == context.locations.end() || sim.isa == Isa::Riscv64) return;
  context.error(at->second, at->first, fmt::format("is given for {}", to_string(sim.isa)),
                "arch = \"riscv64\"");
}

}  // namespace

std::optional<SimOptions> read_sim_options(ReadContext& context, FieldReader& root) {
  const toml::table* table = root.table("sim", false);
  if (table == nullptr) return std::nullopt;
  FieldReader reader(context, *table, "sim");
  SimOptions sim;
  constexpr std::array kIsas{Spelling<Isa>{"aarch64", Isa::Aarch64},
                             Spelling<Isa>{"riscv64", Isa::Riscv64}};
  sim.isa = reader.choice<Isa>("arch", kIsas).value_or(sim.isa);
  sim.memory_base = default_memory_base(sim.isa);
  sim.memory = reader.size("memory", {kSmallestMemory, kLargestMemory});
  sim.memory_base =
      reader.integer("memory_base", {0, kAddressLimit - kLargestMemory}).value_or(sim.memory_base);
  if (const auto n = reader.integer("pcpus", {1, 64})) sim.pcpus = static_cast<std::uint32_t>(*n);
  sim.turn_instructions =
      reader.integer("turn_instructions", {1, 1'000'000'000}).value_or(sim.turn_instructions);
  sim.migration_rounds =
      reader.integer("migration_rounds", {0, 1'000'000'000}).value_or(sim.migration_rounds);
  sim.max_resets = reader.integer("max_resets", {0, 1'000'000'000});
  sim.tlb_entries = static_cast<std::uint32_t>(
      reader.integer("tlb_entries", {sim::MachineOptions::kMinTlbEntries, 1U << 24})
          .value_or(sim.tlb_entries));
  read_g_stage_modes(context, reader, sim);
  sim.backends = read_backend_options(context, reader);
  reader.finish();
  for (const auto& [key, value] :
       {std::pair<std::string_view, std::uint64_t>{"memory", sim.memory.value_or(0)},
        {"memory_base", sim.memory_base}}) {
    if (value % 4096 != 0) {
      context.error(context.locations[reader.path_of(key)], reader.path_of(key),
                    fmt::format("is {:#x}", value), "a multiple of 4096");
    }
  }
  return sim;
}

}  // namespace axvm::hal_sim
