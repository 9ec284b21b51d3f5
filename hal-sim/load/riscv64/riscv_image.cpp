#include <fmt/format.h>

#include <algorithm>
#include <hal-sim/config/size_text.hpp>
#include <hal-sim/load/riscv64/riscv_image.hpp>

namespace axvm::hal_sim {
namespace {

constexpr std::size_t kTextOffset = 8;
constexpr std::size_t kImageSize = 16;
constexpr std::size_t kFlags = 24;
constexpr std::size_t kVersion = 32;
constexpr std::size_t kMagicOffset = 48;  // deprecated, and not in every kernel
constexpr std::size_t kMagic2Offset = 56;
constexpr std::size_t kHeaderSize = 64;
constexpr std::uint64_t kMagic = 0x56'4353'4952;  // "RISCV", zeroes
constexpr std::uint32_t kMagic2 = 0x0543'5352;    // "RSC\x05"
constexpr std::uint32_t kMajorVersion = 0;        // in the upper half; minor ones are compatible

}  // namespace

bool is_riscv_image(ByteView bytes) noexcept {
  return bytes.size() >= kHeaderSize &&
         (little_endian<std::uint32_t>(bytes, kMagic2Offset) == kMagic2 ||
          little_endian<std::uint64_t>(bytes, kMagicOffset) == kMagic);
}

std::expected<LinuxImage, std::string> parse_riscv_image(ByteView bytes) {
  if (!is_riscv_image(bytes)) return std::unexpected("has no RISC-V Image header");
  if ((little_endian<std::uint64_t>(bytes, kFlags) & 1) != 0) {
    return std::unexpected("is a big-endian RISC-V Image, expected a little-endian one");
  }
  const auto version = little_endian<std::uint32_t>(bytes, kVersion);
  if (version >> 16 != kMajorVersion) {
    return std::unexpected(
        fmt::format("is a RISC-V Image with a header of version {}.{}, expected "
                    "version {}",
                    version >> 16, version & 0xffff, kMajorVersion));
  }
  const auto text_offset = little_endian<std::uint64_t>(bytes, kTextOffset);
  if (text_offset % LinuxImage::kBaseAlignment != 0 || text_offset > kLargestImage) {
    return std::unexpected(fmt::format(
        "is a RISC-V Image with text_offset {:#x}, expected a multiple of 2 MiB up to {}",
        text_offset, format_size(kLargestImage)));
  }
  const auto image_size = little_endian<std::uint64_t>(bytes, kImageSize);
  if (image_size > kLargestImage) {
    return std::unexpected(
        fmt::format("is a RISC-V Image with image_size {:#x}, expected {} at most", image_size,
                    format_size(kLargestImage)));
  }
  return LinuxImage{text_offset, std::max<std::uint64_t>(image_size, bytes.size())};
}

}  // namespace axvm::hal_sim
