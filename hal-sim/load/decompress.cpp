#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <hal-sim/config/size_text.hpp>
#include <hal-sim/load/decompress.hpp>
#include <memory>
#include <string_view>

namespace axvm::hal_sim {
namespace {

using Expanded = std::expected<Bytes, std::string>;

constexpr std::size_t kChunk = 1U << 20;

std::unexpected<std::string> too_large(std::uint64_t limit) {
  return std::unexpected(fmt::format("is larger than {} when decompressed", format_size(limit)));
}

// Room for more output: grows by what is there, and no further than one byte beyond the limit,
// which then tells that it was exceeded.
void grow(Bytes& out, std::uint64_t limit) {
  const std::uint64_t wanted = out.size() + std::max(kChunk, out.size());
  out.resize(static_cast<std::size_t>(std::min(wanted, limit + 1)));
}

Expanded gunzip(ByteView in, std::uint64_t limit) {
  z_stream stream{};
  constexpr int kGzipOnly = 15 + 16;  // the largest window, with a gzip header
  if (inflateInit2(&stream, kGzipOnly) != Z_OK) {
    return std::unexpected("cannot be decompressed: no memory");
  }
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> owner(&stream, &inflateEnd);
  // zlib counts in 32 bits; kLargestImage fits.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
  stream.avail_in = static_cast<uInt>(in.size());
  Bytes out;
  std::size_t done = 0;
  for (int status = Z_OK; status != Z_STREAM_END;) {
    if (done == out.size()) {
      if (done > limit) return too_large(limit);
      grow(out, limit);
    }
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + done);
    stream.avail_out = static_cast<uInt>(out.size() - done);
    status = inflate(&stream, Z_NO_FLUSH);
    done = out.size() - stream.avail_out;
    if (status == Z_BUF_ERROR && stream.avail_in == 0) {
      return std::unexpected("is a gzip file that was cut off");
    }
    if (status != Z_OK && status != Z_STREAM_END) {
      return std::unexpected(fmt::format("is a damaged gzip file ({})",
                                         stream.msg != nullptr ? stream.msg : "unknown reason"));
    }
  }
  if (done > limit) return too_large(limit);
  if (stream.avail_in != 0) {
    return std::unexpected(fmt::format(
        "has {} bytes behind the end of its gzip data, expected none", stream.avail_in));
  }
  out.resize(done);
  return out;
}

Expanded unzstd(ByteView in, std::uint64_t limit) {
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(),
                                                                     &ZSTD_freeDCtx);
  if (context == nullptr) return std::unexpected("cannot be decompressed: no memory");
  ZSTD_inBuffer input{in.data(), in.size(), 0};
  Bytes out;
  std::size_t done = 0;
  std::size_t left = 1;
  while (left != 0) {
    if (done == out.size()) {
      if (done > limit) return too_large(limit);
      grow(out, limit);
    }
    ZSTD_outBuffer output{out.data(), out.size(), done};
    left = ZSTD_decompressStream(context.get(), &output, &input);
    if (ZSTD_isError(left) != 0) {
      return std::unexpected(fmt::format("is a damaged zstd file ({})", ZSTD_getErrorName(left)));
    }
    done = output.pos;
    if (left != 0 && input.pos == input.size && done < out.size()) {
      return std::unexpected("is a zstd file that was cut off");
    }
  }
  if (done > limit) return too_large(limit);
  if (input.pos != input.size) {
    return std::unexpected(fmt::format(
        "has {} bytes behind the end of its zstd data, expected none", input.size - input.pos));
  }
  out.resize(done);
  return out;
}

bool begins_with(ByteView bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

}  // namespace

Compression compression_of(ByteView bytes) noexcept {
  if (begins_with(bytes, "\x1f\x8b\x08")) return Compression::Gzip;
  if (begins_with(bytes, "\x28\xb5\x2f\xfd")) return Compression::Zstd;
  return Compression::None;
}

Expanded decompress(Bytes bytes, std::uint64_t limit) {
  switch (compression_of(bytes)) {
    case Compression::None: return bytes;
    case Compression::Gzip: return gunzip(bytes, limit);
    case Compression::Zstd: return unzstd(bytes, limit);
  }
  return bytes;
}

}  // namespace axvm::hal_sim
