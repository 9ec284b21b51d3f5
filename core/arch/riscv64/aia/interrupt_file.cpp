#include <axvm/result.hpp>
#include <core/arch/riscv64/aia/interrupt_file.hpp>
#include <core/lowest_bit.hpp>
#include <span>

namespace axvm::riscv64 {
namespace {

// Numbers of registers (AIA, 3.8).
constexpr std::uint64_t kEidelivery = 0x70;
constexpr std::uint64_t kEithreshold = 0x72;
constexpr std::uint64_t kFirst = 0x70;
constexpr std::uint64_t kEip = 0x80;
constexpr std::uint64_t kEie = 0xc0;
constexpr std::uint64_t kLast = 0xff;

/// An identity there is none of.
constexpr std::uint64_t kNoIdentity = 1;

}  // namespace

void InterruptFile::receive(std::uint32_t identity) noexcept {
  if (identity == 0 || identity > kIdentityCount) return;
  pending_[identity / 64] |= std::uint64_t{1} << identity % 64;
}

std::optional<std::uint64_t> InterruptFile::read(std::uint64_t select) const noexcept {
  if (select < kFirst || select > kLast) return std::nullopt;
  if (select == kEidelivery) return delivers_ ? 1 : 0;
  if (select == kEithreshold) return threshold_;
  if (select < kEip) return 0;
  if (select % 2 != 0) return std::nullopt;
  const Bits& bits = select < kEie ? pending_ : enabled_;
  const std::uint64_t word = (select - (select < kEie ? kEip : kEie)) / 2;
  return word < kWords ? bits[word] : 0;
}

bool InterruptFile::write(std::uint64_t select, std::uint64_t value) noexcept {
  if (!read(select)) return false;
  if (select == kEidelivery) {
    // Other values are not supported (3.8.1): what is there stays.
    if (value <= 1) delivers_ = value == 1;
  } else if (select == kEithreshold) {
    threshold_ = static_cast<std::uint32_t>(value & kIdentityCount);
  } else if (select >= kEip) {
    Bits& bits = select < kEie ? pending_ : enabled_;
    const std::uint64_t word = (select - (select < kEie ? kEip : kEie)) / 2;
    if (word < kWords) bits[word] = word == 0 ? value & ~kNoIdentity : value;
  }
  return true;
}

std::uint64_t InterruptFile::top() const noexcept {
  for (unsigned word = 0; word < kWords; ++word) {
    const std::uint64_t candidates = pending_[word] & enabled_[word];
    if (candidates == 0) continue;
    const std::uint64_t identity = word * 64 + lowest_bit(candidates);
    if (threshold_ != 0 && identity >= threshold_) return 0;
    return identity << 16 | identity;
  }
  return 0;
}

void InterruptFile::claim() noexcept {
  const std::uint64_t identity = top() >> 16;
  pending_[identity / 64] &= ~(std::uint64_t{1} << identity % 64);
}

void InterruptFile::describe(StateVisitor& visitor) {
  visitor.value("eidelivery"sv, delivers_);
  visitor.value("eithreshold"sv, threshold_);
  visitor.bytes("eip"sv, std::as_writable_bytes(std::span(pending_)));
  visitor.bytes("eie"sv, std::as_writable_bytes(std::span(enabled_)));
  // A restored state may be anything.
  threshold_ &= kIdentityCount;
  pending_[0] &= ~kNoIdentity;
  enabled_[0] &= ~kNoIdentity;
}

}  // namespace axvm::riscv64
