#include <doctest/doctest.h>

#include <hal-sim/load/decompress.hpp>

#include "image_builder.hpp"

using namespace axvm::hal_sim;
using namespace axvm::hal_sim::test;

namespace {

using Compress = Bytes (*)(ByteView);
constexpr Compress kBoth[] = {gzipped, zstd_compressed};

Bytes pattern(std::size_t size) {
  Bytes bytes(size);
  std::uint32_t state = 1;
  for (std::byte& byte : bytes) byte = static_cast<std::byte>((state = state * 1664525 + 1) >> 27);
  return bytes;
}

}  // namespace

TEST_CASE("what was compressed comes back, whatever its size") {
  for (const Compress compress : kBoth) {
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, std::size_t{1} << 20, (std::size_t{3} << 20) + 17}) {
      const Bytes bytes = pattern(size);
      const auto back = decompress(compress(bytes));
      REQUIRE(back.has_value());
      CHECK(*back == bytes);
    }
  }
}

TEST_CASE("what is not compressed stays as it is") {
  CHECK(decompress(bytes_of("plain")) == bytes_of("plain"));
  CHECK(compression_of({}) == Compression::None);
}

TEST_CASE("a small file cannot unpack to more than the limit") {
  for (const Compress compress : kBoth) {
    const Bytes zeroes(1 << 20);
    CHECK(decompress(compress(zeroes), 1 << 20) == zeroes);
    CHECK(decompress(compress(zeroes), (1 << 20) - 1).error() ==
          "is larger than 1048575 B when decompressed");
    CHECK(decompress(compress(zeroes), 4096).error() == "is larger than 4 KiB when decompressed");
  }
}

TEST_CASE("a file that was cut off or goes on too long is refused") {
  const Bytes bytes = pattern(100'000);
  Bytes gzip = gzipped(bytes);
  Bytes zstd = zstd_compressed(bytes);
  gzip.push_back(std::byte{0});
  zstd.push_back(std::byte{0});
  CHECK(decompress(gzip).error() == "has 1 bytes behind the end of its gzip data, expected none");
  CHECK(decompress(zstd).error() == "has 1 bytes behind the end of its zstd data, expected none");
  gzip.resize(gzip.size() / 2);
  zstd.resize(zstd.size() / 2);
  CHECK(decompress(gzip).error() == "is a gzip file that was cut off");
  CHECK(decompress(zstd).error() == "is a zstd file that was cut off");
}

TEST_CASE("damage is noticed") {
  Bytes gzip = gzipped(pattern(1000));
  gzip[gzip.size() - 5] ^= std::byte{1};  // of the checksum
  CHECK(decompress(gzip).error() == "is a damaged gzip file (incorrect data check)");
  Bytes zstd = zstd_compressed(pattern(1000));
  zstd[4] = std::byte{0xff};
  CHECK(decompress(zstd).error().starts_with("is a damaged zstd file ("));
}
