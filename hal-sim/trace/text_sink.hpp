#pragma once
// Events as text: for people.

#include <functional>
#include <hal-sim/trace/disassembler.hpp>
#include <hal-sim/trace/trace_sink.hpp>
#include <hal-sim/trace/trap_text.hpp>
#include <optional>

namespace axvm::hal_sim {

/// Reads the instruction at a guest-virtual address as the pCPU's guest would fetch it, without
/// changing anything; nothing when that would fault.
using InstructionReader =
    std::function<std::optional<std::uint32_t>(std::uint32_t pcpu, std::uint64_t address)>;

/// One block per trap: when and where, the instruction, the registers the trap left with their
/// fields named, then a line per thing the VMM did about it.
class TextSink final : public TraceSink {
 public:
  TextSink(Isa isa, TextOutput output, InstructionReader reader)
      : traps_(trap_text(isa)),
        output_(std::move(output)),
        reader_(std::move(reader)),
        disassembler_(isa) {}
  void event(const Stamp& stamp, const Event& event) override;
  void unmaintained_code(const sim::UnmaintainedCode& event) override;

 private:
  [[nodiscard]] std::string instruction(std::uint32_t pcpu, std::uint64_t address);
  [[nodiscard]] std::string trap(const Stamp& stamp, const TrapTaken& trap);

  const TrapText& traps_;
  TextOutput output_;
  InstructionReader reader_;
  Disassembler disassembler_;
};

}  // namespace axvm::hal_sim
