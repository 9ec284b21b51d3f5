#pragma once
// Guests' consoles on the standard output.

#include <hal-sim/host/host.hpp>
#include <tools/axvm/console_lines.hpp>
#include <tools/axvm/output.hpp>

namespace axvm::tool {

/// The bytes of a single VM as they are. Whole lines, each behind its VM's name, when there are
/// several VMs or when the output has other lines too.
class ConsoleWriter {
 public:
  /// Shows the consoles of all VMs of `host` on `output`; both outlive it.
  ConsoleWriter(hal_sim::Host& host, Output& output, bool shares_output);
  ~ConsoleWriter();
  ConsoleWriter(const ConsoleWriter&) = delete;
  ConsoleWriter& operator=(const ConsoleWriter&) = delete;

  /// Ends lines that were begun, so that what follows starts at the left margin.
  void finish() { lines_.finish(); }

 private:
  hal_sim::Host& host_;
  ConsoleLines lines_;
};

}  // namespace axvm::tool
