// Files in upstream's style must be accepted as they are.
#include <doctest/doctest.h>

#include <filesystem>
#include <hal-sim/config/machine_config.hpp>

using namespace axvm;
using namespace axvm::hal_sim;

namespace {

MachineConfig load(const char* name) {
  auto config = load_config({std::filesystem::path(AXVM_TEST_DATA) / name});
  if (!config) {
    for (const Diagnostic& error : config.error()) FAIL_CHECK(to_string(error));
    return {};
  }
  return std::move(*config);
}

}  // namespace

TEST_CASE("every upstream-style file parses without a warning") {
  unsigned files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(AXVM_TEST_DATA)) {
    CAPTURE(entry.path().string());
    const auto config = load_config({entry.path()});
    if (!config) {
      for (const Diagnostic& error : config.error()) FAIL_CHECK(to_string(error));
    } else {
      CHECK(config->warnings.empty());
    }
    ++files;
  }
  CHECK(files >= 6);
}

TEST_CASE("arceos on qemu aarch64: one gigabyte in place, everything passed through") {
  const MachineConfig config = load("arceos-aarch64-qemu-smp1.toml");
  REQUIRE(config.vms.size() == 1);
  const VmFile& vm = config.vms[0];
  CHECK(vm.entry_point == 0x8020'0000);
  CHECK(vm.interrupt_mode == InterruptMode::Passthrough);
  CHECK(vm.passthrough_devices[0].is_path());
  CHECK(vm.excluded_devices[0][0] == "/pcie@10000000");
  CHECK(plan_memory(config).back() == MemoryBank{0x8000'0000, 0x4000'0000});
}

TEST_CASE("linux on a board with several clusters: affinities per vCPU") {
  const MachineConfig config = load("linux-rk3568-smp2.toml");
  REQUIRE(config.vms.size() == 1);
  CHECK(config.vms[0].phys_cpu_ids == std::vector<std::uint64_t>{0x200, 0x300});
  CHECK(config.vms[0].passthrough_addresses[0].base == 0);
  CHECK(plan_pcpus(config) == 2);
}

TEST_CASE("linux on qemu x86_64: ports and several devices") {
  const MachineConfig config = load("linux-x86_64-qemu-smp1.toml");
  REQUIRE(config.vms.size() == 1);
  CHECK(config.vms[0].emu_devices.size() == 3);
  CHECK(config.vms[0].passthrough_ports[0].length == 0x80);
  CHECK(config.vms[0].cmdline->starts_with("console=ttyS0"));
}
