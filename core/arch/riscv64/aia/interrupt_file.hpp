#pragma once
// One interrupt file of an IMSIC: which messages have come to a hart, and which of them it hears of
// (RISC-V Advanced Interrupt Architecture 1.0, chapter 3).

#include <array>
#include <axvm/state.hpp>
#include <cstdint>
#include <optional>

namespace axvm::riscv64 {

/// Interrupt identities that an interrupt file has: 1 to this. One less than a multiple of 64, as
/// on QEMU's virt.
inline constexpr std::uint32_t kIdentityCount = 255;

/// Of supervisor level. Whoever uses it sees to it that nobody else does.
class InterruptFile {
 public:
  /// Nothing is pending, enabled or delivered.
  void reset() noexcept { *this = InterruptFile(); }

  /// A message has come. Ignored where the file has no such identity (seteipnum_le, 3.5).
  void receive(std::uint32_t identity) noexcept;

  /// The register that siselect names with 0x70 to 0xff, where sireg has 64 bits (3.8); reserved
  /// ones are 0. Nothing: there is none by this number, which the odd ones of eip and eie are.
  [[nodiscard]] std::optional<std::uint64_t> read(std::uint64_t select) const noexcept;
  /// False: there is none.
  bool write(std::uint64_t select, std::uint64_t value) noexcept;

  /// stopei (3.9): the identity that is pending, enabled and below the threshold, twice; the lowest
  /// one first. 0: there is none.
  [[nodiscard]] std::uint64_t top() const noexcept;
  /// A write to stopei: what top() says is pending no more.
  void claim() noexcept;

  /// Whether the hart's external interrupt is asserted.
  [[nodiscard]] bool is_signaling() const noexcept { return delivers_ && top() != 0; }

  void describe(StateVisitor& visitor);

 private:
  static constexpr unsigned kWords = (kIdentityCount + 1) / 64;
  using Bits = std::array<std::uint64_t, kWords>;

  bool delivers_ = false;        ///< eidelivery, which is 0 or 1
  std::uint32_t threshold_ = 0;  ///< eithreshold; 0: none
  Bits pending_{};               ///< eip; never of identity 0
  Bits enabled_{};               ///< eie; likewise
};

}  // namespace axvm::riscv64
