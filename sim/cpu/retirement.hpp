#pragma once
// Exact count of retired instructions from block entries (fixed-size instructions).

#include <cstdint>
#include <sim/state.hpp>

namespace axvm::sim {

/// A block is counted as a whole when it begins; whoever stops inside it takes back what did not
/// retire. Also knows where the program would continue sequentially, which defines asynchronous
/// points: a discontinuity of the program counter, however the engine cuts its blocks.
class Retirement {
 public:
  static constexpr unsigned kInstructionBytes = 4;

  void begin_block(std::uint64_t va, std::uint64_t count) noexcept {
    total_ += count;
    begin_ = va;
    end_ = va + count * kInstructionBytes;
  }

  /// Execution stopped with `pc` as the next instruction to run.
  void stop_at(std::uint64_t pc) noexcept {
    total_ = total_at(pc);
    begin_ = end_ = pc;
  }

  /// The count if execution stopped at `pc`.
  [[nodiscard]] std::uint64_t total_at(std::uint64_t pc) const noexcept {
    return pc - begin_ <= end_ - begin_ ? total_ - (end_ - pc) / kInstructionBytes : total_;
  }

  /// The running block retired as a whole; nothing of the next one has.
  void close() noexcept { begin_ = end_; }

  /// The last instruction, at `pc`, did not retire after all: it trapped.
  void take_back(std::uint64_t pc) noexcept {
    --total_;
    begin_ = end_ = pc;
  }

  /// Control goes elsewhere by an exception or its return: what follows is an asynchronous point.
  void discontinue() noexcept { begin_ = end_ = kNowhere; }
  /// No block has begun since.
  [[nodiscard]] bool discontinued() const noexcept { return end_ == kNowhere; }

  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }
  /// Where execution continues unless something branches.
  [[nodiscard]] std::uint64_t successor() const noexcept { return end_; }

  /// Between blocks.
  void describe(StateVisitor& v) {
    v.field("retired", total_);
    v.field("successor", end_);
    begin_ = end_;
  }

 private:
  std::uint64_t total_ = 0;
  static constexpr std::uint64_t kNowhere = 1;  // no instruction is at an odd address
  std::uint64_t begin_ = kNowhere;
  std::uint64_t end_ = kNowhere;
};

}  // namespace axvm::sim
