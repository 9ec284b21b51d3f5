#include <doctest/doctest.h>

#include <hal-sim/config/lent_vm_config.hpp>

#include "config_text.hpp"

using namespace axvm;
using namespace axvm::hal_sim;
using namespace axvm::hal_sim::test;

namespace {

// What the core finds wrong in a file that parses; "" when nothing.
std::string core_error(const std::string& text) {
  const VmFile file = vm_of(text);
  const LentVmConfig lent(file);
  const auto error = lent.view().validate();
  return error ? to_string(lent.locate(*error)) : "";
}

}  // namespace

TEST_CASE("a valid file is a valid configuration of the core") {
  CHECK(core_error(kValid).empty());
  const VmFile file = vm_of(replaced(kValid, "cpu_num = 1", "cpu_num = 2\nphys_cpu_ids = [0x100]"));
  const LentVmConfig lent(file);
  const VmConfig config = lent.view();
  REQUIRE(config.vcpus.size() == 2);
  CHECK(config.vcpus[0].phys_id == 0x100);
  CHECK(config.vcpus[1].phys_id == 1);
  CHECK(config.vcpus[1].affinity_mask == ~0ULL);
  CHECK(config.name == "guest");
  CHECK(config.bsp_entry == GuestPhysAddr(0x4008'0000));
  CHECK(config.dtb == GuestPhysAddr(kNoAddress));
  CHECK(config.memory_regions[0].size == 0x100'0000);
}

TEST_CASE("vCPUs without an affinity of their own are 16 to a cluster") {
  const VmFile file = vm_of(replaced(kValid, "cpu_num = 1", "cpu_num = 34"));
  const LentVmConfig lent(file);
  const VmConfig config = lent.view();
  CHECK(config.vcpus[15].phys_id == 15);
  CHECK(config.vcpus[16].phys_id == 0x100);
  CHECK(config.vcpus[33].phys_id == 0x201);
}

TEST_CASE("the core's findings stand at their place in the file") {
  CHECK(core_error(replaced(kValid, "0x100_0000, 0x7", "0x100_0001, 0x7"))
            .starts_with("vm.toml:11:19: kernel.memory_regions[0]: "));
  CHECK(core_error(replaced(kValid, "entry_point = 0x4008_0000", "entry_point = 0x1000"))
            .starts_with("vm.toml:8:15: kernel.entry_point: "));
  CHECK(core_error(replaced(kValid, "cpu_num = 1", "cpu_num = 2\nphys_cpu_ids = [1, 1]"))
            .starts_with("vm.toml:6:20: base.phys_cpu_ids[1]: "));
  CHECK(core_error(replaced(kValid, "cpu_num = 1", "cpu_num = 1\nphys_cpu_sets = [0]"))
            .starts_with("vm.toml:6:18: base.phys_cpu_sets[0]: "));
}

TEST_CASE("windows follow explicit devices, device-tree paths have none") {
  const VmFile file = vm_of(replaced(
      replaced(kValid, "passthrough_devices = []",
               "passthrough_devices = [[\"/\"], [\"rtc\", 0x901_0000, 0x902_0000, 0x1000]]"),
      "[devices]\n", "[devices]\npassthrough_addresses = [[0xa00_0000, 0x2000]]\n"));
  const LentVmConfig lent(file);
  const VmConfig config = lent.view();
  REQUIRE(config.passthrough_devices.size() == 2);
  CHECK(config.passthrough_devices[0].base_hpa == HostPhysAddr(0x902'0000));
  CHECK(config.passthrough_devices[1].base_hpa == HostPhysAddr(0xA00'0000));
  CHECK(to_string(lent.locate({ConfigField::PassthroughDevices, 0, "bad"})) ==
        "vm.toml:16:31: devices.passthrough_devices[1]: bad");
  CHECK(to_string(lent.locate({ConfigField::PassthroughDevices, 1, "bad"})) ==
        "vm.toml:14:26: devices.passthrough_addresses[0]: bad");
}

TEST_CASE("device types are the core's") {
  for (std::uint64_t type = 0; type < 0x100; ++type) {
    CAPTURE(type);
    CHECK(emulated_device_type_name(type).has_value() == emulated_device_type(type).has_value());
  }
}
