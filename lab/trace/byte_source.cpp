#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <fstream>
#include <lab/trace/byte_source.hpp>
#include <vector>

namespace axvm::lab {
namespace {

using Size = std::expected<std::size_t, std::string>;

constexpr std::size_t kChunk = 1U << 16;

class FileSource : public ByteSource {
 public:
  explicit FileSource(std::ifstream stream) : stream_(std::move(stream)) {}
  Size read(std::span<std::byte> bytes) override {
    stream_.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (stream_.bad()) return std::unexpected("cannot be read");
    return static_cast<std::size_t>(stream_.gcount());
  }

 private:
  std::ifstream stream_;
};

class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::span<const std::byte> rest) : rest_(rest) {}
  Size read(std::span<std::byte> bytes) override {
    const std::size_t size = std::min(bytes.size(), rest_.size());
    std::ranges::copy(rest_.first(size), bytes.begin());
    rest_ = rest_.subspan(size);
    return size;
  }

 private:
  std::span<const std::byte> rest_;
};

// What both decompressors do with what is packed.
class Unpacker : public ByteSource {
 public:
  explicit Unpacker(std::unique_ptr<ByteSource> packed) : packed_(std::move(packed)) {}

 protected:
  /// What is not unpacked yet; empty at the end only.
  [[nodiscard]] std::expected<std::span<std::byte>, std::string> rest() {
    if (rest_.empty()) {
      const auto size = packed_->read(buffer_);
      if (!size) return std::unexpected(size.error());
      rest_ = std::span(buffer_).first(*size);
    }
    return rest_;
  }
  void took(std::size_t size) { rest_ = rest_.subspan(size); }

 private:
  std::unique_ptr<ByteSource> packed_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(kChunk);
  std::span<std::byte> rest_;
};

class Gunzipper : public Unpacker {
 public:
  explicit Gunzipper(std::unique_ptr<ByteSource> packed) : Unpacker(std::move(packed)) {
    constexpr int kGzipOnly = 15 + 16;  // the largest window, with a gzip header
    ready_ = inflateInit2(&stream_, kGzipOnly) == Z_OK;
  }
  Gunzipper(const Gunzipper&) = delete;
  Gunzipper& operator=(const Gunzipper&) = delete;
  ~Gunzipper() override { inflateEnd(&stream_); }

  Size read(std::span<std::byte> bytes) override {
    if (!ready_) return std::unexpected("cannot be decompressed: no memory");
    std::size_t done = 0;
    while (done < bytes.size()) {
      const auto in = rest();
      if (!in) return std::unexpected(in.error());
      if (in->empty()) {
        if (within_) return std::unexpected("ends within its gzip data");
        break;
      }
      if (!within_) {
        // Files that are padded end in zeros (gzip(1)).
        const auto zeros = static_cast<std::size_t>(
            std::ranges::find_if(*in, [](std::byte b) { return b != std::byte{0}; }) - in->begin());
        if (zeros > 0 && began_) {
          took(zeros);
          continue;
        }
        inflateReset(&stream_);
      }
      within_ = began_ = true;
      const std::size_t room = std::min(bytes.size() - done, kChunk);
      stream_.next_in = reinterpret_cast<Bytef*>(in->data());
      stream_.avail_in = static_cast<uInt>(in->size());
      stream_.next_out = reinterpret_cast<Bytef*>(bytes.data() + done);
      stream_.avail_out = static_cast<uInt>(room);
      const int status = inflate(&stream_, Z_NO_FLUSH);
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
        return std::unexpected("is a damaged gzip file");
      }
      done += room - stream_.avail_out;
      took(in->size() - stream_.avail_in);
      if (status == Z_STREAM_END) within_ = false;
    }
    return done;
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
  bool within_ = false;  // a member has begun and has not ended
  bool began_ = false;   // the first has
};

class Unzstder : public Unpacker {
 public:
  explicit Unzstder(std::unique_ptr<ByteSource> packed)
      : Unpacker(std::move(packed)), context_(ZSTD_createDCtx(), &ZSTD_freeDCtx) {}

  Size read(std::span<std::byte> bytes) override {
    if (context_ == nullptr) return std::unexpected("cannot be decompressed: no memory");
    ZSTD_outBuffer out{bytes.data(), bytes.size(), 0};
    while (out.pos < out.size) {
      const auto in = rest();
      if (!in) return std::unexpected(in.error());
      const std::size_t before = out.pos;
      ZSTD_inBuffer packed{in->data(), in->size(), 0};
      const std::size_t left = ZSTD_decompressStream(context_.get(), &out, &packed);
      if (ZSTD_isError(left) != 0) {
        return std::unexpected(fmt::format("is a damaged zstd file ({})", ZSTD_getErrorName(left)));
      }
      took(packed.pos);
      if (packed.pos != 0 || out.pos != before) within_ = left != 0;
      if (in->empty() && out.pos == before) {
        if (within_) return std::unexpected("ends within its zstd data");
        break;
      }
    }
    return out.pos;
  }

 private:
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context_;
  bool within_ = false;  // a frame has begun and has not ended
};

}  // namespace

std::unique_ptr<ByteSource> open_file(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) return nullptr;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return nullptr;
  return std::make_unique<FileSource>(std::move(stream));
}
std::unique_ptr<ByteSource> from_memory(std::span<const std::byte> bytes) {
  return std::make_unique<MemorySource>(bytes);
}
std::unique_ptr<ByteSource> gunzipped(std::unique_ptr<ByteSource> packed) {
  return std::make_unique<Gunzipper>(std::move(packed));
}
std::unique_ptr<ByteSource> unzstded(std::unique_ptr<ByteSource> packed) {
  return std::make_unique<Unzstder>(std::move(packed));
}

}  // namespace axvm::lab
