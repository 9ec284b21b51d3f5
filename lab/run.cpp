#include <algorithm>
#include <array>
#include <lab/result.hpp>
#include <lab/trace/trace_stream.hpp>
#include <sim/timing/timing_mmu.hpp>

namespace axvm::lab {

std::expected<Result, std::string> run(const Point& point) {
  TablesSpec spec = point.tables;
  if (point.stream.kind == StreamKind::Trace) {
    auto pages = touched_pages(point.stream.trace, point.warm_up + point.accesses);
    if (!pages) return std::unexpected(pages.error());
    spec.pages = std::move(*pages);
  }
  const auto tables = TranslationTables::make(spec);
  if (!tables) return std::unexpected(tables.error());
  sim::timing::TimingMmu mmu(*point.profile, tables->memory());
  mmu.set_stage1(tables->stage1());
  mmu.set_stage2(tables->stage2());
  const auto stream = make_stream(point.stream);
  std::array<Reference, 1024> references;
  const auto go = [&](std::uint64_t accesses) -> std::expected<void, std::string> {
    while (accesses > 0) {
      const auto count = std::min<std::uint64_t>(accesses, references.size());
      const std::span batch = std::span(references).first(count);
      if (auto read = stream->next(batch); !read) return read;
      for (const Reference& reference : batch) {
        if (!mmu.access(tables->va() + reference.offset, reference.access, reference.waits)) {
          return std::unexpected("the tables do not map what the stream asks for");
        }
      }
      accesses -= count;
    }
    return {};
  };
  if (auto gone = go(point.warm_up); !gone) return std::unexpected(gone.error());
  mmu.reset_counters();
  if (auto gone = go(point.accesses); !gone) return std::unexpected(gone.error());
  return Result{.number = point.number, .labels = point.labels, .counters = mmu.counters()};
}

}  // namespace axvm::lab
