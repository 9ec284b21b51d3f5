#pragma once
// 64-bit hashes of what a run leaves behind.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace axvm::hal_sim {

/// XXH3, fed piece by piece. Pieces are delimited: ("ab", "c") and ("a", "bc") differ.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void add(std::string_view text);
  void add(std::span<const std::byte> bytes);
  void add(std::uint64_t value);
  /// Not delimited: what is hashed is the concatenation.
  void add_undelimited(std::span<const std::byte> bytes);

  [[nodiscard]] std::uint64_t digest() const;
  /// The digest as 16 hexadecimal digits.
  [[nodiscard]] std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace axvm::hal_sim
