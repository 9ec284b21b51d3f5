// A machine, a guest of two instructions, and what it made the VMM do.
#include <cstdint>
#include <fstream>
#include <hal-sim/host/host.hpp>

using namespace axvm::hal_sim;

int main() {
  // mov w0, #0x84000008 (PSCI SYSTEM_OFF); hvc #0
  const std::uint32_t code[] = {0x52b08000, 0x72800100, 0xd4000002};
  std::ofstream("guest.bin", std::ios::binary)
      .write(reinterpret_cast<const char*>(code), sizeof(code));
  const auto config = parse_config({{"vm.toml", R"(
[base]
id = 1
name = "outside"
vm_type = 1
cpu_num = 1
[kernel]
kernel_path = "guest.bin"
kernel_load_addr = 0x40000000
memory_regions = [[0x40000000, 0x200000, 7, 0]]
[devices]
emu_devices = []
passthrough_devices = []
)"}});
  if (!config) return 1;
  const auto host = Host::create(*config);
  if (!host || (*host)->run().kind != StopKind::PoweredOff) return 2;
  return (*host)->statistics().exits.by_class[0x16] == 1 ? 0 : 3;  // one HVC
}
