#pragma once
// VMSAv8-64 stage-2 translation tables, 4 KiB granule (DDI 0487 D8.2, D8.3).

#include <axvm/address.hpp>
#include <axvm/mapping.hpp>
#include <core/memory/page_table_format.hpp>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace axvm::aarch64 {

/// The shape of a stage-2 table: lookups per walk and bits of intermediate physical address.
using Stage2Geometry = PageTableGeometry;

inline constexpr Stage2Geometry kStage2FourLevels{.levels = 4, .input_bits = 48};
inline constexpr Stage2Geometry kStage2ThreeLevels{.levels = 3, .input_bits = 39};

/// Fields of a stage-2 descriptor (D8.3.1, D8.3.2).
namespace descriptor {
inline constexpr std::uint64_t kValid = 1ULL << 0;
inline constexpr std::uint64_t kTableOrPage = 1ULL << 1;  ///< clear: a block
inline constexpr unsigned kMemAttrShift = 2;
inline constexpr std::uint64_t kMemAttrMask = 0xfULL << kMemAttrShift;
inline constexpr std::uint64_t kMemAttrDeviceNGnRE = 0b0001ULL << kMemAttrShift;
inline constexpr std::uint64_t kMemAttrNonCacheable = 0b0101ULL << kMemAttrShift;
inline constexpr std::uint64_t kMemAttrWriteBack = 0b1111ULL << kMemAttrShift;
inline constexpr std::uint64_t kS2apRead = 1ULL << 6;
inline constexpr std::uint64_t kS2apWrite = 1ULL << 7;
inline constexpr std::uint64_t kShInner = 0b11ULL << 8;
inline constexpr std::uint64_t kAccessFlag = 1ULL << 10;
inline constexpr std::uint64_t kExecuteNever = 1ULL << 54;  ///< XN[1]; XN[0] needs FEAT_XNX
inline constexpr std::uint64_t kAddressMask = 0x0000'ffff'ffff'f000ULL;
/// Of a table descriptor, hardware ignores bits [11:2].
inline constexpr unsigned kLiveShift = 2;
inline constexpr std::uint64_t kLiveMask = 0x3ffULL << kLiveShift;
}  // namespace descriptor

// The order of bits that Stage2Format::leaf relies on.
static_assert(static_cast<unsigned>(MappingFlags::Read) == 0b01 &&
              static_cast<unsigned>(MappingFlags::Write) == 0b10 &&
              descriptor::kS2apWrite == 0b10 * descriptor::kS2apRead);
static_assert(static_cast<unsigned>(MappingFlags::Execute) == 1U << 2);
static_assert(static_cast<unsigned>(MappingFlags::Device) == 0b01U << 4 &&
              static_cast<unsigned>(MappingFlags::Uncached) == 0b10U << 4);

/// Policy of PageTable. Heights count from the last level: 0 holds pages (level 3 of the manual),
/// 1 holds 2 MiB blocks (level 2), 2 holds 1 GiB blocks (level 1), 3 holds tables only (level 0).
struct Stage2Format {
  static constexpr unsigned kGranuleShift = 12;
  static constexpr unsigned kIndexBits = 9;
  static constexpr unsigned kMinLevels = 3;
  static constexpr unsigned kMaxLevels = 4;
  static constexpr unsigned kMaxInputBits = 48;
  static constexpr std::size_t kMaxRootTables = 16;
  static constexpr unsigned kMaxLeafHeight = 2;
  static constexpr std::uint64_t kOutputLimit = 1ULL << 48;
  static constexpr std::uint64_t kInvalid = 0;

  static constexpr std::uint64_t kAddressBits = descriptor::kAddressMask;

  /// By Device and Uncached: the former wins.
  static constexpr std::uint64_t kMemAttrs[] = {
      descriptor::kMemAttrWriteBack, descriptor::kMemAttrDeviceNGnRE,
      descriptor::kMemAttrNonCacheable, descriptor::kMemAttrDeviceNGnRE};

  [[nodiscard]] static constexpr bool is_valid(std::uint64_t entry) noexcept {
    return (entry & descriptor::kValid) != 0;
  }
  [[nodiscard]] static constexpr bool is_leaf(std::uint64_t entry, unsigned height) noexcept {
    return is_valid(entry) && (height == 0 || (entry & descriptor::kTableOrPage) == 0);
  }
  [[nodiscard]] static constexpr bool is_table(std::uint64_t entry, unsigned height) noexcept {
    constexpr std::uint64_t kType = descriptor::kTableOrPage | descriptor::kValid;
    return height != 0 && (entry & kType) == kType;
  }
  /// `live`: how many entries of the table are valid, 0..512.
  [[nodiscard]] static constexpr std::uint64_t table(HostPhysAddr next, unsigned live) noexcept {
    return next.value | (std::uint64_t{live} << descriptor::kLiveShift) | descriptor::kTableOrPage |
           descriptor::kValid;
  }
  [[nodiscard]] static constexpr unsigned live(std::uint64_t entry) noexcept {
    return static_cast<unsigned>((entry & descriptor::kLiveMask) >> descriptor::kLiveShift);
  }
  /// One addition, because a page that is mapped waits for the count of the page before.
  [[nodiscard]] static constexpr std::uint64_t recounted(std::uint64_t entry, int change) noexcept {
    return entry + (static_cast<std::uint64_t>(change) << descriptor::kLiveShift);
  }
  /// The frame that a table or leaf entry points to.
  [[nodiscard]] static constexpr HostPhysAddr address(std::uint64_t entry) noexcept {
    return HostPhysAddr(entry & descriptor::kAddressMask);
  }

  [[nodiscard]] static constexpr std::uint64_t place(HostPhysAddr to) noexcept { return to.value; }
  /// Device wins over Uncached. User has no meaning at stage 2.
  [[nodiscard]] static constexpr std::uint64_t leaf(HostPhysAddr to, MappingFlags flags,
                                                    unsigned height) noexcept {
    using namespace descriptor;
    // Without branches, since this is most of what mapping a page costs.
    const std::uint64_t wanted = static_cast<std::uint32_t>(flags);
    const std::uint64_t permissions = (wanted & 0b11) * kS2apRead;
    const std::uint64_t execute_never = (~wanted >> 2 & 1) * kExecuteNever;
    const std::uint64_t memory = kMemAttrs[wanted >> 4 & 0b11];
    const std::uint64_t page = height == 0 ? kTableOrPage : 0;
    return to.value | kValid | kAccessFlag | kShInner | page | memory | permissions | execute_never;
  }
  /// Permissions may change in place; address, memory type and size by break-before-make (D8.16.1).
  [[nodiscard]] static constexpr bool may_replace(std::uint64_t from, std::uint64_t to) noexcept {
    using namespace descriptor;
    return ((from ^ to) & ~(kS2apRead | kS2apWrite | kExecuteNever)) == 0;
  }
  /// Keeps the address; AF, which is always set in leaves, tells it from kInvalid.
  [[nodiscard]] static constexpr std::uint64_t broken(std::uint64_t entry) noexcept {
    return entry & ~descriptor::kValid;
  }
  /// The inverse of leaf(), but for User and for Uncached under Device.
  [[nodiscard]] static constexpr MappingFlags flags(std::uint64_t entry) noexcept {
    using namespace descriptor;
    MappingFlags result = MappingFlags::None;
    if ((entry & kS2apRead) != 0) result = result | MappingFlags::Read;
    if ((entry & kS2apWrite) != 0) result = result | MappingFlags::Write;
    if ((entry & kExecuteNever) == 0) result = result | MappingFlags::Execute;
    // MemAttr 0b00xx is some kind of Device memory; of Normal, only WriteBack is cacheable here.
    const std::uint64_t attributes = entry & kMemAttrMask;
    if ((attributes >> (kMemAttrShift + 2)) == 0) {
      result = result | MappingFlags::Device;
    } else if (attributes != kMemAttrWriteBack) {
      result = result | MappingFlags::Uncached;
    }
    return result;
  }
};

/// ID_AA64MMFR0_EL1.PARange as bits of physical address (D24.2.64); at most 48 is used here.
[[nodiscard]] constexpr unsigned physical_address_bits(std::uint64_t mmfr0) noexcept {
  constexpr unsigned kBits[] = {32, 36, 40, 42, 44, 48};
  const auto range = static_cast<unsigned>(mmfr0 & 0xf);
  return range < 6 ? kBits[range] : 48;
}

/// The largest guest-physical space of a CPU: stage 2 may start at level 0 only with 44 bits or
/// more of physical address, and cannot exceed them (D8.2.1). Up to 43 bits it starts at level 1,
/// beyond 39 with concatenated tables (D8.2.2): one level less to walk.
[[nodiscard]] constexpr Stage2Geometry stage2_geometry(std::uint64_t mmfr0) noexcept {
  const unsigned bits = physical_address_bits(mmfr0);
  return {.levels = bits >= 44 ? 4U : 3U, .input_bits = bits};
}

/// VTCR_EL2 (D24.2.191): write-back inner-shareable walks, 4 KiB granule, 8-bit VMID. `pa_bits`
/// as physical_address_bits gives it.
[[nodiscard]] constexpr std::uint64_t vtcr_el2(Stage2Geometry geometry, unsigned pa_bits) noexcept {
  constexpr std::uint64_t kRes1 = 1ULL << 31;
  constexpr std::uint64_t kWriteBackWalks = (0b01ULL << 8) | (0b01ULL << 10);  // IRGN0, ORGN0
  constexpr std::uint64_t kInnerShareable = 0b11ULL << 12;                     // SH0
  const std::uint64_t t0sz = 64 - geometry.input_bits;
  const std::uint64_t start = (geometry.levels == 4 ? 0b10ULL : 0b01ULL) << 6;  // SL0
  std::uint64_t ps = 0;
  for (const unsigned bits : {36U, 40U, 42U, 44U, 48U}) ps += pa_bits >= bits ? 1 : 0;
  return kRes1 | (ps << 16) | kInnerShareable | kWriteBackWalks | start | t0sz;
}

/// VTTBR_EL2 (D24.2.192): the root's address and the VMID, 1..255.
[[nodiscard]] constexpr std::uint64_t vttbr_el2(HostPhysAddr root, Vmid vmid) noexcept {
  return (static_cast<std::uint64_t>(vmid.value) << 48) | root.value;
}

static_assert(PageTableShape<Stage2Format>::kEntries == 512);
static_assert(PageTableShape<Stage2Format>::kTableSize == kPageSize);
static_assert(PageTableShape<Stage2Format>::entry_size(0) == 4096);
static_assert(PageTableShape<Stage2Format>::entry_size(1) == 2ULL << 20);
static_assert(PageTableShape<Stage2Format>::entry_size(2) == 1ULL << 30);
static_assert(PageTableShape<Stage2Format>::entry_size(3) == 512ULL << 30);
static_assert(PageTableShape<Stage2Format>::reach(kStage2FourLevels) == 1ULL << 48);
static_assert(PageTableShape<Stage2Format>::reach(kStage2ThreeLevels) == 1ULL << 39);
static_assert(PageTableFormat<Stage2Format> && CountsInEntries<Stage2Format>);
static_assert(PageTableShape<Stage2Format>::root_tables(kStage2FourLevels) == 1);
static_assert(PageTableShape<Stage2Format>::root_tables(kStage2ThreeLevels) == 1);
static_assert(PageTableShape<Stage2Format>::root_tables({3, 40}) == 2);
static_assert(PageTableShape<Stage2Format>::root_tables({3, 43}) == 16);
static_assert(!PageTableShape<Stage2Format>::is_valid({3, 44}));
static_assert(!PageTableShape<Stage2Format>::is_valid({4, 53}));
static_assert(Stage2Format::live(Stage2Format::table(HostPhysAddr(0xffff'ffff'f000), 512)) == 512);
static_assert(Stage2Format::address(Stage2Format::table(HostPhysAddr(0xffff'ffff'f000), 512)) ==
              HostPhysAddr(0xffff'ffff'f000));
static_assert(!Stage2Format::is_valid(0xffff'ffff'f000));
static_assert(Stage2Format::recounted(Stage2Format::table(HostPhysAddr(0x1000), 512), -512) ==
              Stage2Format::table(HostPhysAddr(0x1000), 0));
static_assert(Stage2Format::recounted(Stage2Format::table(HostPhysAddr(0x1000), 0), 512) ==
              Stage2Format::table(HostPhysAddr(0x1000), 512));
static_assert(Stage2Format::broken(Stage2Format::leaf(HostPhysAddr(0), kReadWrite, 0)) !=
              Stage2Format::kInvalid);
static_assert(Stage2Format::leaf(HostPhysAddr(0x4000'0000), kReadWriteExecute, 0) == 0x4000'07ff);
static_assert(Stage2Format::leaf(HostPhysAddr(0x4020'0000), kReadWriteExecute, 1) == 0x4020'07fd);
static_assert(Stage2Format::flags(Stage2Format::leaf(HostPhysAddr(0), kReadWriteExecute, 1)) ==
              kReadWriteExecute);
static_assert(vtcr_el2(kStage2FourLevels, 48) == 0x8005'3590);
static_assert(vtcr_el2(kStage2ThreeLevels, 40) == 0x8002'3559);
static_assert(vtcr_el2(stage2_geometry(0b0010), 40) == 0x8002'3558);

}  // namespace axvm::aarch64
