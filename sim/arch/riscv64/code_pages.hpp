#pragma once
// Where the code that is being executed lies in memory, and how many instructions its blocks have.

#include <array>
#include <cstddef>
#include <cstdint>
#include <sim/arch/riscv64/retirement.hpp>

namespace axvm::sim::riscv64 {

/// Caches: what they have forgotten is found out again, which changes nothing.
class CodePages {
 public:
  static constexpr std::uint64_t kPage = 4096;

  /// The bytes of the page at virtual address `page`; null when it is not known.
  [[nodiscard]] const std::uint8_t* find(std::uint64_t page) const noexcept {
    const Page& p = pages_[index_of(page)];
    return p.va == page ? p.bytes : nullptr;
  }
  void note(std::uint64_t page, const std::uint8_t* bytes) noexcept {
    pages_[index_of(page)] = {.va = page, .bytes = bytes};
  }
  /// Translation may have changed.
  void forget_pages() noexcept { pages_.fill({}); }

  /// The instructions of a block of `size` bytes at `va`, whose bytes are `code`.
  [[nodiscard]] std::uint64_t count(std::uint64_t va, std::uint64_t size,
                                    const std::uint8_t* code) noexcept {
    Block& b = blocks_[(va >> 1) % kBlocks];
    if (b.code != code || b.size != size || b.version != version_) [[unlikely]] {
      b = {.code = code,
           .size = static_cast<std::uint32_t>(size),
           .count = static_cast<std::uint32_t>(count_instructions(code, size)),
           .version = version_};
    }
    return b.count;
  }
  /// The bytes of some frame of code may have changed.
  void forget_blocks() noexcept { ++version_; }

 private:
  struct Page {
    std::uint64_t va = 1;  // no page's address
    const std::uint8_t* bytes = nullptr;
  };
  struct Block {
    const std::uint8_t* code = nullptr;
    std::uint32_t size = 0;
    std::uint32_t count = 0;
    std::uint64_t version = 0;
  };
  static constexpr std::size_t kPages = 64;
  static constexpr std::size_t kBlocks = std::size_t{1} << 14;

  static constexpr std::size_t index_of(std::uint64_t page) noexcept {
    return static_cast<std::size_t>(page / kPage) % kPages;
  }

  std::array<Page, kPages> pages_{};
  std::array<Block, kBlocks> blocks_{};
  std::uint64_t version_ = 1;
};

}  // namespace axvm::sim::riscv64
