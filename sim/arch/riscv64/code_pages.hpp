#pragma once
// Where the code that is being executed lies in memory, and what its blocks are.

#include <array>
#include <cstddef>
#include <cstdint>

namespace axvm::sim::riscv64 {

/// What the engine leaves wrong behind the last instruction of a block.
enum class Repair : std::uint8_t {
  None,
  Status,  ///< it read sstatus, whose UXL the engine does not have
  Epc,     ///< it wrote sepc, which the engine lets be odd
};

/// A block of code as it is in memory.
struct CodeBlock {
  const std::uint8_t* code = nullptr;
  std::uint32_t size = 0;   ///< bytes
  std::uint32_t count = 0;  ///< instructions
  Repair repair = Repair::None;
  std::uint8_t rd = 0;        ///< Repair::Status: the register that was read to
  bool synchronizes = false;  ///< its last instruction makes the next an asynchronous point
};

/// Finds out how many instructions `size` bytes of code have, and what has to be done behind them.
/// Of the last one, what is beyond `room` bytes is elsewhere in memory.
[[nodiscard]] CodeBlock describe_block(const std::uint8_t* code, std::uint32_t size,
                                       std::uint64_t room) noexcept;

/// Caches: what they have forgotten is found out again, which changes nothing.
class CodePages {
 public:
  static constexpr std::uint64_t kPage = 4096;

  /// The bytes of the page at virtual address `page`; null when it is not known.
  [[nodiscard]] const std::uint8_t* find(std::uint64_t page) const noexcept {
    const Page& p = pages_[index_of(page)];
    return p.va == page && p.translation == translation_ ? p.bytes : nullptr;
  }
  void note(std::uint64_t page, const std::uint8_t* bytes) noexcept {
    pages_[index_of(page)] = {.va = page, .translation = translation_, .bytes = bytes};
  }
  /// Translation may have changed.
  void forget_pages() noexcept { ++translation_; }

  /// The block of `size` bytes at `va`; null when it is not known.
  [[nodiscard]] const CodeBlock* find(std::uint64_t va, std::uint32_t size) const noexcept {
    const Block& b = blocks_[index_of_block(va)];
    const bool known = b.va == va && b.block.size == size && b.translation == translation_ &&
                       b.contents == contents_;
    return known ? &b.block : nullptr;
  }
  /// The same when its bytes are known to be at `code`.
  const CodeBlock& note_block(std::uint64_t va, std::uint32_t size,
                              const std::uint8_t* code) noexcept {
    Block& b = blocks_[index_of_block(va)];
    const bool same = b.block.code == code && b.block.size == size && b.contents == contents_;
    if (!same) b.block = describe_block(code, size, kPage - va % kPage);
    b.va = va;
    b.translation = translation_;
    b.contents = contents_;
    return b.block;
  }
  /// The bytes of some frame of code may have changed.
  void forget_blocks() noexcept { ++contents_; }

 private:
  struct Page {
    std::uint64_t va = 1;  // no page's address
    std::uint64_t translation = 0;
    const std::uint8_t* bytes = nullptr;
  };
  struct Block {
    std::uint64_t va = 1;  // no instruction's
    std::uint64_t translation = 0;
    std::uint64_t contents = 0;
    CodeBlock block;
  };
  static constexpr std::size_t kPages = 1024;
  static constexpr std::size_t kBlocks = std::size_t{1} << 14;

  static constexpr std::size_t index_of(std::uint64_t page) noexcept {
    return static_cast<std::size_t>(page / kPage) % kPages;
  }
  static constexpr std::size_t index_of_block(std::uint64_t va) noexcept {
    return static_cast<std::size_t>(va >> 1) % kBlocks;
  }

  std::uint64_t translation_ = 1;
  std::uint64_t contents_ = 1;
  std::array<Page, kPages> pages_{};
  std::array<Block, kBlocks> blocks_{};
};

}  // namespace axvm::sim::riscv64
