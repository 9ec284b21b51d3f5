#include <fmt/format.h>

#include <algorithm>
#include <hal-sim/config/size_text.hpp>
#include <hal-sim/load/aarch64/arm64_image.hpp>

namespace axvm::hal_sim {
namespace {

constexpr std::size_t kTextOffset = 8;
constexpr std::size_t kImageSize = 16;
constexpr std::size_t kFlags = 24;
constexpr std::size_t kMagicOffset = 56;
constexpr std::size_t kHeaderSize = 64;
constexpr std::uint32_t kMagic = 0x644d'5241;  // "ARM\x64"
// Images before Linux 3.17 leave image_size 0 and lie at this offset.
constexpr std::uint64_t kOldTextOffset = 0x8'0000;

}  // namespace

bool is_arm64_image(ByteView bytes) noexcept {
  return bytes.size() >= kHeaderSize && little_endian<std::uint32_t>(bytes, kMagicOffset) == kMagic;
}

std::expected<LinuxImage, std::string> parse_arm64_image(ByteView bytes) {
  if (!is_arm64_image(bytes)) return std::unexpected("has no arm64 Image header");
  const auto flags = little_endian<std::uint64_t>(bytes, kFlags);
  const auto image_size = little_endian<std::uint64_t>(bytes, kImageSize);
  if ((flags & 1) != 0) {
    return std::unexpected("is a big-endian arm64 Image, expected a little-endian one");
  }
  constexpr const char* kGranules[] = {"unspecified", "4 KiB", "16 KiB", "64 KiB"};
  if (const auto granule = (flags >> 1) & 3; granule > 1) {
    return std::unexpected(
        fmt::format("is an arm64 Image for pages of {}, expected 4 KiB", kGranules[granule]));
  }
  if (image_size == 0) return LinuxImage{kOldTextOffset, bytes.size()};
  const auto text_offset = little_endian<std::uint64_t>(bytes, kTextOffset);
  if (text_offset >= LinuxImage::kBaseAlignment || text_offset % 4096 != 0) {
    return std::unexpected(fmt::format(
        "is an arm64 Image with text_offset {:#x}, expected a multiple of 4 KiB below 2 MiB",
        text_offset));
  }
  if (image_size > kLargestImage) {
    return std::unexpected(
        fmt::format("is an arm64 Image with image_size {:#x}, expected {} at most", image_size,
                    format_size(kLargestImage)));
  }
  return LinuxImage{text_offset, std::max<std::uint64_t>(image_size, bytes.size())};
}

}  // namespace axvm::hal_sim
