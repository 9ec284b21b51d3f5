#include <algorithm>
#include <array>
#include <bit>
#include <lab/stream.hpp>
#include <lab/trace/trace_stream.hpp>
#include <utility>

namespace axvm::lab {
namespace {

using sim::timing::Access;

constexpr std::uint64_t kLine = 64;
constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kWord = 8;

// A permutation of 0 to count - 1, the same for the same seed, without a table: a Feistel network
// over the next power of four, applied until it is in range.
class Permutation {
 public:
  Permutation(std::uint64_t count, std::uint64_t seed) : count_(count) {
    half_ = (static_cast<unsigned>(std::bit_width(count - 1)) + 1) / 2;
    half_ = std::max(half_, 1U);
    Random random(seed);
    for (std::uint64_t& key : keys_) key = random.next();
  }
  [[nodiscard]] std::uint64_t operator()(std::uint64_t at) const {
    do {
      at = shuffle(at);
    } while (at >= count_);
    return at;
  }

 private:
  [[nodiscard]] std::uint64_t shuffle(std::uint64_t at) const {
    const std::uint64_t mask = (1ULL << half_) - 1;
    std::uint64_t left = at >> half_;
    std::uint64_t right = at & mask;
    for (const std::uint64_t key : keys_) {
      const std::uint64_t mixed = (right ^ key) * 0x9e37'79b9'7f4a'7c15;
      left = std::exchange(right, (left ^ (mixed >> 32)) & mask);
    }
    return left << half_ | right;
  }

  std::uint64_t count_;
  unsigned half_ = 0;
  std::array<std::uint64_t, 4> keys_{};
};

// 0 to count - 1, n in proportion to about 1/(n + 1): an octave, each as likely as the others, and
// any number of it.
class ZipfNumbers {
 public:
  explicit ZipfNumbers(std::uint64_t count)
      : count_(count), octaves_(static_cast<std::uint64_t>(std::bit_width(count))) {}
  [[nodiscard]] std::uint64_t next(Random& random) const {
    for (;;) {
      const std::uint64_t first = 1ULL << random.below(octaves_);
      const std::uint64_t number = first + random.below(first);
      if (number <= count_) return number - 1;
    }
  }

 private:
  std::uint64_t count_;
  std::uint64_t octaves_;
};

// A stream that is made, not read: nothing can go wrong.
class MadeStream : public Stream {
 public:
  std::expected<void, std::string> next(std::span<Reference> references) final {
    fill(references);
    return {};
  }

 private:
  virtual void fill(std::span<Reference> references) = 0;
};

class StridedStream : public MadeStream {
 public:
  StridedStream(std::uint64_t footprint, std::uint64_t stride)
      : footprint_(footprint), stride_(stride) {}

 private:
  void fill(std::span<Reference> references) override {
    for (Reference& reference : references) {
      reference = {.offset = at_, .access = Access::Load, .waits = false};
      at_ += stride_;
      if (at_ >= footprint_) at_ %= footprint_;
    }
  }

  std::uint64_t footprint_;
  std::uint64_t stride_;
  std::uint64_t at_ = 0;
};

class RandomStream : public MadeStream {
 public:
  RandomStream(std::uint64_t footprint, std::uint64_t seed)
      : words_(footprint / kWord), random_(seed) {}

 private:
  void fill(std::span<Reference> references) override {
    for (Reference& reference : references) {
      store_ = !store_;
      if (!store_) at_ = random_.below(words_) * kWord;
      reference = {.offset = at_, .access = store_ ? Access::Store : Access::Load, .waits = store_};
    }
  }

  std::uint64_t words_;
  Random random_;
  std::uint64_t at_ = 0;
  bool store_ = true;
};

class PointerChaseStream : public MadeStream {
 public:
  PointerChaseStream(std::uint64_t footprint, std::uint64_t seed)
      : lines_(footprint / kLine), order_(lines_, seed) {}

 private:
  void fill(std::span<Reference> references) override {
    for (Reference& reference : references) {
      reference = {.offset = order_(at_) * kLine, .access = Access::Load, .waits = true};
      at_ = at_ + 1 == lines_ ? 0 : at_ + 1;
    }
  }

  std::uint64_t lines_;
  Permutation order_;
  std::uint64_t at_ = 0;
};

class ZipfStream : public MadeStream {
 public:
  ZipfStream(std::uint64_t footprint, std::uint64_t seed)
      : ranks_(footprint / kPage), pages_(footprint / kPage, seed), random_(seed) {}

 private:
  void fill(std::span<Reference> references) override {
    for (Reference& reference : references) {
      const std::uint64_t page = pages_(ranks_.next(random_));
      reference = {.offset = page * kPage + random_.below(kPage / kWord) * kWord,
                   .access = Access::Load,
                   .waits = false};
    }
  }

  ZipfNumbers ranks_;
  Permutation pages_;
  Random random_;
};

// Half of the memory is edges, 8 bytes each, half is vertices.
class GraphStream : public MadeStream {
 public:
  GraphStream(std::uint64_t footprint, std::uint64_t seed)
      : half_(footprint / 2),
        ranks_(half_ / kWord),
        vertices_(half_ / kWord, seed),
        random_(seed) {}

 private:
  void fill(std::span<Reference> references) override {
    for (Reference& reference : references) {
      if (!edge_) {
        reference = {.offset = at_, .access = Access::Load, .waits = false};
        at_ = at_ + kWord >= half_ ? 0 : at_ + kWord;
      } else {
        reference = {.offset = half_ + vertices_(ranks_.next(random_)) * kWord,
                     .access = Access::Load,
                     .waits = true};
      }
      edge_ = !edge_;
    }
  }

  std::uint64_t half_;
  ZipfNumbers ranks_;
  Permutation vertices_;
  Random random_;
  std::uint64_t at_ = 0;
  bool edge_ = false;
};

constexpr std::array<std::pair<std::string_view, StreamKind>, 6> kNames{{
    {"sequential", StreamKind::Sequential},
    {"strided", StreamKind::Strided},
    {"random", StreamKind::Random},
    {"chase", StreamKind::PointerChase},
    {"zipf", StreamKind::Zipf},
    {"graph", StreamKind::Graph},
}};

}  // namespace

std::string_view to_string(StreamKind kind) {
  if (kind == StreamKind::Trace) return "trace";
  return std::ranges::find(kNames, kind, &decltype(kNames)::value_type::second)->first;
}

std::optional<StreamKind> stream_kind(std::string_view name) {
  const auto found = std::ranges::find(kNames, name, &decltype(kNames)::value_type::first);
  if (found == kNames.end()) return std::nullopt;
  return found->second;
}

std::unique_ptr<Stream> make_stream(const StreamSpec& spec) {
  switch (spec.kind) {
    case StreamKind::Sequential: return std::make_unique<StridedStream>(spec.footprint, kLine);
    case StreamKind::Strided: return std::make_unique<StridedStream>(spec.footprint, spec.stride);
    case StreamKind::Random: return std::make_unique<RandomStream>(spec.footprint, spec.seed);
    case StreamKind::PointerChase:
      return std::make_unique<PointerChaseStream>(spec.footprint, spec.seed);
    case StreamKind::Zipf: return std::make_unique<ZipfStream>(spec.footprint, spec.seed);
    case StreamKind::Graph: return std::make_unique<GraphStream>(spec.footprint, spec.seed);
    case StreamKind::Trace: return make_trace_stream(spec.trace);
  }
  return nullptr;
}

}  // namespace axvm::lab
