#include <capstone/capstone.h>
#include <fmt/format.h>

#include <array>
#include <hal-sim/trace/disassembler.hpp>

namespace axvm::hal_sim {

struct Disassembler::Engine {
  csh handle = 0;
  bool open = false;
};

Disassembler::Disassembler(Isa isa) : engine_(std::make_unique<Engine>()) {
  const bool arm = isa == Isa::Aarch64;
  const auto mode =
      arm ? CS_MODE_LITTLE_ENDIAN : static_cast<cs_mode>(CS_MODE_RISCV64 | CS_MODE_RISCVC);
  engine_->open = cs_open(arm ? CS_ARCH_ARM64 : CS_ARCH_RISCV, mode, &engine_->handle) == CS_ERR_OK;
}

Disassembler::~Disassembler() {
  if (engine_->open) cs_close(&engine_->handle);
}

std::string Disassembler::instruction(std::uint64_t address, std::uint32_t word) const {
  const std::array<std::uint8_t, 4> bytes = {
      static_cast<std::uint8_t>(word), static_cast<std::uint8_t>(word >> 8),
      static_cast<std::uint8_t>(word >> 16), static_cast<std::uint8_t>(word >> 24)};
  cs_insn* decoded = nullptr;
  if (!engine_->open ||
      cs_disasm(engine_->handle, bytes.data(), bytes.size(), address, 1, &decoded) != 1) {
    return fmt::format(".word {:#010x}", word);
  }
  std::string text = decoded->mnemonic;
  if (decoded->op_str[0] != '\0') text += fmt::format(" {}", decoded->op_str);
  cs_free(decoded, 1);
  return text;
}

}  // namespace axvm::hal_sim
