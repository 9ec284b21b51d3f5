#include <doctest/doctest.h>

#include <hal-sim/load/riscv64/riscv_image.hpp>
#include <tests/hal-sim/load/image_builder.hpp>

using namespace axvm::hal_sim;
using namespace axvm::hal_sim::test;

TEST_CASE("a RISC-V Image says how far from the start of memory it goes and how much it takes") {
  const auto image = parse_riscv_image(riscv_image(0x20'0000, 0x40'0000));
  REQUIRE(image.has_value());
  CHECK(image->text_offset == 0x20'0000);
  CHECK(image->image_size == 0x40'0000);
}

TEST_CASE("a RISC-V Image takes at least its file") {
  CHECK(parse_riscv_image(riscv_image(0, 100))->image_size == 4096);
}

TEST_CASE("either magic number makes a RISC-V Image: old kernels have the first, new ones both") {
  for (const std::size_t other : {48U, 56U}) {
    Bytes image = riscv_image(0, 4096);
    std::memset(image.data() + other, 0, 4);
    CHECK(is_riscv_image(image));
    std::memset(image.data() + 48, 0, 16);
    CHECK_FALSE(is_riscv_image(image));
  }
  Bytes cut = riscv_image(0, 4096);
  cut.resize(63);
  CHECK_FALSE(is_riscv_image(cut));
  CHECK(parse_riscv_image(cut).error() == "has no RISC-V Image header");
}

TEST_CASE("a RISC-V Image for another machine is refused") {
  CHECK(parse_riscv_image(riscv_image(0, 4096, 1)).error() ==
        "is a big-endian RISC-V Image, expected a little-endian one");
  CHECK(parse_riscv_image(riscv_image(0, 4096, 0, 0x1'0002)).error() ==
        "is a RISC-V Image with a header of version 1.2, expected version 0");
  CHECK(parse_riscv_image(riscv_image(0, 4096, 0, 0x7)).has_value());
  CHECK(parse_riscv_image(riscv_image(0x1000, 4096)).error() ==
        "is a RISC-V Image with text_offset 0x1000, expected a multiple of 2 MiB up to 1 GiB");
  CHECK(parse_riscv_image(riscv_image(~0ULL << 21, 4096)).error() ==
        "is a RISC-V Image with text_offset 0xffffffffffe00000, expected a multiple of 2 MiB up to "
        "1 GiB");
  CHECK(parse_riscv_image(riscv_image(0, ~0ULL)).error() ==
        "is a RISC-V Image with image_size 0xffffffffffffffff, expected 1 GiB at most");
}
