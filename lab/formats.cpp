#include <algorithm>
#include <array>
#include <core/arch/aarch64/stage2_format.hpp>
#include <core/arch/aarch64/stage2_granule_formats.hpp>
#include <core/arch/aarch64/stage2_lpa2_format.hpp>
#include <core/arch/riscv64/g_stage_format.hpp>
#include <core/arch/x86_64/nested_format.hpp>
#include <core/memory/page_table.hpp>
#include <lab/flat_format.hpp>
#include <lab/formats.hpp>
#include <sim/arch/aarch64/table_formats.hpp>
#include <sim/arch/riscv64/table_formats.hpp>
#include <sim/arch/x86_64/table_formats.hpp>

namespace axvm::lab {
namespace {

using sim::timing::TableFormat;

template <std::size_t N>
constexpr const TableFormat* named(const std::array<TableFormat, N>& formats,
                                   std::string_view name) {
  for (const TableFormat& format : formats) {
    if (format.name == name) return &format;
  }
  return nullptr;
}

// --- guests: descriptors as Linux writes them, user pages that may be read, written, executed
// -----

namespace vmsa {
constexpr std::uint64_t table(std::uint64_t address) { return address | 3; }
// AF, inner shareable, EL0 may write; AttrIndx 0.
constexpr std::uint64_t leaf(std::uint64_t address, unsigned height) {
  return address | 0x741 | (height == 0 ? 2 : 0);
}
// TCR_EL1.DS: bits [9:8] are address bits [51:50].
constexpr std::uint64_t place_lpa2(std::uint64_t address) {
  return (address & ((1ULL << 50) - 1)) | (address >> 50 & 3) << 8;
}
constexpr std::uint64_t table_lpa2(std::uint64_t address) { return place_lpa2(address) | 3; }
constexpr std::uint64_t leaf_lpa2(std::uint64_t address, unsigned height) {
  return place_lpa2(address) | 0x441 | (height == 0 ? 2 : 0);
}
// 64 KiB granule: bits [15:12] are address bits [51:48].
constexpr std::uint64_t place_lpa(std::uint64_t address) {
  return (address & ((1ULL << 48) - 1)) | (address >> 48 & 0xf) << 12;
}
constexpr std::uint64_t table_lpa(std::uint64_t address) { return place_lpa(address) | 3; }
constexpr std::uint64_t leaf_lpa(std::uint64_t address, unsigned height) {
  return place_lpa(address) | 0x741 | (height == 0 ? 2 : 0);
}
}  // namespace vmsa

namespace riscv {
constexpr std::uint64_t table(std::uint64_t address) { return address >> 12 << 10 | 1; }
// D, A, U, X, W, R, V.
constexpr std::uint64_t leaf(std::uint64_t address, unsigned) { return address >> 12 << 10 | 0xdf; }
}  // namespace riscv

namespace x86 {
// U/S, R/W, P; in leaves D and A, and PS but for the last level.
constexpr std::uint64_t table(std::uint64_t address) { return address | 7; }
constexpr std::uint64_t leaf(std::uint64_t address, unsigned height) {
  return address | 0x67 | (height > 0 ? 0x80 : 0);
}
}  // namespace x86

constexpr GuestFormat arm(std::string_view name) {
  return {named(sim::aarch64::kTableFormats, name), vmsa::table, vmsa::leaf};
}
constexpr GuestFormat arm_lpa2(std::string_view name) {
  return {named(sim::aarch64::kTableFormats, name), vmsa::table_lpa2, vmsa::leaf_lpa2};
}
constexpr GuestFormat risc_v(std::string_view name) {
  return {named(sim::riscv64::kTableFormats, name), riscv::table, riscv::leaf};
}
constexpr GuestFormat intel(std::string_view name) {
  return {named(sim::x86_64::kTableFormats, name), x86::table, x86::leaf};
}

constexpr std::array kGuestFormats{
    arm("vmsa-4k-30"),
    arm("vmsa-4k-39"),
    arm("vmsa-4k-48"),
    arm_lpa2("vmsa-4k-52"),
    arm("vmsa-16k-36"),
    arm("vmsa-16k-47"),
    arm("vmsa-16k-48"),
    arm_lpa2("vmsa-16k-52"),
    arm("vmsa-64k-42"),
    arm("vmsa-64k-48"),
    GuestFormat{named(sim::aarch64::kTableFormats, "vmsa-64k-52"), vmsa::table_lpa, vmsa::leaf_lpa},
    risc_v("sv39"),
    risc_v("sv48"),
    risc_v("sv57"),
    intel("x86-4"),
    intel("x86-5"),
    intel("x86-4-flat"),
};

// --- stage 2: the core's
// --------------------------------------------------------------------------

// No CPU has seen the tables yet.
struct NoTlb {
  void invalidate(GuestPhysRange) {}
  void publish() {}
  void publish_data(std::span<std::byte>) {}
};

template <class Format>
class CoreTables : public NestedTables {
 public:
  explicit CoreTables(PageTable<Format, Frames> table) : table_(std::move(table)) {}

  static std::unique_ptr<NestedTables> make(Frames& frames, PageTableGeometry geometry) {
    auto table = PageTable<Format, Frames>::try_make(frames, geometry);
    if (!table) return nullptr;
    return std::make_unique<CoreTables>(std::move(*table));
  }
  [[nodiscard]] std::uint64_t root() const override { return table_.root().value; }
  [[nodiscard]] bool map(std::uint64_t ipa, std::uint64_t size, std::uint64_t pa) override {
    NoTlb tlb;
    auto mapped = table_.map({GuestPhysAddr(ipa), size}, HostPhysAddr(pa), kReadWriteExecute);
    if (!mapped) return false;
    std::move(*mapped).flush(tlb);
    return true;
  }

 private:
  PageTable<Format, Frames> table_;
};

template <class Format>
constexpr NestedFormat of_core(const TableFormat* format) {
  return {format, CoreTables<Format>::make};
}
template <class Format>
constexpr NestedFormat arm_tables(std::string_view name) {
  return of_core<Format>(named(sim::aarch64::kTableFormats, name));
}
template <class Format>
constexpr NestedFormat risc_v_tables(std::string_view name) {
  return of_core<Format>(named(sim::riscv64::kTableFormats, name));
}
template <class Format>
constexpr NestedFormat x86_tables(std::string_view name) {
  return of_core<Format>(named(sim::x86_64::kTableFormats, name));
}

// At stage 2 lookups do not begin at level 0, of one bit, but in two tables of level 1 side by side
// (DDI 0487, D8.2.2).
constexpr TableFormat kStage2Of16KWith48Bits = [] {
  TableFormat format = *named(sim::aarch64::kTableFormats, "vmsa-16k-47");
  format.name = "vmsa-16k-48";
  format.input_bits = 48;
  return format;
}();

constexpr std::array kNestedFormats{
    arm_tables<aarch64::Stage2Format>("vmsa-4k-39"),
    arm_tables<aarch64::Stage2Format>("vmsa-4k-40"),
    arm_tables<aarch64::Stage2Format>("vmsa-4k-48"),
    arm_tables<aarch64::Stage2Lpa2Format>("vmsa-4k-52"),
    arm_tables<aarch64::Stage2Format16K>("vmsa-16k-40"),
    arm_tables<aarch64::Stage2Format16K>("vmsa-16k-47"),
    of_core<aarch64::Stage2Format16K>(&kStage2Of16KWith48Bits),
    arm_tables<aarch64::Stage2Lpa2Format16K>("vmsa-16k-52"),
    arm_tables<aarch64::Stage2Format64K>("vmsa-64k-42"),
    arm_tables<aarch64::Stage2Format64K>("vmsa-64k-48"),
    arm_tables<aarch64::Stage2LpaFormat>("vmsa-64k-52"),
    risc_v_tables<riscv64::GStageFormat>("sv39x4"),
    risc_v_tables<riscv64::GStageFormat>("sv48x4"),
    risc_v_tables<riscv64::GStageFormat>("sv57x4"),
    x86_tables<x86_64::EptFormat>("ept-4"),
    x86_tables<x86_64::EptFormat>("ept-5"),
    x86_tables<x86_64::NptFormat>("npt-4"),
    x86_tables<x86_64::NptFormat>("npt-5"),
    x86_tables<FlatNestedFormat>("npt-4-flat"),
};

static_assert(std::ranges::all_of(kGuestFormats,
                                  [](const auto& f) { return f.format != nullptr; }));
static_assert(std::ranges::all_of(kNestedFormats,
                                  [](const auto& f) { return f.format != nullptr; }));

template <class T>
const T* find(std::span<const T> formats, std::string_view name) {
  const auto found = std::ranges::find(formats, name, [](const T& f) { return f.format->name; });
  return found == formats.end() ? nullptr : &*found;
}

}  // namespace

std::span<const GuestFormat> guest_formats() { return kGuestFormats; }
std::span<const NestedFormat> nested_formats() { return kNestedFormats; }
const GuestFormat* find_guest_format(std::string_view name) { return find(guest_formats(), name); }
const NestedFormat* find_nested_format(std::string_view name) {
  return find(nested_formats(), name);
}

}  // namespace axvm::lab
