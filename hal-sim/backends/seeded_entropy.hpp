#pragma once
// Entropy that is the same in every run.

#include <axvm/backend.hpp>
#include <axvm/state.hpp>
#include <cstdint>
#include <hal-common/entropy.hpp>
#include <hal-sim/host/choices.hpp>

namespace axvm::hal_sim {

/// Takes 8 bytes of Choices::entropy for every 8 bytes, or what is left of them.
class SeededEntropy final : public EntropySource {
 public:
  /// `choices` outlives it.
  explicit SeededEntropy(Choices& choices) : choices_(choices) {}

  void fill(std::span<std::byte> bytes) override {
    hal_common::fill_from_words(bytes, [this] { return ++taken_, choices_.entropy(); });
  }
  /// How far the sequence has gone: where it goes on.
  void describe(StateVisitor& visitor) { visitor.field("taken", taken_); }

 private:
  Choices& choices_;
  std::uint64_t taken_ = 0;
};

}  // namespace axvm::hal_sim
