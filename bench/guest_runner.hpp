#pragma once
// A bench guest under the whole stack: configuration, host, VMM, machine.

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <hal-sim/host/host.hpp>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "isa.hpp"

namespace axvm::bench {

/// The bytes of a bench guest's image.
inline std::vector<std::uint8_t> guest_image(const Isa& isa, const std::string& name) {
  std::ifstream file(std::string(AXVM_GUESTS_DIR) + "/" + isa.name + "/bench/" + name + ".bin",
                     std::ios::binary);
  if (!file) throw std::runtime_error("no bench guest " + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Where the image's branch to itself is: the end of its counted loop.
inline std::uint64_t offset_of_branch_to_self(const Isa& isa,
                                              const std::vector<std::uint8_t>& image) {
  for (std::size_t i = 0; i + isa.end_size <= image.size(); i += isa.end_size) {
    if (std::equal(isa.end, isa.end + isa.end_size, image.data() + i)) return i;
  }
  throw std::runtime_error("a bench guest has no end");
}

/// The configuration of a VM with one vCPU, 64 MiB and a console that boots the guest `name`.
inline std::string config_text(const Isa& isa, const std::string& name) {
  const std::string entry = std::to_string(isa.entry);
  return std::string(R"(
[base]
id = 1
name = "bench"
vm_type = 1
cpu_num = 1
[kernel]
image_location = "fs"
entry_point = )") +
         entry + "\nkernel_load_addr = " + entry + "\nkernel_path = \"" + isa.name + "/" + name +
         ".bin\"\nmemory_regions = [[" + std::to_string(isa.ram) + ", 0x4000000, 0x7, 0]]" + R"(
[devices]
passthrough_devices = []
interrupt_mode = "emu"
emu_devices = [)" +
         isa.console + "]\n[sim]\narch = \"" + isa.name + "\"\n";
}

class GuestRunner {
 public:
  /// `timing`: null in functional fidelity.
  GuestRunner(const Isa& isa, const std::string& guest,
              const sim::timing::Profile* timing = nullptr) {
    const auto config = hal_sim::parse_config({{"bench.toml", config_text(isa, "bench/" + guest)}});
    if (!config) throw std::runtime_error("the bench's configuration is wrong");
    hal_sim::HostOptions options;
    options.images.directories = {AXVM_GUESTS_DIR};
    if (timing != nullptr) options.timing = *timing;
    auto host = hal_sim::Host::create(*config, std::move(options));
    if (!host) throw std::runtime_error(to_string(host.error().front()));
    host_ = std::move(*host);
  }

  void run(std::uint64_t instructions) {
    limit_ += instructions;
    const auto reason =
        host_->run({.instructions = limit_, .time_ns = {}, .vcpu = {}, .console = {}});
    if (reason.kind != hal_sim::StopKind::InstructionLimit) throw std::runtime_error(reason.text);
  }
  /// One entry and one exit that the VMM returns to its host.
  void run_one_exit() {
    if (!host_->vm(0).run_vcpu(VcpuId(0))) throw std::runtime_error("run_vcpu failed");
  }
  [[nodiscard]] std::uint64_t traps() const { return host_->statistics().machine.traps_to_el2; }

 private:
  std::unique_ptr<hal_sim::Host> host_;
  std::uint64_t limit_ = 0;
};

}  // namespace axvm::bench
