#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <lab/number_set.hpp>
#include <lab/trace/trace_reader.hpp>
#include <lab/trace/trace_stream.hpp>
#include <utility>

namespace axvm::lab {
namespace {

constexpr unsigned kPageShift = 12;

class TraceStream : public Stream {
 public:
  explicit TraceStream(std::filesystem::path file) : file_(std::move(file)) {}

  std::expected<void, std::string> next(std::span<Reference> references) override {
    while (!references.empty()) {
      if (reader_ == nullptr) {
        auto opened = open_trace(file_);
        if (!opened) return std::unexpected(opened.error());
        reader_ = std::move(*opened);
        empty_ = true;
      }
      const auto count = reader_->read(references);
      if (!count) return std::unexpected(count.error());
      if (*count == 0) {
        if (empty_) return std::unexpected(fmt::format("{}: has no accesses", file_.string()));
        reader_ = nullptr;
        continue;
      }
      empty_ = false;
      references = references.subspan(*count);
    }
    return {};
  }

 private:
  std::filesystem::path file_;
  std::unique_ptr<TraceReader> reader_;
  bool empty_ = true;  // nothing has come from this reader
};

}  // namespace

std::unique_ptr<Stream> make_trace_stream(std::filesystem::path file) {
  return std::make_unique<TraceStream>(std::move(file));
}

std::expected<std::vector<std::uint64_t>, std::string> touched_pages(
    const std::filesystem::path& file, std::uint64_t accesses, std::uint64_t limit) {
  auto reader = open_trace(file);
  if (!reader) return std::unexpected(reader.error());
  // The list, while it grows, and a node of the set, when no other page is near.
  constexpr std::uint64_t kOfPage = 3 * sizeof(std::uint64_t) + NumberSet::kNodeBytes;
  std::vector<std::uint64_t> pages;
  NumberSet seen;
  std::array<Reference, 1024> references;
  while (accesses > 0) {
    const auto wanted = std::min<std::uint64_t>(accesses, references.size());
    const auto count = (*reader)->read(std::span(references).first(wanted));
    if (!count) return std::unexpected(count.error());
    if (*count == 0) break;  // it begins again: nothing new
    accesses -= *count;
    for (const Reference& reference : std::span(references).first(*count)) {
      const std::uint64_t page = reference.offset >> kPageShift;
      if (!seen.add(page)) continue;
      pages.push_back(page << kPageShift);
      if (pages.size() > limit / kOfPage) {
        return std::unexpected(
            fmt::format("{}: its pages take more than {} MiB of memory, expected fewer accesses",
                        file.string(), limit >> 20));
      }
      if (pages.size() > kMostTracePages) {
        return std::unexpected(
            fmt::format("{}: touches more than {} pages of 4 KiB in so many "
                        "accesses, expected fewer accesses",
                        file.string(), kMostTracePages));
      }
    }
  }
  return pages;
}

}  // namespace axvm::lab
