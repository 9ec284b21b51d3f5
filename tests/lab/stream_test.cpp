#include <doctest/doctest.h>

#include <algorithm>
#include <lab/stream.hpp>
#include <map>
#include <set>
#include <vector>

namespace axvm::lab::test {
namespace {

std::vector<Reference> taken(const StreamSpec& spec, std::size_t count, std::size_t batch = 64) {
  const auto stream = make_stream(spec);
  std::vector<Reference> references(count);
  for (std::size_t at = 0; at < count; at += batch) {
    REQUIRE(
        stream->next(std::span(references).subspan(at, std::min(batch, count - at))).has_value());
  }
  return references;
}

constexpr std::uint64_t kFootprint = 1 << 20;
constexpr StreamKind kAll[] = {StreamKind::Sequential,   StreamKind::Strided, StreamKind::Random,
                               StreamKind::PointerChase, StreamKind::Zipf,    StreamKind::Graph};

}  // namespace

TEST_CASE("every stream stays within its footprint and is the same each time, however it is cut") {
  for (const StreamKind kind : kAll) {
    CAPTURE(to_string(kind));
    const StreamSpec spec{.kind = kind, .footprint = kFootprint, .stride = 4096};
    const auto references = taken(spec, 5000);
    const auto again = taken(spec, 5000, 7);
    for (std::size_t i = 0; i < references.size(); ++i) {
      REQUIRE(references[i].offset < kFootprint);
      REQUIRE(references[i].offset == again[i].offset);
      REQUIRE(references[i].waits == again[i].waits);
    }
    CHECK(stream_kind(to_string(kind)) == kind);
  }
  CHECK_FALSE(stream_kind("radnom").has_value());
}

TEST_CASE("another seed is another stream, where there is chance in it") {
  for (const StreamKind kind : {StreamKind::Random, StreamKind::PointerChase, StreamKind::Zipf}) {
    const auto one = taken({.kind = kind, .footprint = kFootprint, .seed = 1}, 100);
    const auto two = taken({.kind = kind, .footprint = kFootprint, .seed = 2}, 100);
    CHECK_FALSE(std::ranges::equal(one, two, {}, &Reference::offset, &Reference::offset));
  }
}

TEST_CASE("sequential goes line by line and begins anew, strided by its stride") {
  const auto lines = taken({.kind = StreamKind::Sequential, .footprint = 8192}, 130);
  CHECK(lines[1].offset == 64);
  CHECK(lines[127].offset == 8192 - 64);
  CHECK(lines[128].offset == 0);
  const auto strided = taken({.kind = StreamKind::Strided, .footprint = 8192, .stride = 4096}, 3);
  CHECK(strided[1].offset == 4096);
  CHECK(strided[2].offset == 0);
}

TEST_CASE("a chase comes to each line once before it comes to any again, and each step waits") {
  for (const std::uint64_t footprint : {8192ULL, 12ULL * 8192, 1ULL << 18}) {
    const std::uint64_t lines = footprint / 64;
    const auto references =
        taken({.kind = StreamKind::PointerChase, .footprint = footprint}, 2 * lines);
    std::set<std::uint64_t> seen;
    for (std::size_t i = 0; i < lines; ++i) {
      seen.insert(references[i].offset);
      REQUIRE(references[i].waits);
      REQUIRE(references[i + lines].offset == references[i].offset);
    }
    CHECK(seen.size() == lines);
  }
}

TEST_CASE("random reads a word and writes it, and misses no part of its memory") {
  const auto references = taken({.kind = StreamKind::Random, .footprint = kFootprint}, 20000);
  std::set<std::uint64_t> pages;
  for (std::size_t i = 0; i < references.size(); i += 2) {
    REQUIRE(references[i].access == sim::timing::Access::Load);
    REQUIRE(references[i + 1].access == sim::timing::Access::Store);
    REQUIRE(references[i].offset == references[i + 1].offset);
    pages.insert(references[i].offset / 4096);
  }
  CHECK(pages.size() == kFootprint / 4096);
}

TEST_CASE("of Zipf's pages, twice as far down means about half as often") {
  constexpr std::uint64_t kPages = 1024;
  std::map<std::uint64_t, std::uint64_t> counts;
  for (const Reference& reference :
       taken({.kind = StreamKind::Zipf, .footprint = kPages * 4096}, 200'000)) {
    ++counts[reference.offset / 4096];
  }
  std::vector<std::uint64_t> ranked;
  ranked.reserve(counts.size());
  for (const auto& [page, count] : counts) ranked.push_back(count);
  std::ranges::sort(ranked, std::greater());
  // By octaves: each has as many accesses as any other.
  std::uint64_t first = 0;
  for (std::uint64_t size = 1; size * 2 <= kPages; size *= 2) {
    std::uint64_t sum = 0;
    for (std::uint64_t i = first; i < first + size; ++i) sum += ranked[i];
    CHECK(sum > 200'000 / 11 * 90 / 100);
    CHECK(sum < 200'000 / 11 * 125 / 100);
    first += size;
  }
}

TEST_CASE("a graph's edges are read in order, and each leads to a vertex that waits for it") {
  const auto references = taken({.kind = StreamKind::Graph, .footprint = kFootprint}, 1000);
  for (std::size_t i = 0; i < references.size(); i += 2) {
    REQUIRE(references[i].offset == i / 2 * 8);
    REQUIRE_FALSE(references[i].waits);
    REQUIRE(references[i + 1].offset >= kFootprint / 2);
    REQUIRE(references[i + 1].waits);
  }
}

}  // namespace axvm::lab::test
