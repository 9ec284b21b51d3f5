#pragma once
// Looking at a machine that has been stopped, command by command.

#include <atomic>
#include <hal-sim/config/machine_config.hpp>
#include <hal-sim/host/host.hpp>
#include <tools/axvm/output.hpp>
#include <tools/axvm/saver.hpp>
#include <tools/axvm/terminal.hpp>

namespace axvm::tool {

class Monitor {
 public:
  enum class Next : std::uint8_t { Continue, Quit };

  /// All outlive the monitor. `config` is what the host was made from.
  Monitor(hal_sim::Host& host, const hal_sim::MachineConfig& config, Saver& saver, Output& output)
      : host_(host), config_(config), saver_(saver), output_(output) {}

  /// Reads lines from `terminal` and answers them until one says how to go on, none comes or a
  /// signal sets `stop`. The terminal is raw again when the run goes on.
  /// Looking changes nothing that the guests could notice.
  [[nodiscard]] Next run(Terminal& terminal, const std::atomic<bool>& stop);

 private:
  [[nodiscard]] std::optional<Next> execute(const std::string& line);
  void info(const std::string& what);
  void info_vcpus();
  void info_irqs();
  void info_tlb();
  void walk(const std::string& address);
  void snapshot(const std::string& file);

  hal_sim::Host& host_;
  const hal_sim::MachineConfig& config_;
  Saver& saver_;
  Output& output_;
};

}  // namespace axvm::tool
