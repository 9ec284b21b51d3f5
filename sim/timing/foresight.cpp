#include <cstring>
#include <sim/timing/foresight.hpp>

namespace axvm::sim::timing {
namespace {

using Kind = Descriptor::Kind;

constexpr unsigned kPageShift = 12;  // the smallest

constexpr std::uint64_t offset(std::uint64_t address, unsigned shift) noexcept {
  return address & ((1ULL << shift) - 1);
}
// Where the region of `address` is when a leaf at `height` leads to `leaf`.
constexpr std::uint64_t region_in(const TableFormat& format, std::uint64_t leaf, unsigned height,
                                  std::uint64_t address) noexcept {
  const std::uint64_t within = offset(address, format.entry_shift(height));
  return leaf + within - offset(within, format.entry_shift(1));
}

}  // namespace

void Foresight::forget() noexcept {
  regions1_.clear();
  regions2_.clear();
}

void Foresight::restart() noexcept {
  slots_ = {};
  last_page_ = ~std::uint64_t{0};
}

Foresight::Region& Foresight::region(Regions& regions, std::uint64_t number) {
  if (regions.empty()) regions.resize(kRegions);
  return regions[number % kRegions];
}

void Foresight::begin(Slot& slot, std::uint64_t va) noexcept {
  slot.descriptor = nullptr;
  slot.to.reset();
  // What is in the page of the access before is seldom far from it.
  if (va >> kPageShift == last_page_) return;
  last_page_ = va >> kPageShift;
  slot.from = va;
  const Stage& stage = walker_.stage1(va);
  if (stage.format == nullptr) {
    slot.to = va;
    return;
  }
  const std::uint64_t input = va ^ stage.sign;
  const std::uint64_t number = input >> stage.format->entry_shift(1);
  Region& known = region(regions1_, number);
  if (known.number != number) {
    known = region1(stage, input);
    known.number = number;
  }
  look_up(slot, known, *stage.format, input);
}

void Foresight::go_on(Slot& slot) noexcept {
  if (slot.descriptor != nullptr) read_leaf(slot, *walker_.stage1(slot.from).format);
  const Stage& stage = walker_.stage2();
  if (!slot.to || stage.format == nullptr) return;
  slot.from = *slot.to;
  const std::uint64_t number = slot.from >> stage.format->entry_shift(1);
  Region& known = region(regions2_, number);
  if (known.number != number) {
    known = region2(stage, slot.from);
    known.number = number;
  }
  look_up(slot, known, *stage.format, slot.from);
}

void Foresight::end(Slot& slot) noexcept {
  if (slot.descriptor != nullptr) read_leaf(slot, *walker_.stage2().format);
  if (slot.to) hierarchy_.foresee(*slot.to);
}

void Foresight::look_up(Slot& slot, const Region& region, const TableFormat& format,
                        std::uint64_t input) const noexcept {
  slot.descriptor = nullptr;
  slot.to.reset();
  if (region.kind == Kind::Leaf) slot.to = region.pa + offset(input, format.entry_shift(1));
  if (region.kind != Kind::Table) return;
  slot.descriptor_pa = region.pa + format.index(input, 0) * 8;
  slot.descriptor = memory_.at(slot.descriptor_pa);
  __builtin_prefetch(slot.descriptor);
}

void Foresight::read_leaf(Slot& slot, const TableFormat& format) const noexcept {
  std::uint64_t entry = 0;
  std::memcpy(&entry, slot.descriptor, sizeof entry);
  slot.descriptor = nullptr;
  hierarchy_.foresee_walk(slot.descriptor_pa);
  const Descriptor leaf = format.decode(entry, 0);
  if (leaf.kind == Kind::Leaf) slot.to = leaf.address + offset(slot.from, format.page_shift);
}

Descriptor Foresight::read(const TableFormat& format, std::uint64_t pa,
                           unsigned height) const noexcept {
  const std::uint8_t* const at = memory_.at(pa);
  if (at == nullptr) return {};
  std::uint64_t entry = 0;
  std::memcpy(&entry, at, sizeof entry);
  return format.decode(entry, height);
}

std::optional<std::uint64_t> Foresight::stage2(std::uint64_t ipa) const noexcept {
  const Stage& stage = walker_.stage2();
  if (stage.format == nullptr) return ipa;
  const TableFormat& format = *stage.format;
  const Region found = region2(stage, ipa);
  if (found.kind == Kind::Leaf) return found.pa + offset(ipa, format.entry_shift(1));
  if (found.kind == Kind::Invalid) return std::nullopt;
  const Descriptor leaf = read(format, found.pa + format.index(ipa, 0) * 8, 0);
  if (leaf.kind != Kind::Leaf) return std::nullopt;
  return leaf.address + offset(ipa, format.page_shift);
}

Foresight::Region Foresight::region1(const Stage& stage, std::uint64_t input) const noexcept {
  const TableFormat& format = *stage.format;
  if (stage.refuses || input >> format.input_bits != 0) return {};
  std::uint64_t table = stage.root;
  for (unsigned height = format.levels - 1; height > 0; --height) {
    const auto pa = stage2(table + format.index(input, height) * 8);
    if (!pa) return {};
    const Descriptor entry = read(format, *pa, height);
    if (entry.kind == Kind::Invalid) return {};
    if (entry.kind == Kind::Leaf) {
      return {.kind = Kind::Leaf, .pa = region_in(format, entry.address, height, input)};
    }
    table = entry.address;
  }
  const auto pa = stage2(table);
  if (!pa) return {};
  return {.kind = Kind::Table, .pa = *pa};
}

Foresight::Region Foresight::region2(const Stage& stage, std::uint64_t ipa) const noexcept {
  const TableFormat& format = *stage.format;
  if (stage.refuses || (format.input_bits < 64 && ipa >> format.input_bits != 0)) return {};
  std::uint64_t table = stage.root;
  for (unsigned height = format.levels - 1; height > 0; --height) {
    const Descriptor entry = read(format, table + format.index(ipa, height) * 8, height);
    if (entry.kind == Kind::Invalid) return {};
    if (entry.kind == Kind::Leaf) {
      return {.kind = Kind::Leaf, .pa = region_in(format, entry.address, height, ipa)};
    }
    table = entry.address;
  }
  return {.kind = Kind::Table, .pa = table};
}

}  // namespace axvm::sim::timing
