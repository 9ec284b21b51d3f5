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
  /// `code` are the block's bytes, valid until it is closed.
  void begin_block(std::uint64_t va, std::uint64_t size, std::uint64_t count,
                   const std::uint8_t* code) noexcept {
    total_ += count;
    begin_ = va;
    end_ = va + size;
    code_ = code;
  }

  /// Execution stopped with `pc` as the next instruction to run.
  void stop_at(std::uint64_t pc) noexcept {
    const std::uint64_t total = total_at(pc);
    if (code_ != nullptr && pc - begin_ - 1 < end_ - begin_) last_ = start_before(pc);
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
    last_ = va;
    begin_ = end_ = va + bytes;
    code_ = nullptr;
  }

  /// Control goes elsewhere by an exception or its return: what follows is an asynchronous point.
  void discontinue() noexcept {
    begin_ = end_ = last_ = kNowhere;
    code_ = nullptr;
  }
  /// Nothing has retired since.
  [[nodiscard]] bool discontinued() const noexcept { return end_ == kNowhere; }

  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }
  /// Where the running block begins.
  [[nodiscard]] std::uint64_t begin() const noexcept { return begin_; }
  /// Where execution continues unless something branches.
  [[nodiscard]] std::uint64_t successor() const noexcept { return end_; }
  /// The instruction that retired last before successor(); an odd address when it is not known.
  [[nodiscard]] std::uint64_t last() const noexcept {
    return code_ == nullptr || begin_ == end_ ? last_ : start_before(end_);
  }

  /// Between blocks.
  void describe(StateVisitor& v) {
    close();
    v.field("retired", total_);
    v.field("successor", end_);
    v.field("last", last_);
    begin_ = end_;
  }

 private:
  /// The last instruction that begins in the block before `pc`.
  [[nodiscard]] std::uint64_t start_before(std::uint64_t pc) const noexcept {
    std::uint64_t at = begin_;
    for (;;) {
      const std::uint64_t next = at + instruction_bytes(code_[at - begin_]);
      if (next >= pc) return at;
      at = next;
    }
  }

  static constexpr std::uint64_t kNowhere = 1;  // no instruction is at an odd address
  std::uint64_t total_ = 0;
  std::uint64_t begin_ = kNowhere;
  std::uint64_t end_ = kNowhere;
  std::uint64_t last_ = kNowhere;
  const std::uint8_t* code_ = nullptr;
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
