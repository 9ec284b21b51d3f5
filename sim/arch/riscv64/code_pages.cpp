#include <cstring>
#include <sim/arch/riscv64/code_pages.hpp>
#include <sim/arch/riscv64/csr.hpp>
#include <sim/arch/riscv64/retirement.hpp>
#include <sim/arch/riscv64/system_instruction.hpp>

namespace axvm::sim::riscv64 {
namespace {

/// Interrupts are evaluated right behind an SRET and an explicit write to sstatus ("Supervisor
/// Interrupt Registers"). What else could enable them, the machine carries out itself.
bool synchronizes(std::uint32_t word) noexcept {
  if (word == kSret) return true;
  const auto csr = decode_csr_instruction(word);
  return csr && csr->writes() && static_cast<Csr>(csr->csr) == Csr::sstatus;
}

void note_repair(CodeBlock& block, std::uint32_t word) noexcept {
  const auto csr = decode_csr_instruction(word);
  if (!csr) return;
  switch (static_cast<Csr>(csr->csr)) {
    case Csr::sstatus:
      if (csr->rd == 0) return;
      block.repair = Repair::Status;
      block.rd = csr->rd;
      return;
    case Csr::sepc:
      if (csr->writes()) block.repair = Repair::Epc;
      return;
    default: return;
  }
}

}  // namespace

CodeBlock describe_block(const std::uint8_t* code, std::uint32_t size,
                         std::uint64_t room) noexcept {
  CodeBlock block{.code = code, .size = size};
  std::uint32_t last = 0;
  for (std::uint32_t at = 0; at < size; ++block.count) {
    last = at;
    at += instruction_bytes(code[at]);
  }
  // CSR instructions and SRET are the last ones of their blocks. (In two pages, they are the
  // machine's own: watches.cpp.)
  if (size - last != 4 || size > room) return block;
  std::uint32_t word = 0;
  std::memcpy(&word, code + last, sizeof word);
  note_repair(block, word);
  block.synchronizes = synchronizes(word);
  return block;
}

}  // namespace axvm::sim::riscv64
