// Any bytes are a configuration or a list of findings, each at a place in the file; and a
// configuration that parses can be shown to the core and planned for.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <hal-sim/config/lent_vm_config.hpp>
#include <hal-sim/config/machine_config.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace axvm::hal_sim;
  const auto config =
      parse_config({{"fuzz.toml", std::string(reinterpret_cast<const char*>(data), size)}});
  if (!config) {
    if (config.error().empty()) std::abort();
    for (const Diagnostic& error : config.error()) {
      if (error.at.line == 0 || to_string(error).find('\n') != std::string::npos) std::abort();
    }
    return 0;
  }
  std::uint64_t end = 0;
  for (const MemoryBank& bank : plan_memory(*config)) {
    if (bank.size == 0 || bank.base < end) std::abort();
    end = bank.base + bank.size;
  }
  for (const VmFile& vm : config->vms) {
    const LentVmConfig lent(vm);
    if (const auto error = lent.view().validate()) static_cast<void>(lent.locate(*error));
  }
  return 0;
}
