#pragma once
// A set of numbers that lie close to each other, such as those of a program's pages.

#include <bitset>
#include <cstdint>
#include <map>

namespace axvm::lab {

class NumberSet {
 public:
  /// At most what a number takes.
  static constexpr std::uint64_t kNodeBytes = 112;

  /// True when it was not here before.
  bool add(std::uint64_t number) {
    if (chunk_ == nullptr || number / kChunk != chunk_number_) {
      chunk_number_ = number / kChunk;
      chunk_ = &chunks_[chunk_number_];
    }
    const std::uint64_t bit = number % kChunk;
    if (chunk_->test(bit)) return false;
    chunk_->set(bit);
    return true;
  }

 private:
  static constexpr std::uint64_t kChunk = 512;

  std::map<std::uint64_t, std::bitset<kChunk>> chunks_;
  std::bitset<kChunk>* chunk_ = nullptr;  // the last one
  std::uint64_t chunk_number_ = 0;
};

}  // namespace axvm::lab
