#pragma once
// What the engine's blocks are made of.

#include <array>
#include <cstddef>
#include <cstdint>
#include <sim/arch/x86_64/code_bytes.hpp>

namespace axvm::sim::x86_64 {

/// How a block ends, as far as that matters for what follows.
enum class BlockEnd : std::uint8_t {
  Other,
  Sti,     ///< interrupts may come behind the next instruction
  Popf,    ///< interrupts may come
  Repeat,  ///< a repeated string instruction, whose block begins again for each element
};

struct CodeBlock {
  CodeBytes code;
  std::uint32_t size = 0;   ///< bytes
  std::uint32_t count = 0;  ///< instructions; 0: not known
  std::uint32_t last = 0;   ///< offset of the last one
  BlockEnd end = BlockEnd::Other;
  std::uint8_t address_bytes = 0;  ///< of the last one
  bool far = false;                ///< which may load CS
};

/// Far jumps, calls and returns, IRET, SYSRET, SYSEXIT.
[[nodiscard]] inline bool may_load_cs(const Instruction& i) noexcept {
  if (i.map == Instruction::Map::TwoByte) return i.opcode == 0x07 || i.opcode == 0x35;
  if (i.map != Instruction::Map::OneByte) return false;
  switch (i.opcode) {
    case 0x9a:
    case 0xea:
    case 0xca:
    case 0xcb:
    case 0xcf: return true;
    case 0xff: return i.extension() == 3 || i.extension() == 5;
    default: return false;
  }
}

/// Finds out what a block of `size` bytes is.
[[nodiscard]] inline CodeBlock describe_block(const CodeBytes& code, std::uint32_t size) noexcept {
  CodeBlock block{.code = code, .size = size};
  Instruction last;
  for (std::uint32_t offset = 0; offset < size; ++block.count) {
    last = code.at(offset);
    block.last = offset;
    offset += last.length == 0 ? size : last.length;
  }
  block.address_bytes = last.address_bytes;
  block.far = may_load_cs(last);
  using Map = Instruction::Map;
  if (last.length == 0 || last.map != Map::OneByte) return block;
  const bool string = (last.opcode >= 0x6c && last.opcode <= 0x6f) ||
                      (last.opcode >= 0xa4 && last.opcode <= 0xa7) ||
                      (last.opcode >= 0xaa && last.opcode <= 0xaf);
  if (last.opcode == 0xfb) block.end = BlockEnd::Sti;
  if (last.opcode == 0x9d) block.end = BlockEnd::Popf;
  if (string && (last.rep || last.repne)) block.end = BlockEnd::Repeat;
  return block;
}

/// A cache: what it has forgotten is found out again, which changes nothing.
class CodeBlocks {
 public:
  /// The block of `size` bytes at linear address `va`; null when it is not known.
  [[nodiscard]] const CodeBlock* find(std::uint64_t va, std::uint32_t size) const noexcept {
    const Entry& e = entries_[index_of(va)];
    return e.va == va && e.block.size == size && e.generation == generation_ ? &e.block : nullptr;
  }
  const CodeBlock& note(std::uint64_t va, const CodeBlock& block) noexcept {
    Entry& e = entries_[index_of(va)];
    e = {.va = va, .generation = generation_, .block = block};
    return e.block;
  }
  /// Translation, the mode or the bytes of some code may have changed.
  void forget() noexcept { ++generation_; }

 private:
  struct Entry {
    std::uint64_t va = 0;
    std::uint64_t generation = 0;
    CodeBlock block;
  };
  static constexpr std::size_t kEntries = std::size_t{1} << 13;

  static constexpr std::size_t index_of(std::uint64_t va) noexcept {
    return static_cast<std::size_t>(va ^ va >> 13) % kEntries;
  }

  std::uint64_t generation_ = 1;
  std::array<Entry, kEntries> entries_{};
};

}  // namespace axvm::sim::x86_64
