#include <fmt/format.h>

#include <explain/aarch64/descriptor.hpp>

namespace axvm::explain::aarch64 {

namespace {

/// Fields in the making.
struct FieldList {
  std::array<Field, 24> fields{};
  std::size_t size = 0;

  consteval void add(Field field) { fields.at(size++) = field; }
  [[nodiscard]] constexpr std::span<const Field> all() const noexcept {
    return {fields.data(), size};
  }
};

constexpr Field kValid = flag(0, "valid", "the descriptor is", "valid", "invalid");
constexpr Values kShareability{
    {0, "Non-shareable"}, {1, "reserved"}, {2, "Outer Shareable"}, {3, "Inner Shareable"}};

std::string attribute_index(std::uint64_t, std::uint64_t value) {
  return fmt::format("Attr{} of MAIR_EL1", value);
}

template <unsigned kShift>
std::string output_address(std::uint64_t, std::uint64_t value) {
  return fmt::format("{:#x}", value << kShift);
}

// Below the output address of a leaf. Bit 16 of blocks is nT, which FEAT_BBM gave a meaning.
consteval void add_gap(FieldList& list, std::uint8_t shift) {
  if (shift > 17) {
    list.add(res0(static_cast<std::uint8_t>(shift - 1), 17));
    list.add(flag(16, "nT", "block translation entry (FEAT_BBM)", "not to be cached", "normal"));
    list.add(res0(15, 12));
  } else if (shift > 12) {
    list.add(res0(static_cast<std::uint8_t>(shift - 1), 12));
  }
}

template <unsigned kShift>
consteval Field address_field(std::string_view about) {
  return {.high = 47,
          .low = kShift,
          .name = "address",
          .about = about,
          .meaning = output_address<kShift>};
}

template <unsigned kShift>
consteval FieldList stage1_leaf(bool page) {
  FieldList list;
  list.add({.high = 63, .low = 63, .name = "63", .about = "ignored, or AMEC with FEAT_MEC"});
  list.add({.high = 62, .low = 59, .name = "PBHA", .about = "ignored, or for the memory system"});
  list.add({.high = 58, .low = 55, .name = "software", .about = "ignored by hardware"});
  list.add(flag(54, "UXN", "execute at EL0", "never", "allowed"));
  list.add(flag(53, "PXN", "execute at EL1", "never", "allowed"));
  list.add(flag(52, "Contiguous", "one of a run that a TLB may keep as one", "yes", "no"));
  list.add(flag(51, "DBM", "dirty bit modifier (FEAT_HAFDBS)", "hardware may clear AP[2]", "no"));
  list.add(flag(50, "GP", "guarded page (FEAT_BTI)", "yes", "no"));
  list.add(res0(49, 48));
  list.add(address_field<kShift>("output address"));
  add_gap(list, kShift);
  list.add(flag(11, "nG", "not global", "only for the current ASID", "for every ASID"));
  list.add(flag(10, "AF", "access flag", "may be cached in TLBs", "an access is a fault"));
  list.add({.high = 9, .low = 8, .name = "SH", .about = "shareability", .values = kShareability});
  list.add({.high = 7,
            .low = 6,
            .name = "AP[2:1]",
            .about = "data access",
            .values = Values{{0, "EL1 read/write"},
                             {1, "EL1 and EL0 read/write"},
                             {2, "EL1 read-only"},
                             {3, "EL1 and EL0 read-only"}}});
  list.add(flag(5, "NS", "output address space, in Secure state", "Non-secure", "Secure"));
  list.add({.high = 4,
            .low = 2,
            .name = "AttrIndx",
            .about = "memory type",
            .meaning = attribute_index});
  list.add(page ? flag(1, "type", "at level 3", "page", "reserved")
                : flag(1, "type", "at this level", "table", "block"));
  list.add(kValid);
  return list;
}

std::string stage2_memory(std::uint64_t, std::uint64_t value) {
  static constexpr std::string_view kDevice[] = {"Device-nGnRnE", "Device-nGnRE", "Device-nGRE",
                                                 "Device-GRE"};
  static constexpr std::string_view kPolicy[] = {"reserved", "non-cacheable", "write-through",
                                                 "write-back"};
  if (value < 4) return std::string(kDevice[value]);
  const std::string_view outer = kPolicy[value >> 2];
  const std::string_view inner = kPolicy[value & 3];
  if (outer == inner) return fmt::format("Normal, {}", outer);
  return fmt::format("Normal, outer {}, inner {}", outer, inner);
}

template <unsigned kShift>
consteval FieldList stage2_leaf(bool page) {
  FieldList list;
  list.add({.high = 63, .low = 63, .name = "63", .about = "ignored, or AMEC with FEAT_MEC"});
  list.add({.high = 62, .low = 59, .name = "PBHA", .about = "ignored, or for the memory system"});
  list.add(flag(58, "AssuredOnly", "with VTCR_EL2.AssuredOnly; else ignored", "assured"));
  list.add({.high = 57, .low = 55, .name = "software", .about = "ignored by hardware"});
  list.add({.high = 54,
            .low = 53,
            .name = "XN[1:0]",
            .about = "execution; bit 53 only with FEAT_XNX",
            .values = Values{{0, "allowed"},
                             {1, "at EL0 only, with FEAT_XNX"},
                             {2, "never"},
                             {3, "at EL1 only, with FEAT_XNX; else never"}}});
  list.add(flag(52, "Contiguous", "one of a run that a TLB may keep as one", "yes", "no"));
  list.add(flag(51, "DBM", "dirty bit modifier (FEAT_HAFDBS)", "hardware may set S2AP[1]", "no"));
  list.add(res0(50, 48));
  list.add(address_field<kShift>("output address"));
  add_gap(list, kShift);
  list.add(flag(11, "FnXS", "with FEAT_XS", "XS is 0", "XS is stage 1's"));
  list.add(flag(10, "AF", "access flag", "may be cached in TLBs", "an access is a fault"));
  list.add({.high = 9, .low = 8, .name = "SH", .about = "shareability", .values = kShareability});
  list.add({.high = 7,
            .low = 6,
            .name = "S2AP",
            .about = "data access",
            .values = Values{{0, "none"}, {1, "read-only"}, {2, "write-only"}, {3, "read/write"}}});
  list.add(
      {.high = 5, .low = 2, .name = "MemAttr", .about = "memory type", .meaning = stage2_memory});
  list.add(page ? flag(1, "type", "at level 3", "page", "reserved")
                : flag(1, "type", "at this level", "table", "block"));
  list.add(kValid);
  return list;
}

template <unsigned kGranuleBits>
consteval FieldList table(bool stage1) {
  FieldList list;
  if (stage1) {
    list.add(flag(63, "NSTable", "tables below, in Secure state", "Non-secure", "Secure"));
    list.add(
        {.high = 62,
         .low = 61,
         .name = "APTable",
         .about = "data access below",
         .values = Values{
             {0, "no limit"}, {1, "not at EL0"}, {2, "read-only"}, {3, "read-only, not at EL0"}}});
    list.add(flag(60, "UXNTable", "execute at EL0 below", "never", "no limit"));
    list.add(flag(59, "PXNTable", "execute at EL1 below", "never", "no limit"));
    list.add({.high = 58, .low = 51, .name = "software", .about = "ignored by hardware"});
  } else {
    list.add(res0(63, 59));
    list.add({.high = 58, .low = 51, .name = "software", .about = "ignored by hardware"});
  }
  list.add(res0(50, 48));
  list.add(address_field<kGranuleBits>("next table"));
  if constexpr (kGranuleBits > 12) list.add(res0(kGranuleBits - 1, 12));
  list.add({.high = 11, .low = 2, .name = "11:2", .about = "ignored by hardware"});
  list.add(flag(1, "type", "at this level", "table", "block"));
  list.add(kValid);
  return list;
}

consteval FieldList invalid() {
  FieldList list;
  list.add({.high = 63, .low = 2, .name = "63:2", .about = "ignored by hardware"});
  list.add({.high = 1, .low = 1, .name = "type", .about = "no meaning, or a reserved type"});
  list.add(kValid);
  return list;
}

constexpr std::string_view kLeafSection =
    "Arm ARM, VMSAv8-64 block and page descriptors, 48-bit address";
constexpr std::string_view kTableSection = "Arm ARM, VMSAv8-64 table descriptors, 48-bit address";

template <unsigned kStage, unsigned kShift, bool kPage>
constexpr FieldList kLeaf = kStage == 1 ? stage1_leaf<kShift>(kPage) : stage2_leaf<kShift>(kPage);
template <unsigned kStage, unsigned kShift, bool kPage>
constexpr Layout kLeafLayout{kPage ? "page descriptor" : "block descriptor", kLeafSection,
                             kLeaf<kStage, kShift, kPage>.all()};
template <unsigned kStage, unsigned kGranuleBits>
constexpr FieldList kTable = table<kGranuleBits>(kStage == 1);
template <unsigned kStage, unsigned kGranuleBits>
constexpr Layout kTableLayout{"table descriptor", kTableSection,
                              kTable<kStage, kGranuleBits>.all()};
constexpr FieldList kInvalid = invalid();
constexpr Layout kInvalidLayout{"invalid descriptor", "Arm ARM, VMSAv8-64 descriptors: invalid",
                                kInvalid.all()};

template <unsigned kStage>
constexpr bool kStageIsExact =
    is_exact(kLeaf<kStage, 12, true>.all()) && is_exact(kLeaf<kStage, 14, true>.all()) &&
    is_exact(kLeaf<kStage, 16, true>.all()) && is_exact(kLeaf<kStage, 21, false>.all()) &&
    is_exact(kLeaf<kStage, 25, false>.all()) && is_exact(kLeaf<kStage, 29, false>.all()) &&
    is_exact(kLeaf<kStage, 30, false>.all()) && is_exact(kTable<kStage, 12>.all()) &&
    is_exact(kTable<kStage, 14>.all()) && is_exact(kTable<kStage, 16>.all());
static_assert(kStageIsExact<1> && kStageIsExact<2> && is_exact(kInvalid.all()));

template <unsigned kStage>
const Layout& leaf_layout(DescriptorPlace place) {
  switch (place.shift()) {
    case 12: return kLeafLayout<kStage, 12, true>;
    case 14: return kLeafLayout<kStage, 14, true>;
    case 16: return kLeafLayout<kStage, 16, true>;
    case 21: return kLeafLayout<kStage, 21, false>;
    case 25: return kLeafLayout<kStage, 25, false>;
    case 29: return kLeafLayout<kStage, 29, false>;
    default: return kLeafLayout<kStage, 30, false>;
  }
}

template <unsigned kStage>
const Layout& table_layout(DescriptorPlace place) {
  switch (place.granule_bits) {
    case 12: return kTableLayout<kStage, 12>;
    case 14: return kTableLayout<kStage, 14>;
    default: return kTableLayout<kStage, 16>;
  }
}

}  // namespace

DescriptorKind descriptor_kind(DescriptorPlace place, std::uint64_t word) noexcept {
  const unsigned type = word & 3;
  if (type == 3) return place.level == 3 ? DescriptorKind::Page : DescriptorKind::Table;
  // Without 52-bit addresses only the 4 KiB granule has blocks above level 2.
  const bool blocks = place.level == 2 || (place.level == 1 && place.granule_bits == 12);
  return type == 1 && blocks ? DescriptorKind::Block : DescriptorKind::Invalid;
}

const Layout& descriptor_layout(DescriptorPlace place, std::uint64_t word) {
  switch (descriptor_kind(place, word)) {
    case DescriptorKind::Invalid: return kInvalidLayout;
    case DescriptorKind::Table:
      return place.stage == 1 ? table_layout<1>(place) : table_layout<2>(place);
    default: return place.stage == 1 ? leaf_layout<1>(place) : leaf_layout<2>(place);
  }
}

std::uint64_t descriptor_address(DescriptorPlace place, std::uint64_t word) noexcept {
  const unsigned low =
      descriptor_kind(place, word) == DescriptorKind::Table ? place.granule_bits : place.shift();
  return word & 0x0000'ffff'ffff'ffff & ~((std::uint64_t{1} << low) - 1);
}

}  // namespace axvm::explain::aarch64
