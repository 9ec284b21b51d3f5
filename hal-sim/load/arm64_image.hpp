#pragma once
// The header of a Linux kernel for AArch64 (Documentation/arch/arm64/booting.rst).

#include <cstdint>
#include <expected>
#include <hal-sim/load/bytes.hpp>
#include <string>

namespace axvm::hal_sim {

struct Arm64Image {
  std::uint64_t text_offset = 0;  ///< from a 2 MiB aligned base to the image
  std::uint64_t image_size =
      0;  ///< memory that it takes from its first byte on, at least the file's

  /// What the base, `text_offset` below the image, is a multiple of.
  static constexpr std::uint64_t kBaseAlignment = 2ULL << 20;
};

/// True when `bytes` have the magic number of an arm64 Image.
[[nodiscard]] bool is_arm64_image(ByteView bytes) noexcept;

/// The header. The error is one line: the image is for a big-endian machine or another granule, or
/// its sizes are impossible.
[[nodiscard]] std::expected<Arm64Image, std::string> parse_arm64_image(ByteView bytes);

}  // namespace axvm::hal_sim
