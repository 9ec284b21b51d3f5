// Any text as a configuration: it is accepted or each finding has a place in the file; what is
// accepted can be planned for, and what the core then finds wrong has a place as well.

#include <cstdint>
#include <fuzz/input.hpp>
#include <hal-sim/config/lent_vm_config.hpp>
#include <hal-sim/config/machine_config.hpp>
#include <hal-sim/load/image.hpp>

namespace {

using namespace axvm::hal_sim;
using axvm::fuzz::require;

void check(const Diagnostic& finding) {
  require(finding.file == "fuzz.toml", "a finding names its file");
  require(finding.at.line != 0 && finding.at.column != 0, "a finding has a line and a column");
  require(!finding.what.empty(), "a finding says what is wrong");
  const std::string text = to_string(finding);
  require(text.find('\n') == std::string::npos, "a finding is one line");
}

void check_plan(const MachineConfig& config) {
  std::uint64_t end = 0;
  for (const MemoryBank& bank : plan_memory(config)) {
    require(bank.size != 0 && bank.base >= end, "banks are sorted and disjoint");
    end = bank.base + bank.size;
  }
  const unsigned pcpus = plan_pcpus(config);
  require(pcpus >= 1 && pcpus <= 64, "a machine has 1 to 64 pCPUs");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto config = parse_config({{"fuzz.toml", text}});
  if (!config) {
    require(!config.error().empty(), "a refusal has a reason");
    for (const Diagnostic& error : config.error()) check(error);
    return 0;
  }
  for (const Diagnostic& warning : config->warnings) check(warning);
  check_plan(*config);
  for (const VmFile& vm : config->vms) {
    require(!images_of(vm).empty(), "a VM has a kernel");
    const LentVmConfig lent(vm);
    if (const auto error = lent.view().validate()) check(lent.locate(*error));
  }
  return 0;
}
