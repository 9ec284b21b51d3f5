#pragma once
// Physical frames of RAM, one bit each.

#include <array>
#include <axvm/address.hpp>
#include <cstddef>
#include <cstdint>
#include <hal-metal/platform.hpp>
#include <optional>

namespace axvm::hal_metal {

class Frames {
 public:
  /// Everything below `first_free` (boot data, this image) is taken.
  explicit Frames(HostPhysAddr first_free);

  /// `count` >= 1 frames, contiguous, aligned to `alignment` bytes (a power of two >= 4096).
  std::optional<HostPhysAddr> allocate(std::size_t count, std::size_t alignment);
  /// Exactly [base, base + size), 4 KiB aligned; false when some of it is taken or is no RAM.
  bool take(HostPhysAddr base, std::size_t size);
  void release(HostPhysAddr base, std::size_t count);

 private:
  [[nodiscard]] bool is_taken(std::size_t n) const { return (bits_[n / 64] >> n % 64 & 1) != 0; }
  [[nodiscard]] bool is_free(std::size_t first, std::size_t count) const;
  void mark(std::size_t first, std::size_t count, bool taken);

  std::array<std::uint64_t, kRamFrames / 64> bits_{};
  std::size_t lowest_free_ = 0;  ///< no frame below it is free
};

}  // namespace axvm::hal_metal
