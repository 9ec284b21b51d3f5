#pragma once
// A valid configuration to vary, and the findings as lines of text.

#include <hal-sim/config/machine_config.hpp>
#include <string>
#include <vector>

namespace axvm::hal_sim::test {

inline const std::string kValid = R"([base]
id = 1
name = "guest"
vm_type = 1
cpu_num = 1

[kernel]
entry_point = 0x4008_0000
kernel_path = "guest.bin"
kernel_load_addr = 0x4008_0000
memory_regions = [[0x4000_0000, 0x100_0000, 0x7, 0]]

[devices]
emu_devices = []
passthrough_devices = []
)";

/// `text` with the first occurrence of `from` replaced.
inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  return at == std::string::npos ? "(no such text)" : text.replace(at, from.size(), to);
}

/// The findings for one file called vm.toml; empty when it is valid.
inline std::vector<std::string> errors_of(const std::string& text) {
  std::vector<std::string> lines;
  const auto config = parse_config({{"vm.toml", text}});
  if (!config) {
    for (const Diagnostic& error : config.error()) lines.push_back(to_string(error));
  }
  return lines;
}

/// The VM of a valid file; an empty one when it is not valid.
inline VmFile vm_of(const std::string& text) {
  auto config = parse_config({{"vm.toml", text}});
  return config ? std::move(config->vms.front()) : VmFile{};
}

}  // namespace axvm::hal_sim::test
