#include <algorithm>
#include <array>
#include <lab/result.hpp>
#include <sim/timing/timing_mmu.hpp>

namespace axvm::lab {

std::expected<Result, std::string> run(const Point& point) {
  const auto tables = TranslationTables::make(point.tables);
  if (!tables) return std::unexpected(tables.error());
  sim::timing::TimingMmu mmu(*point.profile, tables->memory());
  mmu.set_stage1(tables->stage1());
  mmu.set_stage2(tables->stage2());
  const auto stream = make_stream(point.stream);
  std::array<Reference, 1024> references;
  const auto go = [&](std::uint64_t accesses) {
    while (accesses > 0) {
      const auto count = std::min<std::uint64_t>(accesses, references.size());
      const std::span batch = std::span(references).first(count);
      stream->next(batch);
      for (const Reference& reference : batch) {
        if (!mmu.access(tables->va() + reference.offset, reference.access, reference.waits)) {
          return false;
        }
      }
      accesses -= count;
    }
    return true;
  };
  const bool warm = go(point.warm_up);
  mmu.reset_counters();
  if (!warm || !go(point.accesses)) {
    return std::unexpected("the tables do not map what the stream asks for");
  }
  return Result{.number = point.number, .labels = point.labels, .counters = mmu.counters()};
}

}  // namespace axvm::lab
