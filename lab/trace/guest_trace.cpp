#include <fmt/format.h>

#include <cstring>
#include <lab/trace/guest_trace.hpp>
#include <lab/trace/trace_reader.hpp>
#include <optional>
#include <utility>

namespace axvm::lab {
namespace {

using sim::timing::Access;

constexpr std::string_view kMagic = "AXS1";
constexpr unsigned kEnd = 3;
constexpr std::uint64_t kAddress = (1ULL << 48) - 1;
constexpr unsigned kFirstBits = 5;

constexpr std::uint64_t zigzag(std::uint64_t distance) noexcept {
  return distance << 1 ^ (distance >> 63 != 0 ? ~0ULL : 0);
}
constexpr std::uint64_t unzigzag(std::uint64_t number) noexcept {
  return number >> 1 ^ ((number & 1) != 0 ? ~0ULL : 0);
}

class GuestTraceReader final : public TraceReader {
 public:
  GuestTraceReader(std::string name, std::unique_ptr<ByteSource> bytes)
      : name_(std::move(name)), bytes_(std::move(bytes)) {}

  std::expected<std::size_t, std::string> read(std::span<Reference> references) override {
    std::size_t count = 0;
    while (count < references.size() && !ended_) {
      const auto next = read_one(references[count]);
      if (!next) return std::unexpected(next.error());
      if (*next) ++count;
    }
    return count;
  }

 private:
  struct Item {
    unsigned kind;
    std::uint64_t number;
  };

  // False at the end of the trace, which is that of the file.
  std::expected<bool, std::string> read_one(Reference& reference) {
    if (count_ == 0 && !begun_) {
      for (const char expected : kMagic) {
        const auto byte = take();
        if (!byte) return std::unexpected(byte.error());
        if (*byte != static_cast<unsigned char>(expected)) {
          return wrong("this is no recorded stream, expected \"AXS1\" at its beginning");
        }
      }
      begun_ = true;
    }
    const auto item = next_item();
    if (!item) return std::unexpected(item.error());
    if (item->kind == kEnd) return end(item->number);
    std::uint64_t& va = last_.at(item->kind);
    va += unzigzag(item->number);
    ++count_;
    // The halves that TTBR0 and TTBR1 translate come to lie in one space of 48 bits.
    reference = {
        .offset = va & kAddress, .access = static_cast<Access>(item->kind), .waits = false};
    return true;
  }
  std::expected<bool, std::string> end(std::uint64_t accesses) {
    ended_ = true;
    if (accesses != count_) {
      return wrong(fmt::format("there were {} accesses, expected {}", count_, accesses));
    }
    if (const auto filled = fill(); !filled) return std::unexpected(filled.error());
    if (at_ < size_) return wrong("the file goes on behind the end of the trace");
    return false;
  }
  std::expected<Item, std::string> next_item() {
    auto byte = take();
    if (!byte) return std::unexpected(byte.error());
    Item item{static_cast<unsigned>(*byte >> kFirstBits & 3), *byte & ((1U << kFirstBits) - 1)};
    for (unsigned shift = kFirstBits; (*byte & 0x80) != 0; shift += 7) {
      byte = take();
      if (!byte) return std::unexpected(byte.error());
      const std::uint64_t bits = *byte & 0x7f;
      if (shift >= 64 || bits << shift >> shift != bits) return wrong("the number is too large");
      item.number |= bits << shift;
    }
    return item;
  }
  std::expected<std::uint64_t, std::string> take() {
    if (at_ == size_) {
      if (const auto filled = fill(); !filled) return std::unexpected(filled.error());
      if (size_ == 0) return wrong("the file ends within the trace");
    }
    return std::to_integer<std::uint64_t>(chunk_.at(at_++));
  }
  // What comes behind the chunk, if all of that has been taken.
  std::expected<void, std::string> fill() {
    if (at_ < size_) return {};
    before_ += size_;
    at_ = size_ = 0;
    const auto size = bytes_->read(chunk_);
    if (!size) return std::unexpected(fmt::format("{}: {}", name_, size.error()));
    size_ = *size;
    return {};
  }
  [[nodiscard]] std::unexpected<std::string> wrong(std::string_view what) const {
    return std::unexpected(fmt::format("{}: byte {}: {}", name_, before_ + at_, what));
  }

  std::string name_;
  std::unique_ptr<ByteSource> bytes_;
  std::array<std::byte, 1U << 16> chunk_{};
  std::size_t size_ = 0;
  std::size_t at_ = 0;
  std::uint64_t before_ = 0;  // bytes before the chunk
  std::array<std::uint64_t, 3> last_{};
  std::uint64_t count_ = 0;
  bool begun_ = false;
  bool ended_ = false;
};

}  // namespace

GuestTraceWriter::GuestTraceWriter(Sink sink) : sink_(std::move(sink)), buffer_(kMagic) {}

void GuestTraceWriter::add(Access access, std::uint64_t va) {
  const auto kind = static_cast<unsigned>(access);
  number(kind, zigzag(va - std::exchange(last_.at(kind), va)));
  ++count_;
}

void GuestTraceWriter::finish() {
  number(kEnd, count_);
  flush();
}

void GuestTraceWriter::number(unsigned kind, std::uint64_t value) {
  std::uint64_t byte = kind << kFirstBits | (value & ((1U << kFirstBits) - 1));
  value >>= kFirstBits;
  while (value != 0) {
    buffer_ += static_cast<char>(byte | 0x80);
    byte = value & 0x7f;
    value >>= 7;
  }
  buffer_ += static_cast<char>(byte);
  constexpr std::size_t kFull = 1 << 16;
  if (buffer_.size() >= kFull) flush();
}

void GuestTraceWriter::flush() {
  sink_(buffer_);
  buffer_.clear();
}

std::unique_ptr<TraceReader> read_guest_trace(std::string name, std::unique_ptr<ByteSource> bytes) {
  return std::make_unique<GuestTraceReader>(std::move(name), std::move(bytes));
}

}  // namespace axvm::lab
