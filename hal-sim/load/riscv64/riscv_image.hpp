#pragma once
// The header of a Linux kernel for RISC-V (Documentation/arch/riscv/boot-image-header.rst).

#include <expected>
#include <hal-sim/load/bytes.hpp>
#include <hal-sim/load/linux_image.hpp>
#include <string>

namespace axvm::hal_sim {

/// True when `bytes` have the magic numbers of a RISC-V Image.
[[nodiscard]] bool is_riscv_image(ByteView bytes) noexcept;

/// The header. The error is one line: the image is for a big-endian machine, its header has another
/// layout, or its sizes are impossible.
[[nodiscard]] std::expected<LinuxImage, std::string> parse_riscv_image(ByteView bytes);

}  // namespace axvm::hal_sim
