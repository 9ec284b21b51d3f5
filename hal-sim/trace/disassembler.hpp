#pragma once
// Machine code as text.

#include <cstdint>
#include <memory>
#include <string>

namespace axvm::hal_sim {

/// Disassembles AArch64 instructions.
class Disassembler {
 public:
  Disassembler();
  ~Disassembler();
  Disassembler(const Disassembler&) = delete;
  Disassembler& operator=(const Disassembler&) = delete;

  /// "str w1, [x0]"; ".word 0x00000000" when it is no instruction.
  [[nodiscard]] std::string instruction(std::uint64_t address, std::uint32_t word) const;

 private:
  struct Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace axvm::hal_sim
