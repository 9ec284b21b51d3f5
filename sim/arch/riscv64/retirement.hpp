#pragma once
// Exact count of retired instructions from block entries, for instructions of two and four bytes.

#include <cstdint>
#include <cstring>
#include <sim/arch/riscv64/decode.hpp>
#include <sim/state.hpp>

namespace axvm::sim::riscv64 {

/// How many instructions begin in `size` bytes of code, the first one at `code`. The second half of
/// the last one may lie beyond.
inline std::uint64_t count_instructions(const std::uint8_t* code, std::uint64_t size) noexcept {
  std::uint64_t count = 0;
  for (std::uint64_t at = 0; at < size; ++count) at += instruction_bytes(code[at]);
  return count;
}

/// A block is counted as a whole when it begins; whoever stops inside it takes back what did not
/// retire. Also knows where the program would continue sequentially, which defines asynchronous
/// points: a discontinuity of the program counter, however the engine cuts its blocks.
class Retirement {
 public:
  /// `code` are the block's bytes, valid until it is closed. `synchronizes`: behind its last
  /// instruction is an asynchronous point wherever that is; inside the block there is none.
  void begin_block(std::uint64_t va, std::uint64_t size, std::uint64_t count,
                   const std::uint8_t* code, bool synchronizes) noexcept {
    total_ += count;
    begin_ = va;
    end_ = va + size;
    code_ = code;
    block_synchronizes_ = synchronizes;
  }
  /// The running block is one whose last instruction does, after all.
  void block_synchronizes() noexcept { block_synchronizes_ = true; }

  /// Execution stopped with `pc` as the next instruction to run.
  void stop_at(std::uint64_t pc) noexcept {
    const std::uint64_t total = total_at(pc);
    if (code_ != nullptr && pc != begin_) synchronizes_ = block_synchronizes_ && pc == end_;
    total_ = total;
    begin_ = end_ = pc;
    code_ = nullptr;
  }

  /// The count if execution stopped at `pc`.
  [[nodiscard]] std::uint64_t total_at(std::uint64_t pc) const noexcept {
    if (code_ == nullptr || pc - begin_ >= end_ - begin_) return total_;
    return total_ - count_instructions(code_ + (pc - begin_), end_ - pc);
  }

  /// The running block retired as a whole; nothing of the next one has.
  void close() noexcept {
    if (code_ != nullptr) stop_at(end_);
  }

  /// The instruction at `va`, where execution has stopped, was carried out without the engine.
  void retire(std::uint64_t va, unsigned bytes) noexcept {
    ++total_;
    synchronizes_ = false;
    begin_ = end_ = va + bytes;
    code_ = nullptr;
  }

  /// Control goes elsewhere by an exception or its return: what follows is an asynchronous point.
  void discontinue() noexcept {
    begin_ = end_ = kNowhere;
    synchronizes_ = false;
    code_ = nullptr;
  }
  /// Nothing has retired since.
  [[nodiscard]] bool discontinued() const noexcept { return end_ == kNowhere; }

  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }
  /// Where the running block begins.
  [[nodiscard]] std::uint64_t begin() const noexcept { return begin_; }
  /// Where execution continues unless something branches.
  [[nodiscard]] std::uint64_t successor() const noexcept { return end_; }
  /// Between blocks: the next instruction is an asynchronous point even at successor().
  [[nodiscard]] bool synchronizes() const noexcept { return synchronizes_; }

  /// Between blocks.
  void describe(StateVisitor& v) {
    close();
    v.field("retired", total_);
    v.field("successor", end_);
    v.value("synchronizes", synchronizes_);
    begin_ = end_;
  }

 private:
  static constexpr std::uint64_t kNowhere = 1;  // no instruction is at an odd address
  std::uint64_t total_ = 0;
  std::uint64_t begin_ = kNowhere;
  std::uint64_t end_ = kNowhere;
  const std::uint8_t* code_ = nullptr;
  bool block_synchronizes_ = false;
  bool synchronizes_ = false;
};

/// Retirement::total_at() of one instruction of a block after the other, without counting all that
/// follow each time.
class RetirementCursor {
 public:
  /// `bytes` are those of the instruction at `pc`.
  [[nodiscard]] std::uint64_t total_at(const Retirement& retirement, std::uint64_t pc,
                                       unsigned bytes) noexcept {
    // While a block runs, neither its beginning nor what has retired behind it changes.
    const bool follows =
        pc == next_ && retirement.begin() == begin_ && retirement.total() == total_;
    const std::uint64_t count = follows ? count_ + 1 : retirement.total_at(pc);
    begin_ = retirement.begin();
    total_ = retirement.total();
    next_ = pc + bytes;
    count_ = count;
    return count;
  }

 private:
  std::uint64_t begin_ = 1;  // where no instruction is
  std::uint64_t total_ = 0;
  std::uint64_t next_ = 1;
  std::uint64_t count_ = 0;  // before the instruction that next_ is behind
};

}  // namespace axvm::sim::riscv64
