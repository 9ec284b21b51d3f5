#pragma once
// The header of a Linux kernel for AArch64 (Documentation/arch/arm64/booting.rst).

#include <expected>
#include <hal-sim/load/bytes.hpp>
#include <hal-sim/load/linux_image.hpp>
#include <string>

namespace axvm::hal_sim {

/// True when `bytes` have the magic number of an arm64 Image.
[[nodiscard]] bool is_arm64_image(ByteView bytes) noexcept;

/// The header. The error is one line: the image is for a big-endian machine or another granule, or
/// its sizes are impossible.
[[nodiscard]] std::expected<LinuxImage, std::string> parse_arm64_image(ByteView bytes);

}  // namespace axvm::hal_sim
