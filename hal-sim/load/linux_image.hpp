#pragma once
// Linux kernels as their build leaves them: an Image, with a header of 64 bytes that each
// architecture lays out in its own way.

#include <cstdint>
#include <expected>
#include <hal-sim/isa.hpp>
#include <hal-sim/load/bytes.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace axvm::hal_sim {

/// Where an Image goes.
struct LinuxImage {
  std::uint64_t text_offset = 0;  ///< from a 2 MiB aligned base to the image
  std::uint64_t image_size =
      0;  ///< memory that it takes from its first byte on, at least the file's

  /// What the base, `text_offset` below the image, is a multiple of.
  static constexpr std::uint64_t kBaseAlignment = 2ULL << 20;
};

/// "an arm64 Image".
[[nodiscard]] std::string_view linux_image_name(Isa isa);

/// The architecture of the Image that begins like `bytes`; nothing when none does.
[[nodiscard]] std::optional<Isa> linux_image_isa(ByteView bytes) noexcept;

/// The header of an Image for `isa`. The error is one line: it is for another architecture or a
/// machine of another kind, or its sizes are impossible. Precondition: it is an Image.
[[nodiscard]] std::expected<LinuxImage, std::string> parse_linux_image(ByteView bytes, Isa isa);

}  // namespace axvm::hal_sim
