#include <algorithm>
#include <array>
#include <cstring>
#include <sim/timing/batched_walks.hpp>

namespace axvm::sim::timing {
namespace {

struct Tables {
  const PhysicalMemory& memory;
  Stage stage1;
  Stage stage2;
};

constexpr std::uint64_t offset(std::uint64_t address, unsigned shift) noexcept {
  return address & ((1ULL << shift) - 1);
}

// A walk between two reads: the host has been asked for the descriptor that is read next.
class SuspendedWalk {
 public:
  /// False when the walk has ended.
  bool begin(const Tables& tables, std::uint64_t va, std::optional<Translation>& result) {
    result_ = &result;
    result.reset();
    va_ = va;
    page_shift_ = kWhole;
    at_data_ = tables.stage1.format == nullptr;
    if (at_data_) return translate(tables, va);
    if (va >> tables.stage1.format->input_bits != 0) return false;
    height1_ = tables.stage1.format->levels - 1;
    return translate_entry(tables, tables.stage1.root);
  }
  /// Reads one descriptor; false when the walk has ended.
  bool go_on(const Tables& tables) {
    std::uint64_t entry = 0;
    std::memcpy(&entry, next_, sizeof entry);
    return in_stage2_ ? read_stage2(tables, entry) : read_stage1(tables, entry);
  }

 private:
  // Without stage 2, all intermediate addresses are in one page.
  static constexpr unsigned kWhole = 63;

  bool read_stage1(const Tables& tables, std::uint64_t entry) {
    const TableFormat& format = *tables.stage1.format;
    const Descriptor descriptor = format.decode(entry, height1_);
    switch (descriptor.kind) {
      case Descriptor::Kind::Table: --height1_; return translate_entry(tables, descriptor.address);
      case Descriptor::Kind::Leaf: break;
      case Descriptor::Kind::Invalid: return false;
    }
    at_data_ = true;
    page_shift_ = format.entry_shift(height1_);
    return translate(tables, descriptor.address + offset(va_, page_shift_ + descriptor.run_bits));
  }
  bool read_stage2(const Tables& tables, std::uint64_t entry) {
    const TableFormat& format = *tables.stage2.format;
    const Descriptor descriptor = format.decode(entry, height2_);
    switch (descriptor.kind) {
      case Descriptor::Kind::Table:
        --height2_;
        return expect(tables, descriptor.address + format.index(ipa_, height2_) * 8);
      case Descriptor::Kind::Leaf: break;
      case Descriptor::Kind::Invalid: return false;
    }
    const unsigned shift = format.entry_shift(height2_);
    return arrive(tables, descriptor.address + offset(ipa_, shift + descriptor.run_bits), shift);
  }
  // The entry for this walk of the stage-1 table at intermediate address `table`.
  bool translate_entry(const Tables& tables, std::uint64_t table) {
    return translate(tables, table + tables.stage1.format->index(va_, height1_) * 8);
  }
  bool translate(const Tables& tables, std::uint64_t ipa) {
    const TableFormat* const format = tables.stage2.format;
    if (format == nullptr) return arrive(tables, ipa, kWhole);
    if (format->input_bits < 64 && ipa >> format->input_bits != 0) return false;
    ipa_ = ipa;
    in_stage2_ = true;
    height2_ = format->levels - 1;
    return expect(tables, tables.stage2.root + format->index(ipa, height2_) * 8);
  }
  // Stage 2 has found where the intermediate address is.
  bool arrive(const Tables& tables, std::uint64_t pa, unsigned shift) {
    if (at_data_) {
      const unsigned page_shift = std::min(shift, page_shift_);
      *result_ = {.address = pa, .page_shift = page_shift, .run_shift = page_shift};
      return false;
    }
    in_stage2_ = false;
    return expect(tables, pa);
  }
  bool expect(const Tables& tables, std::uint64_t pa) {
    next_ = tables.memory.at(pa);
    if (next_ == nullptr) return false;
    __builtin_prefetch(next_);
    return true;
  }

  const std::uint8_t* next_ = nullptr;
  std::optional<Translation>* result_ = nullptr;
  std::uint64_t va_ = 0;
  std::uint64_t ipa_ = 0;
  unsigned height1_ = 0;
  unsigned height2_ = 0;
  unsigned page_shift_ = 0;  // of the stage-1 leaf
  bool in_stage2_ = false;
  bool at_data_ = false;  // what stage 2 is asked for is no table of stage 1 any more
};

}  // namespace

void walk_batch(const PhysicalMemory& memory, Stage stage1, Stage stage2,
                std::span<const std::uint64_t> vas, std::span<std::optional<Translation>> found) {
  const Tables tables{memory, stage1, stage2};
  std::array<SuspendedWalk, kWalksAtOnce> walks;
  std::size_t begun = 0;
  const auto begin_next = [&](SuspendedWalk& walk) {
    while (begun < vas.size()) {
      const std::size_t number = begun++;
      if (walk.begin(tables, vas[number], found[number])) return true;
    }
    return false;
  };
  std::size_t under_way = 0;
  while (under_way < walks.size() && begin_next(walks[under_way])) ++under_way;
  while (under_way > 0) {
    for (std::size_t i = 0; i < under_way;) {
      if (walks[i].go_on(tables) || begin_next(walks[i])) {
        ++i;
      } else {
        walks[i] = walks[--under_way];
      }
    }
  }
}

}  // namespace axvm::sim::timing
