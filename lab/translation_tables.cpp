#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <lab/translation_tables.hpp>

namespace axvm::lab {
namespace {

using sim::PhysicalMemory;
using sim::timing::TableFormat;

// The guest's physical memory: its tables, then its data. Only the tables are RAM of the machine;
// nobody looks at the data.
constexpr std::uint64_t kTablesIpa = 4ULL << 30;
constexpr std::uint64_t kDataIpa = 64ULL << 30;
// Where the machine has the guest's memory, at most 4 TiB, and the core's tables: all of it where
// the model of the caches tells lines apart (sim/timing/line_cache.hpp).
constexpr std::uint64_t kGuestMemory = 1ULL << 40;
constexpr std::uint64_t kNestedTables = 7ULL << 40;
// Between both; a stage-2 leaf and the guest's tables take some of it.
constexpr std::uint64_t kMostData = 4ULL << 40;
static_assert((8ULL << 40) >> sim::timing::MemoryHierarchy::kLineShift <=
              sim::timing::LineCache::kLimit);

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t to) {
  return (value + to - 1) & ~(to - 1);
}
constexpr std::uint64_t leaf_size(const TableFormat& format, unsigned height) {
  return 1ULL << format.entry_shift(height);
}
// Room for tables down to `height` that map `size` bytes, with what the ends need.
std::uint64_t tables_size(const TableFormat& format, unsigned height, std::uint64_t size) {
  std::uint64_t total = round_up(format.root_size(), 1ULL << format.page_shift);
  for (unsigned h = height; h + 1 < format.levels; ++h) {
    total += ((size >> format.entry_shift(h + 1)) + 2) * format.table_size();
  }
  return total;
}
std::expected<void, std::string> check_limit(std::uint64_t bytes, std::uint64_t limit) {
  if (bytes <= limit) return {};
  return std::unexpected(fmt::format("its tables take {} MiB of memory, expected at most {} MiB",
                                     bytes >> 20, limit >> 20));
}

// A guest's tables while they are written. Tables come from ascending addresses.
class GuestTables {
 public:
  GuestTables(const GuestFormat& guest, const PhysicalMemory& memory, std::uint64_t first,
              std::uint64_t displacement)
      : guest_(guest), memory_(memory), next_(first), displacement_(displacement) {
    root_ = take(guest.format->root_size());
  }
  [[nodiscard]] std::uint64_t root() const { return root_; }

  void map(std::uint64_t va, std::uint64_t ipa, unsigned height) {
    const TableFormat& format = *guest_.format;
    std::uint64_t table = root_;
    for (unsigned h = format.levels - 1; h > height; --h) {
      const std::uint64_t slot = table + format.index(va, h) * 8;
      const auto entry = format.decode(read(slot), h);
      table = entry.address;
      if (entry.kind == sim::timing::Descriptor::Kind::Invalid) {
        table = take(format.table_size());
        write(slot, guest_.table(table));
      }
    }
    write(table + format.index(va, height) * 8, guest_.leaf(ipa, height));
  }

 private:
  std::uint64_t take(std::uint64_t size) {
    const std::uint64_t aligned =
        round_up(next_, std::bit_ceil(std::max(size, guest_.format->table_size())));
    next_ = aligned + size;
    return aligned;
  }
  [[nodiscard]] std::uint64_t read(std::uint64_t ipa) const {
    std::uint64_t entry = 0;
    std::memcpy(&entry, memory_.at(ipa + displacement_), sizeof entry);
    return entry;
  }
  void write(std::uint64_t ipa, std::uint64_t entry) const {
    std::memcpy(memory_.at(ipa + displacement_), &entry, sizeof entry);
  }

  const GuestFormat& guest_;
  const PhysicalMemory& memory_;
  std::uint64_t next_;
  std::uint64_t displacement_;
  std::uint64_t root_ = 0;
};

}  // namespace

std::uint64_t TranslationTables::expected_pa(std::uint64_t va) const noexcept {
  return (plan_ ? plan_->ipa_of(va) : va - va_ + kDataIpa) + displacement_;
}

// The guest's leaves, in a user's half and high enough for all tables' indices to be something;
// those of a trace are where they are.
std::expected<void, std::string> TranslationTables::plan_guest(const TablesSpec& spec,
                                                               std::uint64_t limit) {
  if (spec.guest == nullptr) {
    va_ = kDataIpa;
    if (spec.pages.empty()) return {};
    return std::unexpected("stage1 is off: a trace's addresses need tables");
  }
  const TableFormat& format = *spec.guest->format;
  const std::uint64_t region =
      leaf_size(format, std::ranges::max(spec.guest_leaves, {}, &LeafShare::height).height);
  GuestMemory memory{.leaves = spec.guest_leaves,
                     .pages = spec.pages,
                     .ipa = kDataIpa,
                     .fragmentation = spec.fragmentation,
                     .seed = spec.seed};
  if (spec.pages.empty()) {
    memory.first = va_ = (1ULL << (format.input_bits - 2)) + (1ULL << (format.input_bits - 4));
    memory.size = round_up(spec.footprint, region);
    if (memory.size > 1ULL << (format.input_bits - 2)) {
      return std::unexpected(fmt::format("footprint is too large for {}, expected at most {} bytes",
                                         format.name, 1ULL << (format.input_bits - 2)));
    }
  } else if (const std::uint64_t last = std::ranges::max(spec.pages);
             last >> format.input_bits != 0) {
    return std::unexpected(
        fmt::format("the trace has address {:#x}, expected at most {} bits for {}", last,
                    format.input_bits, format.name));
  }
  if (auto fits = check_limit(LeafPlan::memory_needed(format, memory), limit); !fits) return fits;
  plan_.emplace(format, memory);
  return {};
}

std::expected<TranslationTables, std::string> TranslationTables::make(const TablesSpec& spec,
                                                                      std::uint64_t limit) {
  TranslationTables tables;
  if (auto planned = tables.plan_guest(spec, limit); !planned) {
    return std::unexpected(planned.error());
  }
  const std::uint64_t data_size =
      tables.plan_ ? tables.plan_->size() : round_up(spec.footprint, kPageSize);
  if (data_size > kMostData) {
    return std::unexpected(
        fmt::format("the guest's memory is {} bytes, expected at most {}", data_size, kMostData));
  }
  std::uint64_t guest_size = tables.plan_ ? 2 * tables.plan_->tables_size() : 0;
  // Banks take no memory of the host where no table is; half of each is spare.
  std::uint64_t taken = guest_size / 2;
  std::vector<PhysicalMemory::Bank> banks;
  if (spec.nested != nullptr) {
    const TableFormat& format = *spec.nested->format;
    const std::uint64_t leaf = leaf_size(format, spec.nested_height);
    if (kDataIpa + data_size > 1ULL << format.input_bits) {
      return std::unexpected(fmt::format("footprint is too large for {}, expected at most {} bytes",
                                         format.name, (1ULL << format.input_bits) - kDataIpa));
    }
    // Aligned to the leaf and to nothing larger, so that leaves are no larger.
    tables.displacement_ = kGuestMemory + leaf;
    guest_size = round_up(guest_size, leaf);
    const std::uint64_t size =
        tables_size(format, spec.nested_height, round_up(data_size, leaf) + guest_size);
    banks.push_back({kNestedTables, 2 * size});
    taken += size;
  }
  if (auto fits = check_limit(taken, limit); !fits) return std::unexpected(fits.error());
  guest_size = round_up(guest_size, kPageSize);
  if (guest_size > kDataIpa - kTablesIpa) {
    return std::unexpected("footprint is too large: its tables take more than 60 GiB");
  }
  if (guest_size > 0) banks.push_back({kTablesIpa + tables.displacement_, guest_size});
  // The walker wants some memory, even if all stages are off.
  if (banks.empty()) banks.push_back({kNestedTables, kPageSize});
  auto memory = PhysicalMemory::create(banks);
  if (!memory) return std::unexpected(memory.error());
  tables.memory_ = std::make_unique<PhysicalMemory>(std::move(*memory));
  if (auto mapped = tables.map_nested(spec, guest_size, data_size); !mapped) {
    return std::unexpected(mapped.error());
  }
  tables.map_guest(spec);
  return tables;
}

void TranslationTables::map_guest(const TablesSpec& spec) {
  if (spec.guest == nullptr) return;
  GuestTables guest(*spec.guest, *memory_, kTablesIpa, displacement_);
  plan_->for_each([&](const Leaf& leaf) { guest.map(leaf.va, leaf.ipa, leaf.height); });
  stage1_ = {spec.guest->format, guest.root()};
}

std::expected<void, std::string> TranslationTables::map_nested(const TablesSpec& spec,
                                                               std::uint64_t guest_size,
                                                               std::uint64_t data_size) {
  if (spec.nested == nullptr) return {};
  const TableFormat& format = *spec.nested->format;
  const std::uint64_t leaf = leaf_size(format, spec.nested_height);
  const auto& bank = memory_->banks().front().base == kNestedTables ? memory_->banks().front()
                                                                    : memory_->banks().back();
  nested_frames_ = std::make_unique<Frames>(*memory_, bank.base, bank.size);
  nested_ = spec.nested->make(*nested_frames_);
  const auto map = [&](std::uint64_t ipa, std::uint64_t size) {
    return size == 0 || nested_->map(ipa, round_up(size, leaf), ipa + displacement_);
  };
  if (nested_ == nullptr || !map(kTablesIpa, guest_size) || !map(kDataIpa, data_size)) {
    return std::unexpected(fmt::format("{} cannot map the guest's memory", format.name));
  }
  stage2_ = {&format, nested_->root()};
  return {};
}

}  // namespace axvm::lab
