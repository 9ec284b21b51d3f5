// [sim.disk.NAME], [sim.net.NAME], [sim.fw_cfg.NAME].
#include <doctest/doctest.h>
#include <hal-sim/config/config_check.hpp>

#include "config_text.hpp"

using namespace axvm::hal_sim;
using namespace axvm::hal_sim::test;

namespace {

using Lines = std::vector<std::string>;

const std::string kWithDevices = replaced(kValid, "emu_devices = []",
                                          "emu_devices = [[\"d\", 0xa000000, 0x200, 48, 0xe1, []], "
                                          "[\"n\", 0xa000200, 0x200, 49, 0xe2, []],"
                                          " [\"f\", 0x9020000, 0x18, 0, 3, []]]");

Lines findings_in(const std::string& text) {
  const auto config = parse_config({{"vm.toml", text}});
  REQUIRE(config.has_value());
  Lines lines;
  for (const Diagnostic& finding : check_config(*config)) lines.push_back(to_string(finding));
  return lines;
}

}  // namespace

TEST_CASE("what is behind devices is read") {
  const auto config = parse_config({{"vm.toml", kWithDevices + R"(
[sim.disk.d]
file = "d.img"
overlay = false
[sim.disk.e]
size = "1M"
read_only = true
[sim.net.n]
switch = "left"
mac = "52:54:00:aB:cd:0f"
pcap = "n.pcap"
[sim.fw_cfg.f]
files = [["opt/a", "a.bin"], ["opt/b", "b.bin"]]
)"}});
  REQUIRE(config.has_value());
  const BackendOptions& backends = config->sim.backends;
  REQUIRE(backends.disks.size() == 2);
  CHECK(options_for(backends.disks, "x") == nullptr);
  const DiskOptions* d = options_for(backends.disks, "d");
  REQUIRE(d != nullptr);
  CHECK(d->file == "d.img");
  CHECK_FALSE(d->overlay);
  CHECK_FALSE(d->read_only);
  const DiskOptions* e = options_for(backends.disks, "e");
  REQUIRE(e != nullptr);
  CHECK(e->size == 1 << 20);
  CHECK(e->overlay);
  CHECK(e->read_only);
  REQUIRE(backends.networks.size() == 1);
  CHECK(backends.networks[0].network == "left");
  CHECK(backends.networks[0].mac == 0x0fcd'ab00'5452);
  CHECK(backends.networks[0].pcap == "n.pcap");
  REQUIRE(backends.firmware.size() == 1);
  REQUIRE(backends.firmware[0].files.size() == 2);
  CHECK(backends.firmware[0].files[1].name == "opt/b");
  CHECK(backends.firmware[0].files[1].path == "b.bin");
}

TEST_CASE("mistakes in the file are named with their place") {
  const auto with = [](const std::string& text) { return errors_of(kWithDevices + text); };
  CHECK(with("[sim.disk.d]\nsize = 1000\n") ==
        Lines{"vm.toml:17:8: sim.disk.d.size: is 1000, expected a multiple of 512"});
  CHECK(with("[sim.disk.d]\nfile = \"a\"\nsize = 512\n") ==
        Lines{"vm.toml:17:8: sim.disk.d.file: is there beside size, expected either file or size"});
  CHECK(with("[sim.disk.d]\nsize = 512\noverlay = false\n") ==
        Lines{"vm.toml:18:11: sim.disk.d.overlay: is false for a disk that cannot be written, "
              "expected true, or a file that is not read_only"});
  CHECK(with("[sim.net.n]\nmac = \"01:00:00:00:00:00\"\n") ==
        Lines{"vm.toml:17:7: sim.net.n.mac: is \"01:00:00:00:00:00\", expected the address of one "
              "card, as \"52:54:00:12:34:56\""});
  for (const char* mac : {"", "52:54:00:12:34", "52:54:00:12:34:5g", "52-54-00-12-34-56"}) {
    CHECK(with(std::string("[sim.net.n]\nmac = \"") + mac + "\"\n").size() == 1);
  }
  CHECK(with("[sim.fw_cfg.f]\nfiles = [[\"" + std::string(56, 'x') + "\", \"a\"]]\n") ==
        Lines{"vm.toml:17:11: sim.fw_cfg.f.files[0].name: has 56 bytes, expected 55 at most"});
  CHECK(with("[sim.net.n]\nmax = 1\n") ==
        Lines{"vm.toml:17:1: sim.net.n.max: is an unknown key, expected perhaps \"mac\""});
  CHECK(with("[sim]\ndisk = { d = 3 }\n") ==
        Lines{"vm.toml:17:14: sim.disk.d: is no table, expected [sim.disk.d]"});
}

TEST_CASE("devices and what is behind them know each other") {
  CHECK(findings_in(kWithDevices + "[sim.disk.d]\nsize = 512\n").empty());
  CHECK(findings_in(kWithDevices) ==
        Lines{"vm.toml:14:16: devices.emu_devices[0]: has nothing stored on it, expected "
              "[sim.disk.d] with a file or a size"});
  CHECK(findings_in(kWithDevices + "[sim.disk.d]\nsize = 512\n[sim.net.d]\n") ==
        Lines{"vm.toml:18:1: sim.net.d: names no device, expected the name of one row of "
              "emu_devices of type 0xe2"});
}
