#pragma once
// Whose translation a TLB entry is.

#include <cstdint>

namespace axvm::sim {

/// The first stage of one address space, the first stage of all address spaces of a VM, or the
/// second stage of a VM.
class TlbTag {
 public:
  constexpr TlbTag() = default;
  static constexpr TlbTag of_asid(std::uint16_t vmid, std::uint16_t asid) noexcept {
    return TlbTag{(std::uint64_t{vmid} << 18) | asid};
  }
  static constexpr TlbTag global(std::uint16_t vmid) noexcept {
    return TlbTag{(std::uint64_t{vmid} << 18) | (1U << 16)};
  }
  static constexpr TlbTag stage2(std::uint16_t vmid) noexcept {
    return TlbTag{(std::uint64_t{vmid} << 18) | (2U << 16)};
  }
  /// Greater than every tag of the VM.
  static constexpr TlbTag after(std::uint16_t vmid) noexcept {
    return TlbTag{(std::uint64_t{vmid} + 1) << 18};
  }
  static constexpr TlbTag from_raw(std::uint64_t raw) noexcept { return TlbTag{raw}; }

  [[nodiscard]] constexpr std::uint64_t raw() const noexcept { return raw_; }
  /// 0: one ASID, 1: global, 2: second stage.
  [[nodiscard]] constexpr unsigned kind() const noexcept { return (raw_ >> 16) & 3; }
  [[nodiscard]] constexpr std::uint16_t vmid() const noexcept {
    return static_cast<std::uint16_t>(raw_ >> 18);
  }
  [[nodiscard]] constexpr std::uint16_t asid() const noexcept {
    return static_cast<std::uint16_t>(raw_);
  }
  /// Whether one of the functions above makes this tag.
  [[nodiscard]] constexpr bool is_valid() const noexcept {
    const TlbTag tags[] = {of_asid(vmid(), asid()), global(vmid()), stage2(vmid())};
    return kind() <= 2 && *this == tags[kind()];
  }

  friend constexpr auto operator<=>(TlbTag, TlbTag) = default;

 private:
  constexpr explicit TlbTag(std::uint64_t raw) noexcept : raw_(raw) {}
  std::uint64_t raw_ = 0;
};

}  // namespace axvm::sim
