#pragma once
// Machine code as text.

#include <cstdint>
#include <hal-sim/isa.hpp>
#include <memory>
#include <string>

namespace axvm::hal_sim {

/// Bytes of the instruction that begins with the low bytes of `word`: 4, or 2 if it is one of
/// RISC-V's compressed ones.
[[nodiscard]] constexpr unsigned instruction_bytes(Isa isa, std::uint32_t word) noexcept {
  return isa == Isa::Riscv64 && (word & 3) != 3 ? 2 : 4;
}

class Disassembler {
 public:
  explicit Disassembler(Isa isa);
  ~Disassembler();
  Disassembler(const Disassembler&) = delete;
  Disassembler& operator=(const Disassembler&) = delete;

  /// Of the instruction that begins with the low bytes of `word`: "str w1, [x0]"; ".word
  /// 0x00000000" when it is no instruction.
  [[nodiscard]] std::string instruction(std::uint64_t address, std::uint32_t word) const;

 private:
  struct Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace axvm::hal_sim
