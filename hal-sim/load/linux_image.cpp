#include <fmt/format.h>

#include <hal-sim/load/aarch64/arm64_image.hpp>
#include <hal-sim/load/linux_image.hpp>
#include <hal-sim/load/riscv64/riscv_image.hpp>

namespace axvm::hal_sim {

std::string_view linux_image_name(Isa isa) {
  return isa == Isa::Aarch64 ? "an arm64 Image" : "a RISC-V Image";
}

std::optional<Isa> linux_image_isa(ByteView bytes) noexcept {
  if (is_arm64_image(bytes)) return Isa::Aarch64;
  if (is_riscv_image(bytes)) return Isa::Riscv64;
  return std::nullopt;
}

std::expected<LinuxImage, std::string> parse_linux_image(ByteView bytes, Isa isa) {
  if (const auto found = linux_image_isa(bytes); found && *found != isa) {
    return std::unexpected(
        fmt::format("is {}, expected {}", linux_image_name(*found), linux_image_name(isa)));
  }
  return isa == Isa::Aarch64 ? parse_arm64_image(bytes) : parse_riscv_image(bytes);
}

}  // namespace axvm::hal_sim
