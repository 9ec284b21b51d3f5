#pragma once
// Capstone as a witness of what bytes mean.

#include <capstone/capstone.h>

#include <core/arch/x86_64/registers.hpp>
#include <cstdint>
#include <span>

namespace axvm::x86_64::test {

class Disassembler {
 public:
  explicit Disassembler(CodeSize code_size, bool details = false) {
    constexpr cs_mode kModes[] = {CS_MODE_16, CS_MODE_32, CS_MODE_64};
    cs_open(CS_ARCH_X86, kModes[static_cast<unsigned>(code_size)], &handle_);
    if (details) cs_option(handle_, CS_OPT_DETAIL, CS_OPT_ON);
    instruction_ = cs_malloc(handle_);
  }
  ~Disassembler() {
    cs_free(instruction_, 1);
    cs_close(&handle_);
  }
  Disassembler(const Disassembler&) = delete;
  Disassembler& operator=(const Disassembler&) = delete;

  /// Null when the bytes begin with no instruction that it knows.
  const cs_insn* disassemble(std::span<const std::uint8_t> bytes) {
    const std::uint8_t* code = bytes.data();
    std::size_t size = bytes.size();
    std::uint64_t address = 0;
    return cs_disasm_iter(handle_, &code, &size, &address, instruction_) ? instruction_ : nullptr;
  }
  /// The length of the instruction; 0 when it knows none.
  unsigned length(std::span<const std::uint8_t> bytes) {
    const cs_insn* i = disassemble(bytes);
    return i == nullptr ? 0 : i->size;
  }

 private:
  csh handle_ = 0;
  cs_insn* instruction_ = nullptr;
};

}  // namespace axvm::x86_64::test
