#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <array>
#include <hal-sim/config/nearest_name.hpp>
#include <hal-sim/config/size_text.hpp>

using namespace axvm::hal_sim;

TEST_CASE("sizes are numbers with an optional binary unit") {
  CHECK(parse_size("4096") == 4096);
  CHECK(parse_size("0x1000") == 4096);
  CHECK(parse_size("64M") == 64ULL << 20);
  CHECK(parse_size("2G") == 2ULL << 30);
  CHECK(parse_size("512KiB") == 512ULL << 10);
  CHECK(parse_size("0x10k") == 0x10ULL << 10);
}

TEST_CASE("what is not a size is refused") {
  for (const char* text : {"", "M", "12Q", "-1", "1.5G", "16777216T", "0x", "64 M", "_1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_size(text).has_value());
  }
}

TEST_CASE("a formatted size reads back as itself") {
  CHECK(rc::check([](std::uint64_t bytes) {
    std::string text = format_size(bytes);
    std::erase(text, ' ');
    RC_ASSERT(parse_size(text) == bytes);
  }));
}

TEST_CASE("numbers may be decimal, hexadecimal or binary, with separators") {
  CHECK(parse_number("1_000") == 1000);
  CHECK(parse_number("0x4020_0000") == 0x4020'0000);
  CHECK(parse_number("0b101") == 5);
  CHECK_FALSE(parse_number("0x1_0000_0000_0000_0000").has_value());
  CHECK_FALSE(parse_number("12a").has_value());
}

TEST_CASE("the nearest name is suggested, if it is near") {
  constexpr std::array<std::string_view, 3> kNames = {"kernel_path", "entry_point", "cmdline"};
  CHECK(nearest_name("kernel_pahts", kNames) == "kernel_path");
  CHECK(nearest_name("entrypoint", kNames) == "entry_point");
  CHECK(nearest_name("cmdlien", kNames) == "cmdline");
  CHECK(nearest_name("memory", kNames).empty());
  CHECK(nearest_name("x", {}).empty());
}
