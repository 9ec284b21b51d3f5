#include <doctest/doctest.h>

#include <hal-sim/load/aarch64/arm64_image.hpp>

#include <tests/hal-sim/load/image_builder.hpp>

using namespace axvm::hal_sim;
using namespace axvm::hal_sim::test;

TEST_CASE("an arm64 Image says how far from a 2 MiB boundary it goes and how much it takes") {
  const auto image = parse_arm64_image(arm64_image(0x8'0000, 0x20'0000));
  REQUIRE(image.has_value());
  CHECK(image->text_offset == 0x8'0000);
  CHECK(image->image_size == 0x20'0000);
}

TEST_CASE("an image takes at least its file, and an old one 512 KiB of offset") {
  CHECK(parse_arm64_image(arm64_image(0, 100))->image_size == 4096);
  const auto old = parse_arm64_image(arm64_image(0, 0));
  CHECK(old->text_offset == 0x8'0000);
  CHECK(old->image_size == 4096);
}

TEST_CASE("an image for another machine is refused") {
  CHECK(parse_arm64_image(arm64_image(0, 4096, 0xb)).error() ==
        "is a big-endian arm64 Image, expected a little-endian one");
  CHECK(parse_arm64_image(arm64_image(0, 4096, 0xc)).error() ==
        "is an arm64 Image for pages of 16 KiB, expected 4 KiB");
  CHECK(parse_arm64_image(arm64_image(0, 4096, 0x8)).has_value());  // any
  CHECK(parse_arm64_image(arm64_image(0x20'0000, 4096)).error() ==
        "is an arm64 Image with text_offset 0x200000, expected a multiple of 4 KiB below 2 MiB");
  CHECK(parse_arm64_image(arm64_image(0, ~0ULL)).error() ==
        "is an arm64 Image with image_size 0xffffffffffffffff, expected 1 GiB at most");
}

TEST_CASE("anything else is no Image") {
  CHECK_FALSE(is_arm64_image(bytes_of("MZ")));
  Bytes cut = arm64_image(0, 4096);
  cut.resize(63);
  CHECK_FALSE(is_arm64_image(cut));
}
