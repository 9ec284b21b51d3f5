#include <doctest/doctest.h>

#include "config_text.hpp"

using namespace axvm;
using namespace axvm::hal_sim;
using namespace axvm::hal_sim::test;

namespace {

using Lines = std::vector<std::string>;

std::string with_devices(std::string_view lines) {
  return replaced(kValid, "passthrough_devices = []\n",
                  "passthrough_devices = []\n" + std::string(lines) + "\n");
}

std::string with_kernel(std::string_view lines) {
  return replaced(kValid, "[kernel]\n", "[kernel]\n" + std::string(lines) + "\n");
}

}  // namespace

TEST_CASE("config_deser: every key of the schema is read") {
  const VmFile vm = vm_of(R"(
[base]
id = 2
name = "everything"
vm_type = 2
cpu_num = 2
phys_cpu_ids = [0x0, 0x100]
phys_cpu_sets = [1, 0b10]
[kernel]
entry_point = 0x8000
kernel_path = "Image"
kernel_load_addr = 0x20_0000
enable_bios = true
boot_protocol = "uefi"
bios_path = "bios.bin"
bios_load_addr = 0xffc0_0000
uefi_firmware_path = "fw.fd"
dtb_path = "a.dtb"
dtb_load_addr = 0x100
ramdisk_path = "rd.cpio"
ramdisk_load_addr = 0x300
image_location = "fs"
cmdline = "console=ttyS0"
disk_path = "disk.img"
memory_regions = [
  [0x0, 0x100_0000, 0xf, 2],
  { gpa = 0x8000_0000, size = 4096, flags = 3, map_type = 1 },
]
[devices]
emu_devices = [["com1", 0x3f8, 8, 4, 0x2, [1, 2]], { name = "plic", base_gpa = 0xc00_0000, length = 0x60_0000, irq_id = 0, emu_type = 0x30, cfg_list = [2] }]
passthrough_devices = [["/soc/serial@10000000"], ["hpet", 0xfed0_0000, 0xfed0_1000, 0x1000, 9]]
interrupt_mode = "pt"
excluded_devices = [["/pcie@10000000", "/rtc"]]
passthrough_addresses = [[0x1000_0000, 0x1000]]
address_space_policy = "pt"
passthrough_ports = [[0x6000, 0x80]]
)");
  CHECK(vm.id == 2);
  CHECK(vm.name == "everything");
  CHECK(vm.vm_type == VmType::Linux);
  CHECK(vm.phys_cpu_ids == std::vector<std::uint64_t>{0, 0x100});
  CHECK(vm.phys_cpu_sets == std::vector<std::uint64_t>{1, 2});
  CHECK(vm.boot_protocol == BootProtocol::Uefi);
  REQUIRE(vm.bios.has_value());
  CHECK(vm.bios->load_addr == 0xFFC0'0000);
  CHECK(vm.uefi_firmware_path == "fw.fd");
  CHECK(vm.ramdisk->path == "rd.cpio");
  CHECK(vm.image_location == ImageLocation::Filesystem);
  CHECK(vm.cmdline == "console=ttyS0");
  REQUIRE(vm.memory_regions.size() == 2);
  CHECK(vm.memory_regions[0].map_type == MapType::Reserved);
  CHECK(vm.memory_regions[1].gpa == 0x8000'0000);
  REQUIRE(vm.emu_devices.size() == 2);
  CHECK(vm.emu_devices[0].cfg_list == std::vector<std::uint64_t>{1, 2});
  CHECK(vm.emu_devices[1].name == "plic");
  REQUIRE(vm.passthrough_devices.size() == 2);
  CHECK(vm.passthrough_devices[0].is_path());
  CHECK(vm.passthrough_devices[1].base_hpa == 0xFED0'1000);
  CHECK(vm.excluded_devices == std::vector<std::vector<std::string>>{{"/pcie@10000000", "/rtc"}});
  CHECK(vm.passthrough_addresses[0].length == 0x1000);
  CHECK(vm.address_space_policy == AddressSpacePolicy::Passthrough);
  CHECK(vm.passthrough_ports[0].base == 0x6000);
}

TEST_CASE("default_implementations: optional keys have upstream's defaults") {
  const VmFile vm = vm_of(kValid);
  CHECK(vm.id == 1);
  CHECK(vm.boot_protocol == BootProtocol::Direct);
  CHECK(vm.interrupt_mode == InterruptMode::NoIrq);
  CHECK(vm.address_space_policy == AddressSpacePolicy::Virtualized);
  CHECK_FALSE(vm.dtb_path.has_value());
  CHECK_FALSE(vm.dtb_load_addr.has_value());
  CHECK_FALSE(vm.cmdline.has_value());
  CHECK(vm.phys_cpu_ids.empty());
}

TEST_CASE("emu_dev_type_from_usize and emulated_device_type_display: types have names") {
  CHECK(emulated_device_type_name(0x0) == "meta device");
  CHECK(emulated_device_type_name(0x2) == "console");
  CHECK(emulated_device_type_name(0x21) == "gic partial passthrough distributor");
  CHECK(emulated_device_type_name(0xE3) == "virtio console");
  CHECK_FALSE(emulated_device_type_name(0x99).has_value());
}

TEST_CASE("emulated_device_type_removable: hot-pluggable types") {
  for (const std::uint64_t type : {0x1ULL, 0x20ULL, 0xE1ULL, 0xE2ULL, 0xE3ULL}) {
    CHECK(emulated_device_type_removable(type));
  }
  for (const std::uint64_t type : {0x0ULL, 0x2ULL, 0x21ULL, 0x30ULL}) {
    CHECK_FALSE(emulated_device_type_removable(type));
  }
}

TEST_CASE("interrupt_mode_deser: every alias") {
  const auto mode = [](std::string_view text) {
    return vm_of(with_devices("interrupt_mode = \"" + std::string(text) + "\"")).interrupt_mode;
  };
  for (const char* text : {"no_irq", "no", "none"}) CHECK(mode(text) == InterruptMode::NoIrq);
  for (const char* text : {"emu", "emulated"}) CHECK(mode(text) == InterruptMode::Emulated);
  for (const char* text : {"passthrough", "pt"}) CHECK(mode(text) == InterruptMode::Passthrough);
}

TEST_CASE("vmtype_enum: an unknown type is an RTOS, with a warning") {
  const auto config = parse_config({{"vm.toml", replaced(kValid, "vm_type = 1", "vm_type = 7")}});
  REQUIRE(config.has_value());
  CHECK(config->vms[0].vm_type == VmType::Rtos);
  REQUIRE(config->warnings.size() == 1);
  CHECK(to_string(config->warnings[0]) ==
        "vm.toml:4:11: base.vm_type: is 7, taken as 1 (RTOS), expected 0 (host VM), 1 (RTOS) or 2 "
        "(Linux)");
}

TEST_CASE("vm_mem_mapping_type: three kinds") {
  const auto kind = [](std::string_view row) {
    return vm_of(replaced(kValid, "0x7, 0]", "0x7, " + std::string(row) + "]")).memory_regions[0];
  };
  CHECK(kind("0").map_type == MapType::Alloc);
  CHECK(kind("1").map_type == MapType::Identical);
  CHECK(kind("2").map_type == MapType::Reserved);
  CHECK(errors_of(replaced(kValid, "0x7, 0]", "0x7, 3]")) ==
        Lines{"vm.toml:11:50: kernel.memory_regions[0].map_type: is 3, expected an integer from 0 "
              "to 2"});
}

TEST_CASE("address_space_policy_deser_and_defaults") {
  const auto policy = [](std::string_view text) {
    return vm_of(with_devices("address_space_policy = \"" + std::string(text) + "\""))
        .address_space_policy;
  };
  CHECK(policy("virtual") == AddressSpacePolicy::Virtualized);
  CHECK(policy("virtualized") == AddressSpacePolicy::Virtualized);
  CHECK(policy("passthrough") == AddressSpacePolicy::Passthrough);
  CHECK(policy("pt") == AddressSpacePolicy::Passthrough);
}

TEST_CASE("boot_protocol_deser_and_legacy_defaults: enable_bios alone means multiboot") {
  const auto protocol = [](std::string_view lines) {
    return vm_of(with_kernel(lines)).boot_protocol;
  };
  CHECK(protocol("boot_protocol = \"kernel\"") == BootProtocol::Direct);
  CHECK(protocol("enable_bios = true") == BootProtocol::Multiboot);
  CHECK(protocol("enable_bios = true\nboot_protocol = \"axvm-bios\"") == BootProtocol::Multiboot);
}

TEST_CASE("boot_config_validation_rejects_direct_bios_mix") {
  CHECK(errors_of(with_kernel("enable_bios = true\nboot_protocol = \"direct\"")) ==
        Lines{"vm.toml:9:17: kernel.boot_protocol: is \"direct\" with enable_bios = true, expected "
              "\"multiboot\" or \"uefi\""});
  CHECK(errors_of(with_kernel("boot_protocol = \"multiboot\"")) ==
        Lines{"vm.toml:8:17: kernel.boot_protocol: is \"multiboot\" with enable_bios = false, "
              "expected \"direct\""});
}

TEST_CASE("boot_config_validation_requires_uefi_inputs") {
  CHECK(errors_of(with_kernel("enable_bios = true\nboot_protocol = \"uefi\"")) ==
        Lines{"vm.toml:9:17: kernel.uefi_firmware_path: is missing, expected the firmware's file "
              "for boot_protocol = \"uefi\""});
}

TEST_CASE("boot_config_validation_returns_typed_firmware_errors: firmware needs an address") {
  CHECK(errors_of(with_kernel(
            "enable_bios = true\nboot_protocol = \"uefi\"\nuefi_firmware_path = \"fw\"")) ==
        Lines{"vm.toml:9:17: kernel.bios_load_addr: is missing, expected the address where the "
              "firmware goes"});
}

TEST_CASE("rejects_unknown_emulated_device_type") {
  CHECK(errors_of(replaced(kValid, "emu_devices = []",
                           "emu_devices = [[\"x\", 0, 0x1000, 0, 0x99, []]]")) ==
        Lines{"vm.toml:14:36: devices.emu_devices[0].emu_type: is 0x99, expected a known device "
              "type (2 is a console)"});
}

TEST_CASE("rejects_incomplete_explicit_passthrough_device") {
  CHECK(errors_of(replaced(kValid, "passthrough_devices = []",
                           "passthrough_devices = [[\"uart\", 0x1000]]")) ==
        Lines{"vm.toml:15:24: devices.passthrough_devices[0]: \"uart\" has no length, expected "
              "[name, base_gpa, base_hpa, length, irq_id] or a device-tree path like "
              "[\"/soc/serial@9000000\"]"});
}
