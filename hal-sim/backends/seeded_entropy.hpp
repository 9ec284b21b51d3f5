#pragma once
// Entropy that is the same in every run.

#include <axvm/backend.hpp>
#include <axvm/state.hpp>
#include <cstdint>
#include <hal-sim/host/choices.hpp>

namespace axvm::hal_sim {

/// Takes 8 bytes of Choices::entropy for every 8 bytes, or what is left of them.
class SeededEntropy final : public EntropySource {
 public:
  /// `choices` outlives it.
  explicit SeededEntropy(Choices& choices) : choices_(choices) {}

  void fill(std::span<std::byte> bytes) override {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (i % 8 == 0) word = choices_.entropy(), ++taken_;
      bytes[i] = static_cast<std::byte>(word >> (8 * (i % 8)));
    }
  }
  /// How far the sequence has gone: where it goes on.
  void describe(StateVisitor& visitor) { visitor.field("taken", taken_); }

 private:
  Choices& choices_;
  std::uint64_t taken_ = 0;
};

}  // namespace axvm::hal_sim
