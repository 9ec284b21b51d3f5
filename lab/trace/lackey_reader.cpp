#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <lab/trace/trace_reader.hpp>
#include <optional>
#include <utility>
#include <vector>

namespace axvm::lab {
namespace {

using sim::timing::Access;

constexpr std::size_t kLongestLine = 4096;
constexpr std::size_t kShown = 40;
constexpr std::uint64_t kLargestAccess = 65536;

// The beginning of a line as it can be printed.
std::string quoted(std::string_view line) {
  std::string text = "\"";
  for (const char c : line.substr(0, kShown)) text += c >= ' ' && c <= '~' ? c : '?';
  return text + (line.size() > kShown ? "...\"" : "\"");
}

struct Line {
  char kind;  // I, L, S or M
  std::uint64_t address;
};

// "I  04001090,3" or " L 1ffeffff80,8".
std::optional<Line> parse(std::string_view line) {
  const bool fetch = line.starts_with("I  ");
  if (!fetch && (line.size() < 3 || line[0] != ' ' || line[2] != ' ')) return std::nullopt;
  Line parsed{fetch ? 'I' : line[1], 0};
  if (!fetch && parsed.kind != 'L' && parsed.kind != 'S' && parsed.kind != 'M') return std::nullopt;
  const char* const end = line.data() + line.size();
  const auto address = std::from_chars(line.data() + 3, end, parsed.address, 16);
  if (address.ec != std::errc{} || address.ptr == end || *address.ptr != ',') return std::nullopt;
  std::uint64_t size = 0;
  const auto bytes = std::from_chars(address.ptr + 1, end, size);
  if (bytes.ec != std::errc{} || bytes.ptr != end || size == 0 || size > kLargestAccess) {
    return std::nullopt;
  }
  return parsed;
}

class LackeyReader : public TraceReader {
 public:
  LackeyReader(std::string name, std::unique_ptr<ByteSource> bytes)
      : name_(std::move(name)), bytes_(std::move(bytes)) {}

  std::expected<std::size_t, std::string> read(std::span<Reference> references) override {
    std::size_t count = 0;
    if (store_) references[count++] = *std::exchange(store_, std::nullopt);
    while (count < references.size()) {
      const auto line = next_line();
      if (!line) return std::unexpected(line.error());
      if (!*line) break;
      if ((*line)->empty() || (*line)->starts_with("==")) continue;
      const auto parsed = parse(**line);
      if (!parsed) {
        return wrong("is " + quoted(**line),
                     ", expected \"I  ADDRESS,SIZE\", or \" L \", \" S \" or \" M \" and the same");
      }
      const Access access = parsed->kind == 'I'   ? Access::Fetch
                            : parsed->kind == 'S' ? Access::Store
                                                  : Access::Load;
      references[count++] = {.offset = parsed->address, .access = access, .waits = false};
      if (parsed->kind != 'M') continue;
      const Reference store{.offset = parsed->address, .access = Access::Store, .waits = true};
      if (count < references.size()) {
        references[count++] = store;
      } else {
        store_ = store;
      }
    }
    return count;
  }

 private:
  [[nodiscard]] std::unexpected<std::string> wrong(std::string_view what,
                                                   std::string_view expected = "") const {
    return std::unexpected(fmt::format("{}:{}: {}{}", name_, number_, what, expected));
  }
  // Without its end; valid until the next one is asked for. Nothing behind the last one.
  std::expected<std::optional<std::string_view>, std::string> next_line() {
    ++number_;
    for (;;) {
      const std::string_view rest(buffer_.data() + begin_, end_ - begin_);
      if (const std::size_t length = rest.find('\n'); length != std::string_view::npos) {
        begin_ += length + 1;
        return rest.substr(0, length);
      }
      if (rest.size() > kLongestLine) return wrong("is a line of more than 4096 bytes");
      std::copy(rest.begin(), rest.end(), buffer_.begin());
      begin_ = 0;
      end_ = rest.size();
      const auto more = bytes_->read(std::as_writable_bytes(std::span(buffer_).subspan(end_)));
      if (!more) return std::unexpected(fmt::format("{}: {}", name_, more.error()));
      end_ += *more;
      if (*more != 0) continue;
      if (end_ != 0) return wrong("the file ends within the line");
      return std::nullopt;
    }
  }

  std::string name_;
  std::unique_ptr<ByteSource> bytes_;
  std::vector<char> buffer_ = std::vector<char>(1U << 16);
  std::size_t begin_ = 0;  // of what is not read yet
  std::size_t end_ = 0;
  std::uint64_t number_ = 0;        // of the line
  std::optional<Reference> store_;  // what is left of the last line
};

}  // namespace

std::unique_ptr<TraceReader> read_lackey(std::string name, std::unique_ptr<ByteSource> bytes) {
  return std::make_unique<LackeyReader>(std::move(name), std::move(bytes));
}

}  // namespace axvm::lab
