#include <doctest/doctest.h>

#include <hal-sim/config/config_check.hpp>

#include "config_text.hpp"

using namespace axvm;
using namespace axvm::hal_sim;
using namespace axvm::hal_sim::test;

namespace {

using Lines = std::vector<std::string>;

Lines findings_in(const std::string& text) {
  const auto config = parse_config({{"vm.toml", text}});
  REQUIRE(config.has_value());
  Lines lines;
  for (const Diagnostic& finding : check_config(*config)) lines.push_back(to_string(finding));
  return lines;
}

// kValid with one row of memory.
std::string with_memory(const std::string& row) {
  return replaced(kValid, "[[0x4000_0000, 0x100_0000, 0x7, 0]]", "[" + row + "]");
}

}  // namespace

TEST_CASE("a valid file has no findings") { CHECK(findings_in(kValid).empty()); }

TEST_CASE("the core's findings come first and alone") {
  CHECK(findings_in(replaced(kValid, "entry_point = 0x4008_0000", "entry_point = 0x1001")) ==
        Lines{"vm.toml:8:15: kernel.entry_point: outside all memory regions"});
}

TEST_CASE("an entry point is the address of an instruction") {
  CHECK(findings_in(replaced(kValid, "entry_point = 0x4008_0000", "entry_point = 0x4008_0002")) ==
        Lines{"vm.toml:8:15: kernel.entry_point: is 0x40080002, expected a multiple of 4"});
}

TEST_CASE("boot_config_validation_rejects_unsupported_firmware_protocols_on_other_arches") {
  CHECK(
      findings_in(replaced(kValid, "[kernel]\n",
                           "[kernel]\nenable_bios = true\nboot_protocol = \"uefi\"\n"
                           "uefi_firmware_path = \"fw\"\nbios_load_addr = 0x4010_0000\n")) ==
      Lines{"vm.toml:9:17: kernel.boot_protocol: is \"uefi\", expected \"direct\": aarch64 has no "
            "other"});
}

TEST_CASE("boot_config_validation_returns_typed_architecture_error: at the place of the protocol") {
  const auto config =
      parse_config({{"vm.toml", replaced(kValid, "[kernel]\n", "[kernel]\nenable_bios = true\n")}});
  REQUIRE(config.has_value());
  const auto findings = check_config(*config);
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].key == "kernel.boot_protocol");
  CHECK(findings[0].what == "is \"multiboot\"");
}

TEST_CASE("nothing lies beyond the reach of stage 2") {
  CHECK(findings_in(with_memory("[0x4000_0000, 0x1000_0000_0000, 0x7, 0]")) ==
        Lines{"vm.toml:11:19: kernel.memory_regions[0]: ends at 0x100040000000, expected addresses "
              "below 0x100000000000 (44 bits)"});
  CHECK(findings_in(replaced(kValid, "passthrough_devices = []",
                             "passthrough_devices = [[\"rtc\", 0x901_0000, 0x1000_0000_0000, "
                             "0x1000]]\npassthrough_addresses = [[0xFFF_FFFF_F000, 0x2000]]")) ==
        Lines{"vm.toml:15:24: devices.passthrough_devices[0]: ends at 0x100000001000, expected "
              "addresses below 0x100000000000 (44 bits)",
              "vm.toml:16:26: devices.passthrough_addresses[0]: ends at 0x100000001000, expected "
              "addresses below 0x100000000000 (44 bits)"});
  // Up to the last page, but lent when touched only.
  CHECK(findings_in(with_memory("[0x4000_0000, 0x100_0000, 0x7, 0], "
                                "[0xFFF_FFFF_F000, 0x1000, 0x7, 2]"))
            .empty());
}

TEST_CASE("a console has room for its registers") {
  CHECK(findings_in(replaced(kValid, "emu_devices = []",
                             "emu_devices = [[\"uart\", 0x900_0000, 0xfff, 33, 0x2, []]]")) ==
        Lines{"vm.toml:14:37: devices.emu_devices[0].length: is 0xfff, expected at least 0x1000 "
              "for a console"});
}

TEST_CASE("VMs ask for no more memory than a machine has") {
  const std::string huge = with_memory(
      "[0x4000_0000, 0x100_0000, 0x7, 0], "
      "[0x1_0000_0000, 0x100_0000_0000, 0x7, 0]");
  CHECK(findings_in(huge) ==
        Lines{"vm.toml:11:54: kernel.memory_regions[1]: makes it 1048592 MiB of memory in all, "
              "expected 1 TiB at most"});
  CHECK(findings_in(huge + "[sim]\nmemory = \"64M\"\n").empty());
  CHECK(findings_in(with_memory("[0x4000_0000, 0x40_0000_0000, 0x7, 1]")).empty());
}
