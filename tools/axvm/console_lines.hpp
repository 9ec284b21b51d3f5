#pragma once
// What VMs write on their consoles, on one output.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tools/axvm/output.hpp>

namespace axvm::tool {

/// The bytes of a VM without a name as they are; whole lines, each behind its VM's name, of the
/// others.
class ConsoleLines {
 public:
  /// `output` outlives it.
  explicit ConsoleLines(Output& output) : output_(output) {}

  /// What VM `vm` writes gets this name.
  void set_name(std::uint32_t vm, std::string name) { lines_[vm] = {std::move(name), {}}; }

  void write(std::uint32_t vm, char c);

  /// Ends lines that were begun, so that what follows starts at the left margin.
  void finish();

 private:
  struct Line {
    std::string name;
    std::string text;  // what has no end of line yet
  };
  void put(char c);
  void flush(Line& line);

  Output& output_;
  std::map<std::uint32_t, Line> lines_;  // by VM
  char last_ = '\n';
};

}  // namespace axvm::tool
