// Hardware walks tables while they change. Here every memory state between two writes is walked, by
// a walker written for this test, from the root and from every table that a walk cache may still
// hold: each address shows its old mapping, its new one, or none.

#include <doctest/doctest.h>
#include <rapidcheck.h>
#include <algorithm>
#include <core/memory/page_table.hpp>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <tests/core/page_table_fixture.hpp>
#include <tests/core/page_table_walkers.hpp>
#include <utility>
#include <vector>

using namespace axvm;
using namespace axvm::test;

namespace {

/// Entries whose every write is told, before the next one happens.
struct WatchedEntries {
  /// Told the entry and its old value.
  static inline std::function<void(const std::uint64_t*, std::uint64_t)> written;
  static std::uint64_t load(std::uint64_t& entry) { return entry; }
  static void store(std::uint64_t& entry, std::uint64_t value) {
    const std::uint64_t old = std::exchange(entry, value);
    if (written) written(&entry, old);
  }
  static void publish(std::uint64_t& entry, std::uint64_t value) { store(entry, value); }
};

/// Frames whose return is told; they are overwritten at once, as the next owner would.
struct WatchedMemory {
  std::optional<HostPhysAddr> allocate_frame() { return hal.allocate_frame(); }
  std::optional<HostPhysAddr> allocate_frames(std::size_t count, std::size_t alignment) {
    return hal.allocate_frames(count, alignment);
  }
  void deallocate_frame(HostPhysAddr frame) {
    if (freed) freed(frame.value);
    std::memset(hal.bytes(frame.value), 0xff, kPageSize);
    hal.deallocate_frame(frame);
  }
  void deallocate_frames(HostPhysAddr base, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) deallocate_frame(base + i * kPageSize);
  }
  HostVirtAddr phys_to_virt(HostPhysAddr hpa) { return hal.phys_to_virt(hpa); }

  FakeHal hal{4096};
  std::function<void(std::uint64_t)> freed;
};

/// Walks of words in memory.
template <class Entries>
class Walker {
 public:
  explicit Walker(WatchedMemory& memory) : memory_(memory) {}

  std::uint64_t word(std::uint64_t table, std::uint64_t index) const {
    return *reinterpret_cast<std::uint64_t*>(memory_.hal.bytes(table) + index * 8);
  }
  /// From the entry at `index` of a table at `height` on.
  MaybeView walk(std::uint64_t table, unsigned height, std::uint64_t index,
                 std::uint64_t gpa) const {
    const std::uint64_t entry = word(table, index);
    if (!Entries::is_valid(entry, height)) return std::nullopt;
    if (const auto next = Entries::table(entry, height)) {
      return walk(*next, height - 1, (gpa / size_at(height - 1)) % 512, gpa);
    }
    return Entries::leaf(entry, height, gpa);
  }

 private:
  WatchedMemory& memory_;
};

/// A table, the views that it should give, and all tables that CPUs may be walking.
template <class Entries>
class Theatre {
 public:
  using Format = typename Entries::Format;
  using WatchedTable = PageTable<Format, WatchedMemory, WatchedEntries>;
  static constexpr std::uint64_t kWindow = k512G - 2 * k2M;

  explicit Theatre(PageTableGeometry geometry)
      : top_(geometry.levels - 1), table_(*WatchedTable::try_make(memory, geometry)) {
    for (std::uint64_t gpa = k512G - k1G; gpa < k512G + k1G; gpa += k2M) old_[gpa];
    for (std::uint64_t gpa = kWindow; gpa < kWindow + 4 * k2M; gpa += kPageSize) old_[gpa];
    new_ = old_;
    discover();
    WatchedEntries::written = [this](const std::uint64_t* entry, std::uint64_t old) {
      written(entry, old);
    };
    memory.freed = [this](std::uint64_t frame) {
      expect(!tables_.contains(frame), "no frame is given back while a walker may be in it");
    };
    tlb.on_invalidate = [this](GuestPhysRange forgotten) { forget(forgotten); };
  }
  Theatre(const Theatre&) = delete;
  ~Theatre() {
    WatchedEntries::written = {};
    memory.freed = {};
  }

  /// Runs `change` while it is watched; `wanted` says what becomes of an address in `range`.
  template <class Change, class Wanted>
  bool run(GuestPhysRange range, Change&& change, Wanted&& wanted) {
    for (auto at = old_.lower_bound(range.base.value);
         at != old_.end() && at->first < range.end().value; ++at) {
      new_[at->first] = wanted(at->first, at->second);
    }
    hidden = 0;
    const bool done = change(table_);
    if (!done) new_ = old_;
    old_ = new_;
    for (const auto& [gpa, view] : old_) {
      const std::uint64_t index = gpa / size_at(top_);
      const MaybeView walked = Walker<Entries>(memory).walk(table_.root().value, top_, index, gpa);
      expect(walked == view, "in the end every address shows what it should");
      const auto found = table_.query(GuestPhysAddr(gpa));
      expect(found.has_value() == view.has_value() &&
                 (!found || Entries::view_of(found->hpa.value, found->flags) == *view),
             "look-up agrees with the walk");
    }
    for (const auto& [frame, place] : tables_) check(frame, place, 0, 512);
    if (!problem_.empty()) throw std::runtime_error(problem_);
    return done;
  }

  WatchedMemory memory;
  FakeTlb tlb;
  std::size_t writes = 0;  ///< that walkers could see
  std::size_t hidden = 0;  ///< views of nothing where both mappings are something

 private:
  struct Place {
    unsigned height;
    std::uint64_t base;
  };

  /// Core code must not be left by an exception: the first problem is kept for the end.
  void expect(bool holds, const char* law) {
    if (!holds && problem_.empty()) problem_ = law;
  }

  void written(const std::uint64_t* entry, std::uint64_t old) {
    const auto offset =
        FakeHal::kRam + static_cast<std::uint64_t>(reinterpret_cast<const std::byte*>(entry) -
                                                   memory.hal.bytes(FakeHal::kRam));
    const std::uint64_t frame = offset / kPageSize * kPageSize;
    const auto at = tables_.find(frame);
    if (at == tables_.end()) return;  // no walker can be there
    ++writes;
    const unsigned height = at->second.height;
    expect(!Entries::is_valid(old, height) || !Entries::is_valid(*entry, height) ||
               Entries::may_follow(old, *entry, height),
           "break before make");
    const std::uint64_t index = offset % kPageSize / 8;
    enter(frame, at->second, index);
    check(frame, at->second, index, index + 1);
  }
  /// Walks may go on through this entry from now on.
  void enter(std::uint64_t frame, Place place, std::uint64_t index) {
    const std::uint64_t d = Walker<Entries>(memory).word(frame, index);
    if (!Entries::is_valid(d, place.height)) return;
    const auto next = Entries::table(d, place.height);
    if (!next) return;
    const Place below{place.height - 1, place.base + index * size_at(place.height)};
    const auto [at, fresh] = tables_.insert({*next, below});
    expect(at->second.base == below.base, "a table translates one range only");
    if (!fresh) return;
    for (std::uint64_t i = 0; i < 512; ++i) enter(*next, below, i);
  }
  void discover() {
    const std::uint64_t span = 512 * size_at(top_);
    const std::size_t roots = PageTableShape<Format>::root_tables(table_.geometry());
    for (std::size_t n = 0; n < roots; ++n) {
      const std::uint64_t frame = table_.root().value + n * kPageSize;
      const Place root{top_, n * span};
      tables_.insert({frame, root});
      for (std::uint64_t i = 0; i < 512; ++i) enter(frame, root, i);
    }
  }
  /// Walk caches forget the tables on the way to these addresses, and may look them up again.
  void forget(GuestPhysRange range) {
    std::erase_if(tables_, [&](const auto& table) {
      const Place& place = table.second;
      return GuestPhysRange{GuestPhysAddr(place.base), 512 * size_at(place.height)}.overlaps(range);
    });
    discover();
  }

  /// Entries `first` to `last` of a table show what they may.
  void check(std::uint64_t frame, Place place, std::uint64_t first, std::uint64_t last) {
    const std::uint64_t size = size_at(place.height);
    for (auto at = old_.lower_bound(place.base + first * size);
         at != old_.end() && at->first < place.base + last * size; ++at) {
      const auto& [gpa, old] = *at;
      const MaybeView seen =
          Walker<Entries>(memory).walk(frame, place.height, (gpa - place.base) / size, gpa);
      const MaybeView& wanted = new_.at(gpa);
      if (!seen && old && wanted) ++hidden;
      expect(!seen || seen == old || seen == wanted, "no address leads elsewhere for a while");
    }
  }

  unsigned top_;
  WatchedTable table_;
  std::map<std::uint64_t, MaybeView> old_;
  std::map<std::uint64_t, MaybeView> new_;
  std::map<std::uint64_t, Place> tables_;  ///< by frame
  std::string problem_;
};

/// One change that RapidCheck draws.
struct Drawn {
  GuestPhysRange at;
  std::uint64_t hpa = 0;
  MappingFlags flags = kReadWriteExecute;
};

Drawn draw() {
  const std::uint64_t unit = *rc::gen::elementOf(std::vector{kPageSize, kPageSize, k2M, k2M, k1G});
  const std::uint64_t around = unit == k1G ? 1 : 2;
  const std::uint64_t first =
      *rc::gen::inRange<std::uint64_t>(0, unit == kPageSize ? 1024 : 2 * around);
  const std::uint64_t base =
      (unit == kPageSize ? k512G - k2M : k512G - around * unit) + first * unit;
  const std::uint64_t most = unit == kPageSize ? 600 : 2 * around - first;
  const std::uint64_t n = *rc::gen::inRange<std::uint64_t>(1, most + 1);
  const auto flags =
      *rc::gen::element(kReadWriteExecute, kReadWrite, MappingFlags::Read,
                        kReadWrite | MappingFlags::Device, kReadWrite | MappingFlags::Uncached);
  const std::uint64_t away =
      *rc::gen::elementOf(std::vector<std::uint64_t>{0, 0, k1G, k2M, kPageSize});
  return {range(base, n * unit), base - k512G / 2 + away, flags};
}

template <class Entries>
std::vector<PageTableGeometry> geometries();
template <>
std::vector<PageTableGeometry> geometries<Stage2Entries>() {
  return {{4, 48}, {4, 44}, {3, 40}, {3, 43}};
}
template <>
std::vector<PageTableGeometry> geometries<GStageEntries>() {
  return {riscv64::kSv39x4, riscv64::kSv48x4, riscv64::kSv57x4};
}

}  // namespace

TEST_CASE_TEMPLATE("after every single write a walker sees the old mapping, the new one, or none",
                   Entries, Stage2Entries, GStageEntries) {
  std::size_t writes = 0;
  CHECK(rc::check("random changes, each memory state walked", [&] {
    Theatre<Entries> theatre(*rc::gen::elementOf(geometries<Entries>()));
    FakeHal& hal = theatre.memory.hal;
    FakeTlb& tlb = theatre.tlb;
    const int steps = *rc::gen::inRange(2, 10);
    for (int step = 0; step < steps; ++step) {
      const Drawn d = draw();
      if (*rc::gen::inRange(0, 6) == 0) hal.budget = *rc::gen::inRange<std::size_t>(0, 4);
      const auto mapped = [&](std::uint64_t gpa) {
        return Entries::view_of(d.hpa + (gpa - d.at.base.value), d.flags);
      };
      const auto same = [](std::uint64_t, MaybeView old) { return old; };
      const auto finish = [&](auto changed) {
        return !flushed(std::move(changed), tlb).has_value();
      };
      switch (*rc::gen::inRange(0, 8)) {
        case 0:
        case 1:
          theatre.run(
              d.at, [&](auto& t) { return finish(t.map(d.at, HostPhysAddr(d.hpa), d.flags)); },
              [&](std::uint64_t gpa, MaybeView) -> MaybeView { return mapped(gpa); });
          break;
        case 2:
          theatre.run(
              d.at, [&](auto& t) { return finish(t.unmap(d.at, tlb)); },
              [](std::uint64_t, MaybeView) -> MaybeView { return std::nullopt; });
          break;
        case 3:
          theatre.run(
              d.at, [&](auto& t) { return finish(t.protect(d.at, d.flags, tlb)); },
              [&](std::uint64_t, MaybeView old) -> MaybeView {
                if (!old) return old;
                return Entries::view_of(old->hpa, d.flags);
              });
          break;
        case 4:
          theatre.run(
              d.at,
              [&](auto& t) { return finish(t.remap(d.at, HostPhysAddr(d.hpa), d.flags, tlb)); },
              [&](std::uint64_t gpa, MaybeView) -> MaybeView { return mapped(gpa); });
          break;
        case 5:
          theatre.run(d.at, [&](auto& t) { return t.split_at(d.at.base, tlb).has_value(); }, same);
          break;
        case 6: {
          const GuestPhysRange some{d.at.base, std::min(d.at.size, 2 * k2M)};
          theatre.run(some, [&](auto& t) { return t.split_to_pages(some, tlb).has_value(); }, same);
          break;
        }
        default: theatre.run(d.at, [&](auto& t) { return t.merge(d.at, tlb).has_value(); }, same);
      }
      hal.budget.reset();
    }
    writes += theatre.writes;
  }));
  CHECK(writes > 1000);
}

TEST_CASE_TEMPLATE("permissions change in place: no walker ever misses the mapping", Entries,
                   Stage2Entries, GStageEntries) {
  Theatre<Entries> theatre(geometries<Entries>().front());
  const GuestPhysRange all = range(k512G - k2M, 2 * k2M + 5 * kPageSize);
  const auto view = [&](std::uint64_t gpa, MappingFlags flags) -> MaybeView {
    return Entries::view_of(k1G + (gpa - all.base.value), flags);
  };
  REQUIRE(theatre.run(
      all,
      [&](auto& t) {
        return !flushed(t.map(all, HostPhysAddr(k1G), kReadWriteExecute), theatre.tlb);
      },
      [&](std::uint64_t gpa, MaybeView) { return view(gpa, kReadWriteExecute); }));
  theatre.tlb.invalidated.clear();
  REQUIRE(theatre.run(
      all,
      [&](auto& t) {
        return !flushed(t.protect(all, MappingFlags::Read, theatre.tlb), theatre.tlb);
      },
      [&](std::uint64_t gpa, MaybeView) { return view(gpa, MappingFlags::Read); }));
  CHECK(theatre.hidden == 0);
  CHECK(theatre.tlb.invalidated == std::vector{all});
  // Another memory type needs break-before-make (DDI 0487 D8.16.1; on RISC-V, so that no hart mixes
  // both).
  const auto device = MappingFlags::Read | MappingFlags::Device;
  REQUIRE(theatre.run(
      all, [&](auto& t) { return !flushed(t.protect(all, device, theatre.tlb), theatre.tlb); },
      [&](std::uint64_t gpa, MaybeView) { return view(gpa, device); }));
  CHECK(theatre.hidden > 0);
}
