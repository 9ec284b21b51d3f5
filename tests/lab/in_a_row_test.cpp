#include <doctest/doctest.h>

#include <array>
#include <filesystem>
#include <lab/profile_file.hpp>
#include <lab/stream.hpp>
#include <lab/translation_tables.hpp>
#include <set>
#include <sim/timing/timing_mmu.hpp>

namespace axvm::lab::test {
namespace {

using sim::timing::TimingMmu;

struct Formats {
  const char* guest;
  unsigned guest_height;
  const char* nested;
};

void check(const sim::timing::Profile& profile, const TranslationTables& tables, StreamKind kind,
           std::uint64_t footprint) {
  TimingMmu together(profile, tables.memory());
  TimingMmu apart(profile, tables.memory());
  for (TimingMmu* const mmu : {&together, &apart}) {
    mmu->set_stage1(tables.stage1());
    mmu->set_stage2(tables.stage2());
  }
  const auto stream = make_stream({.kind = kind, .footprint = footprint, .stride = 8});
  std::array<Reference, 1000> references;
  for (int batch = 0; batch < 3; ++batch) {
    REQUIRE(stream->next(references));
    REQUIRE(together.access_all(tables.va(), references) == references.size());
    for (const Reference& reference : references) {
      REQUIRE(apart.access(tables.va() + reference.offset, reference.access, reference.waits));
    }
    CHECK(together.counters() == apart.counters());
  }
}

}  // namespace

TEST_CASE("each stream counts the same in a row and one by one, in each profile") {
  constexpr std::uint64_t kFootprint = 16ULL << 20;
  const std::filesystem::path folder = AXVM_SOURCE_DIR "/configs/walk-lab/profiles";
  std::set<std::filesystem::path> files;
  for (const auto& file : std::filesystem::directory_iterator(folder)) files.insert(file.path());
  REQUIRE_FALSE(files.empty());
  for (const Formats& formats :
       {Formats{"vmsa-4k-48", 0, "vmsa-4k-48"}, Formats{"vmsa-64k-48", 0, "vmsa-4k-40"},
        Formats{"sv39", 1, "sv39x4"}, Formats{"x86-4-flat", 0, nullptr}}) {
    CAPTURE(formats.guest);
    const auto tables = TranslationTables::make(
        {.guest = find_guest_format(formats.guest),
         .guest_leaves = {{formats.guest_height, 100}},
         .nested = formats.nested == nullptr ? nullptr : find_nested_format(formats.nested),
         .nested_height = 0,
         .footprint = kFootprint});
    REQUIRE(tables);
    for (const auto& file : files) {
      CAPTURE(file);
      const auto profile = load_profile(file);
      REQUIRE(profile);
      for (const StreamKind kind :
           {StreamKind::Sequential, StreamKind::Strided, StreamKind::Random,
            StreamKind::PointerChase, StreamKind::Zipf, StreamKind::Graph}) {
        CAPTURE(to_string(kind));
        check(*profile, *tables, kind, kFootprint);
      }
    }
  }
}

}  // namespace axvm::lab::test
