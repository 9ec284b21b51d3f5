#include <algorithm>
#include <array>
#include <lab/result.hpp>
#include <lab/trace/trace_stream.hpp>
#include <sim/timing/timing_mmu.hpp>

namespace axvm::lab {

namespace {

// A guest's kernel that changes its tables now and then: it invalidates the page that is used next,
// by an instruction that does not trap. Where the tables are shadows, it has to exit before that.
class Updates {
 public:
  explicit Updates(const Point& point)
      : updates_(point.updates),
        exit_cycles_(point.shadow ? point.profile->exits->emulated_access() : 0) {}

  void before(std::uint64_t va, sim::timing::TimingMmu& mmu) {
    due_ += updates_;
    if (due_ < kMillion) return;
    due_ -= kMillion;
    mmu.advance(exit_cycles_);
    mmu.invalidate_va(va, 1);
  }

 private:
  static constexpr std::uint64_t kMillion = 1'000'000;

  std::uint64_t updates_;
  std::uint64_t exit_cycles_;
  std::uint64_t due_ = 0;  // in millionths of an update
};

}  // namespace

std::expected<Result, std::string> run(const Point& point, std::uint64_t memory) {
  if (point.shadow && point.tables.guest == nullptr) {
    return std::unexpected("stage2 is \"shadow\": stage1 is off, and has no shadow");
  }
  if (point.shadow && !point.profile->exits) {
    return std::unexpected("stage2 is \"shadow\": the profile has no [exits], which updates cost");
  }
  TablesSpec spec = point.tables;
  if (point.stream.kind == StreamKind::Trace) {
    auto pages = touched_pages(point.stream.trace, point.warm_up + point.accesses, memory);
    if (!pages) return std::unexpected(pages.error());
    spec.pages = std::move(*pages);
  }
  const auto tables = TranslationTables::make(spec, memory);
  if (!tables) return std::unexpected(tables.error());
  sim::timing::TimingMmu mmu(*point.profile, tables->memory());
  mmu.set_stage1(tables->stage1());
  mmu.set_stage2(tables->stage2());
  const auto stream = make_stream(point.stream);
  Updates updates(point);
  std::array<Reference, 1024> references;
  const auto access_all = [&](std::span<const Reference> batch) {
    if (point.updates == 0) return mmu.access_all(tables->va(), batch) == batch.size();
    return std::ranges::all_of(batch, [&](const Reference& reference) {
      const std::uint64_t va = tables->va() + reference.offset;
      updates.before(va, mmu);
      return mmu.access(va, reference.access, reference.waits).has_value();
    });
  };
  const auto go = [&](std::uint64_t accesses) -> std::expected<void, std::string> {
    while (accesses > 0) {
      const auto count = std::min<std::uint64_t>(accesses, references.size());
      const std::span batch = std::span(references).first(count);
      if (auto read = stream->next(batch); !read) return read;
      if (!access_all(batch)) {
        return std::unexpected("the tables do not map what the stream asks for");
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
