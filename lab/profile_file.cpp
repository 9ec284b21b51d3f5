#include <fmt/format.h>

#include <array>
#include <bit>
#include <hal-sim/config/size_text.hpp>
#include <hal-sim/config/toml_file.hpp>
#include <lab/profile_file.hpp>
#include <sim/timing/counters.hpp>
#include <utility>

namespace axvm::lab {
namespace {

using hal_sim::FieldReader;
using hal_sim::IntegerRange;
using hal_sim::ReadContext;
using hal_sim::Spelling;
using sim::timing::CacheShape;
using sim::timing::Level;
using sim::timing::LineCache;
using sim::timing::Profile;
using sim::timing::Replacement;

constexpr IntegerRange kEntries{1, 1U << 20};
constexpr IntegerRange kWays{1, 4096};
constexpr IntegerRange kCycles{0, 1'000'000};
constexpr std::uint64_t kLine = 64;

constexpr std::array kReplacements{Spelling<Replacement>{"lru", Replacement::Lru},
                                   Spelling<Replacement>{"plru", Replacement::TreePlru},
                                   Spelling<Replacement>{"random", Replacement::Random}};
enum class Serves : std::uint8_t { All, Fetches, Data };
constexpr std::array kServes{Spelling<Serves>{"all", Serves::All},
                             Spelling<Serves>{"fetches", Serves::Fetches},
                             Spelling<Serves>{"data", Serves::Data}};
constexpr std::array kLevels{Spelling<Level>{"l1", Level::L1}, Spelling<Level>{"l2", Level::L2},
                             Spelling<Level>{"l3", Level::L3},
                             Spelling<Level>{"memory", Level::Memory}};

// Reads one profile. Rows that are wrong leave invalid values behind; nobody uses them.
class ProfileReader {
 public:
  ProfileReader(ReadContext& context, const toml::table& root) : context_(context), root_(root) {}

  Profile read() {
    FieldReader reader(context_, root_, "");
    Profile profile;
    static_cast<void>(reader.string("about"));
    static_cast<void>(reader.strings("sources"));
    profile.walkers = narrow(reader.integer("walkers", {1, 64}).value_or(1));
    profile.outstanding = narrow(reader.integer("outstanding", {1, 1024}).value_or(1));
    each(reader, "l1_tlb", [&](FieldReader& row) { profile.l1_tlbs.push_back(tlb(row)); });
    each(reader, "l2_tlb", [&](FieldReader& row) { profile.l2_tlbs.push_back(tlb(row)); });
    each(reader, "stage1_walk_cache",
         [&](FieldReader& row) { profile.stage1_walk_caches.push_back(walk_cache(row)); });
    each(reader, "stage2_walk_cache",
         [&](FieldReader& row) { profile.stage2_walk_caches.push_back(walk_cache(row)); });
    each(reader, "ipa_cache",
         [&](FieldReader& row) { profile.ipa_caches.push_back({shape(row), pages(row)}); });
    if (const toml::table* const memory = reader.table("memory", false)) {
      read_memory(*memory, profile.memory);
    }
    if (const toml::table* const exits = reader.table("exits", false)) {
      profile.exits = read_exits(*exits);
    }
    reader.finish();
    if (const std::uint64_t entries = cache_entries(profile); entries > kMostCacheEntries) {
      context_.error({}, {}, fmt::format("has {} entries in all caches", entries),
                     fmt::format("at most {}", kMostCacheEntries));
    }
    return profile;
  }

 private:
  static std::uint32_t narrow(std::uint64_t value) { return static_cast<std::uint32_t>(value); }

  template <class F>
  void each(FieldReader& reader, std::string_view name, F&& f) {
    reader.rows(name, false, [&](const toml::node& node, const std::string& path) {
      if (!node.is_table()) {
        context_.error(FieldReader::location_of(node), path, "is no table",
                       fmt::format("[[{}]]", name));
        return;
      }
      FieldReader row(context_, *node.as_table(), path);
      f(row);
      row.finish();
    });
  }

  CacheShape shape(FieldReader& row) {
    CacheShape shape;
    shape.entries = narrow(row.required_integer("entries", kEntries));
    shape.ways = narrow(row.integer("ways", kWays).value_or(shape.entries));
    shape.replacement =
        row.choice<Replacement>("replacement", kReplacements).value_or(Replacement::Lru);
    check(row, shape);
    return shape;
  }
  void check(FieldReader& row, CacheShape shape) {
    if (shape.entries == 0 || shape.is_valid()) return;
    context_.error(context_.locations[row.path_of("entries")], row.path_of("entries"),
                   fmt::format("is {} with {} ways", shape.entries, shape.ways),
                   shape.replacement == Replacement::TreePlru
                       ? "a power of two of sets, and for plru of ways, at most 64"
                       : "a power of two of sets, each of at most 65535 ways");
  }
  std::vector<unsigned> pages(FieldReader& row) {
    std::vector<unsigned> shifts;
    for (const std::string& text : row.strings("pages")) {
      if (const auto shift = page_shift(text)) {
        shifts.push_back(*shift);
      } else {
        context_.error(context_.locations[row.path_of("pages")], row.path_of("pages"),
                       fmt::format("has \"{}\"", text), "page sizes such as \"4K\" or \"2M\"");
      }
    }
    return shifts;
  }
  sim::timing::TlbProfile tlb(FieldReader& row) {
    const Serves serves = row.choice<Serves>("serves", kServes).value_or(Serves::All);
    return {.shape = shape(row),
            .cycles = narrow(row.integer("cycles", kCycles).value_or(0)),
            .page_shifts = pages(row),
            .fetches = serves != Serves::Data,
            .data = serves != Serves::Fetches,
            .fracture = row.boolean("fracture").value_or(false),
            .coalesce = coalesce(row)};
  }
  std::uint32_t coalesce(FieldReader& row) {
    // As many descriptors as a line has.
    const std::uint64_t pages = row.integer("coalesce", {1, 8}).value_or(1);
    if (!std::has_single_bit(pages)) {
      context_.error(context_.locations[row.path_of("coalesce")], row.path_of("coalesce"),
                     fmt::format("is {}", pages), "1, 2, 4 or 8 pages");
      return 1;
    }
    return narrow(pages);
  }
  sim::timing::WalkCacheProfile walk_cache(FieldReader& row) {
    sim::timing::WalkCacheProfile cache{.shape = shape(row), .heights = {}};
    for (const std::uint64_t height : row.integers("heights")) {
      if (height < sim::timing::kMaxHeights) {
        cache.heights.push_back(static_cast<unsigned>(height));
      } else {
        context_.error(context_.locations[row.path_of("heights")], row.path_of("heights"),
                       fmt::format("has {}", height),
                       "0, the tables of pages, to 4, the fifth level");
      }
    }
    return cache;
  }
  void read_memory(const toml::table& table, sim::timing::HierarchyProfile& memory) {
    FieldReader reader(context_, table, "memory");
    const std::array caches{
        std::pair{std::string_view("l1i"), &memory.instructions},
        std::pair{std::string_view("l1"), memory.caches.data()},
        std::pair{std::string_view("l2"), &memory.caches[1]},
        std::pair{std::string_view("l3"), &memory.caches[2]},
    };
    for (const auto& [name, read] : caches) {
      const toml::table* const row = reader.table(name, false);
      if (row == nullptr) continue;
      FieldReader cache(context_, *row, reader.path_of(name));
      const auto size = cache.size("size", {kLine, 1ULL << 30});
      if (row->get("size") == nullptr) {
        context_.error(FieldReader::location_of(*row), cache.path_of("size"), "is missing",
                       "a size such as \"32K\"");
      }
      const std::uint32_t lines = narrow(size.value_or(0) / kLine);
      const std::uint32_t ways = narrow(cache.required_integer("ways", kWays));
      const bool whole = CacheShape{.entries = lines, .ways = ways}.is_valid();
      if (lines != 0 && ways != 0 &&
          (!whole || ways > LineCache::kMostWays || lines / ways < LineCache::kFewestSets)) {
        context_.error(context_.locations[cache.path_of("size")], cache.path_of("size"),
                       fmt::format("is {} lines with {} ways", lines, ways),
                       "a power of two of sets, at least 64, and at most 16 ways");
      }
      *read = {lines, ways, narrow(cache.required_integer("cycles", kCycles))};
      cache.finish();
    }
    memory.memory_cycles = narrow(reader.integer("cycles", kCycles).value_or(0));
    memory.walker_enters = reader.choice<Level>("walker_enters", kLevels).value_or(Level::L1);
    reader.finish();
  }

  sim::timing::ExitCosts read_exits(const toml::table& table) {
    FieldReader reader(context_, table, "exits");
    const auto cycles = [&](std::string_view name) {
      return narrow(reader.required_integer(name, kCycles));
    };
    sim::timing::ExitCosts exits{.world_switch = cycles("world_switch"),
                                 .call = cycles("call"),
                                 .register_access = cycles("register"),
                                 .device_access = cycles("device"),
                                 .process = cycles("process"),
                                 .page = cycles("page"),
                                 .exception = cycles("exception"),
                                 .interrupt = cycles("interrupt"),
                                 .interrupt_sent = cycles("interrupt_sent"),
                                 .interface_access = cycles("interface_access"),
                                 .devices_in_vmm = reader.strings("devices_in_vmm")};
    reader.finish();
    return exits;
  }

  ReadContext& context_;
  const toml::table& root_;
};

}  // namespace

std::optional<unsigned> page_shift(std::string_view text) {
  const auto size = hal_sim::parse_size(text);
  if (!size || !std::has_single_bit(*size) || *size < 4096) return std::nullopt;
  return static_cast<unsigned>(std::countr_zero(*size));
}

std::uint64_t cache_entries(const Profile& profile) {
  std::uint64_t sum = profile.memory.instructions.lines;
  for (const auto& cache : profile.memory.caches) sum += cache.lines;
  const auto add = [&sum](const auto& caches) {
    for (const auto& cache : caches) sum += cache.shape.entries;
  };
  add(profile.l1_tlbs);
  add(profile.l2_tlbs);
  add(profile.stage1_walk_caches);
  add(profile.stage2_walk_caches);
  add(profile.ipa_caches);
  return sum;
}

std::expected<Profile, std::vector<hal_sim::Diagnostic>> load_profile(
    const std::filesystem::path& file) {
  return hal_sim::load_toml(file, "a profile in TOML",
                            [&](ReadContext& context, const toml::table& root, const auto&) {
                              Profile profile = ProfileReader(context, root).read();
                              profile.name = file.stem().string();
                              return profile;
                            });
}

}  // namespace axvm::lab
