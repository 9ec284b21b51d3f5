#pragma once
// Exact count of retired instructions from block entries. A repeated string instruction counts once
// for each element, and at least once.

#include <cstdint>
#include <sim/arch/x86_64/code_blocks.hpp>
#include <sim/state.hpp>

namespace axvm::sim::x86_64 {

/// A block is counted as a whole when it begins; whoever stops inside it takes back what did not
/// retire. Also knows where the program would continue sequentially, which defines asynchronous
/// points: a discontinuity of the program counter, however the engine cuts its blocks. Addresses
/// are linear.
class Retirement {
 public:
  /// `elements`: false for the block of a repeated instruction that has no element left; its last
  /// instruction has been counted already. The block is valid until it is closed.
  void begin_block(std::uint64_t va, const CodeBlock& block, bool elements = true) noexcept {
    close();
    total_ += block.count - (elements ? 0 : 1);
    begin_ = va;
    end_ = va + block.size;
    code_ = block.code;
    block_end_ = elements ? block.end : BlockEnd::Other;
    running_ = true;
    repeats_ = block_end_ == BlockEnd::Repeat ? va + block.last : kNowhere;
  }

  /// Execution stopped with `pc` as the next instruction to run.
  void stop_at(std::uint64_t pc) noexcept {
    if (running_ && pc == end_) return close();
    const std::uint64_t total = total_at(pc);
    if (running_ && pc != begin_) synchronizes_ = shadow_ = false;
    total_ = total;
    begin_ = end_ = pc;
    running_ = false;
  }

  /// The count if execution stopped at `pc`.
  [[nodiscard]] std::uint64_t total_at(std::uint64_t pc) const noexcept {
    if (!running_ || pc - begin_ >= end_ - begin_) return total_;
    return total_ - code_.count(static_cast<std::uint32_t>(pc - begin_),
                                static_cast<std::uint32_t>(end_ - begin_));
  }

  /// The running block retired as a whole; nothing of the next one has.
  void close() noexcept {
    if (!running_) return;
    // Behind POPF, and behind the one instruction that STI keeps interrupts from.
    synchronizes_ = shadow_ || block_end_ == BlockEnd::Popf;
    shadow_ = block_end_ == BlockEnd::Sti;
    begin_ = end_;
    running_ = false;
  }

  /// The instruction at `va`, where execution has stopped, was carried out without the engine.
  void retire(std::uint64_t va, unsigned bytes) noexcept {
    ++total_;
    synchronizes_ = shadow_;
    shadow_ = false;
    begin_ = end_ = va + bytes;
    repeats_ = kNowhere;
    running_ = false;
  }

  /// Control goes elsewhere by an exception or its return: what follows is an asynchronous point.
  void discontinue() noexcept {
    begin_ = end_ = repeats_ = kNowhere;
    running_ = synchronizes_ = shadow_ = false;
  }
  [[nodiscard]] bool discontinued() const noexcept { return end_ == kNowhere; }

  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }
  /// Where execution continues unless something branches.
  [[nodiscard]] std::uint64_t successor() const noexcept { return end_; }
  /// Between blocks: the next instruction is an asynchronous point even at successor().
  [[nodiscard]] bool synchronizes() const noexcept { return synchronizes_; }
  /// Where the last instruction begins again, if it is a repeated one.
  [[nodiscard]] std::uint64_t repeats() const noexcept { return repeats_; }

  /// Between blocks.
  void describe(StateVisitor& v) {
    close();
    v.field("retired", total_);
    v.field("successor", end_);
    v.field("repeats", repeats_);
    v.value("synchronizes", synchronizes_);
    v.value("shadow", shadow_);
    begin_ = end_;
  }

 private:
  /// Not canonical, and no linear address of 32 bits.
  static constexpr std::uint64_t kNowhere = 1ULL << 63;
  std::uint64_t total_ = 0;
  std::uint64_t begin_ = kNowhere;
  std::uint64_t end_ = kNowhere;
  std::uint64_t repeats_ = kNowhere;
  CodeBytes code_;
  BlockEnd block_end_ = BlockEnd::Other;
  bool running_ = false;
  bool synchronizes_ = false;
  bool shadow_ = false;
};

}  // namespace axvm::sim::x86_64
