#include <fmt/format.h>

#include <array>
#include <explain/riscv64/page_table_entry.hpp>

namespace axvm::explain::riscv64 {

namespace {

constexpr bool bit(std::uint64_t word, unsigned n) { return (word >> n & 1) != 0; }

constexpr std::uint64_t number_of(std::uint64_t word) {
  return word >> 10 & ((std::uint64_t{1} << 44) - 1);
}

// N with the low bits 1000 of PPN: 16 pages in a row.
constexpr bool is_run(std::uint64_t word) { return bit(word, 63); }

std::string table_address(std::uint64_t, std::uint64_t value) {
  return fmt::format("{:#x}", value << 12);
}
std::string output_address(std::uint64_t word, std::uint64_t value) {
  return fmt::format("{:#x}", (is_run(word) ? value & ~std::uint64_t{15} : value) << 12);
}

constexpr Field kNapot = flag(63, "N", "one of a run (Svnapot)", "16 pages in a row, 64 KiB", "no");
constexpr Field kMemoryType{.high = 62,
                            .low = 61,
                            .name = "PBMT",
                            .about = "memory type (Svpbmt)",
                            .values = Values{{0, "PMA: as the memory is"},
                                             {1, "NC: not cacheable, weakly ordered"},
                                             {2, "IO: not cacheable, strongly ordered"},
                                             {3, "reserved"}}};
constexpr Field kReserved{.high = 60, .low = 54, .name = "Reserved", .about = "0, or a fault"};
constexpr Field kSoftware{.high = 9, .low = 8, .name = "RSW", .about = "for software"};
constexpr Field kDirty = flag(7, "D", "dirty", "stored to", "a store faults, or sets it (Svadu)");
constexpr Field kAccessed = flag(6, "A", "accessed", "yes", "an access faults, or sets it (Svadu)");
constexpr Field kGlobal = flag(5, "G", "global", "in every address space", "only of its ASID");
constexpr Field kNotGlobal{.high = 5, .low = 5, .name = "G", .about = "no meaning in the G-stage"};
constexpr Field kExecute = flag(3, "X", "execute", "allowed", "no");
constexpr Field kWrite = flag(2, "W", "write", "allowed", "no");
constexpr Field kRead = flag(1, "R", "read", "allowed", "no");
constexpr Field kValid = flag(0, "V", "the entry is", "valid", "invalid");

constexpr Field kVsLeaf[] = {
    kNapot,
    kMemoryType,
    kReserved,
    {.high = 53, .low = 10, .name = "PPN", .about = "output address", .meaning = output_address},
    kSoftware,
    kDirty,
    kAccessed,
    kGlobal,
    flag(4, "U", "of user mode; supervisor mode needs SUM, and fetches nothing", "yes",
         "of supervisor mode alone"),
    kExecute,
    kWrite,
    kRead,
    kValid,
};
constexpr Field kGLeaf[] = {
    kNapot,
    kMemoryType,
    kReserved,
    {.high = 53, .low = 10, .name = "PPN", .about = "output address", .meaning = output_address},
    kSoftware,
    kDirty,
    kAccessed,
    kNotGlobal,
    flag(4, "U", "all accesses are as from U-mode", "allowed", "all of them fault"),
    kExecute,
    kWrite,
    kRead,
    kValid,
};
constexpr Field kVsTable[] = {
    {.high = 63, .low = 54, .name = "Reserved", .about = "0, or a fault"},
    {.high = 53, .low = 10, .name = "PPN", .about = "next table", .meaning = table_address},
    kSoftware,
    {.high = 7, .low = 6, .name = "Reserved", .about = "0: D and A are a leaf's"},
    kGlobal,
    {.high = 4, .low = 4, .name = "Reserved", .about = "0: U is a leaf's"},
    {.high = 3, .low = 1, .name = "XWR", .about = "0: a pointer to the next table"},
    kValid,
};
constexpr Field kGTable[] = {
    {.high = 63, .low = 54, .name = "Reserved", .about = "0, or a fault"},
    {.high = 53, .low = 10, .name = "PPN", .about = "next table", .meaning = table_address},
    kSoftware,
    {.high = 7, .low = 6, .name = "Reserved", .about = "0: D and A are a leaf's"},
    kNotGlobal,
    {.high = 4, .low = 4, .name = "Reserved", .about = "0: U is a leaf's"},
    {.high = 3, .low = 1, .name = "XWR", .about = "0: a pointer to the next table"},
    kValid,
};
std::string why_invalid(std::uint64_t word, std::uint64_t) {
  if (!bit(word, 0)) return "V is clear: the rest is for software";
  if (bit(word, 2) && !bit(word, 1)) return "W without R is reserved";
  const bool leaf = bit(word, 1) || bit(word, 3);
  if (!leaf && (word >> 61 != 0 || bit(word, 7) || bit(word, 6) || bit(word, 4))) {
    return "a pointer to a table with a reserved bit set";
  }
  if (!leaf) return "a pointer to a table at level 0";
  if ((word >> 54 & 0x7f) != 0) return "reserved bits are set";
  if ((word >> 61 & 3) == 3) return "PBMT is reserved";
  return "N without a run of 16 pages";
}
constexpr Field kInvalid[] = {
    {.high = 63, .low = 1, .name = "63:1", .about = "a fault", .meaning = why_invalid},
    kValid,
};
static_assert(is_exact(kVsLeaf) && is_exact(kGLeaf) && is_exact(kVsTable) && is_exact(kGTable) &&
              is_exact(kInvalid));

constexpr std::string_view kVsSection =
    "RISC-V Privileged, Sv39: Page-Based 39-bit Virtual-Memory System, Sv48, Sv57";
constexpr std::string_view kGSection = "RISC-V Privileged, Guest Physical Address Translation";

constexpr std::array<std::string_view, 5> kLeafNames = {"page", "megapage", "gigapage", "terapage",
                                                        "petapage"};
constexpr std::array<Layout, 5> kVsLeaves = {{{"leaf: a page", kVsSection, kVsLeaf},
                                              {"leaf: a megapage", kVsSection, kVsLeaf},
                                              {"leaf: a gigapage", kVsSection, kVsLeaf},
                                              {"leaf: a terapage", kVsSection, kVsLeaf},
                                              {"leaf: a petapage", kVsSection, kVsLeaf}}};
constexpr std::array<Layout, 5> kGLeaves = {{{"leaf: a page", kGSection, kGLeaf},
                                             {"leaf: a megapage", kGSection, kGLeaf},
                                             {"leaf: a gigapage", kGSection, kGLeaf},
                                             {"leaf: a terapage", kGSection, kGLeaf},
                                             {"leaf: a petapage", kGSection, kGLeaf}}};
constexpr Layout kVsPointer{"pointer to a table", kVsSection, kVsTable};
constexpr Layout kGPointer{"pointer to a table", kGSection, kGTable};
constexpr Layout kVsInvalid{"invalid entry", kVsSection, kInvalid};
constexpr Layout kGInvalid{"invalid entry", kGSection, kInvalid};

}  // namespace

EntryKind entry_kind(EntryPlace place, std::uint64_t word) noexcept {
  if (!bit(word, 0) || (word >> 54 & 0x7f) != 0) return EntryKind::Invalid;
  const bool leaf = bit(word, 1) || bit(word, 3);
  if (!leaf) {
    const bool reserved = word >> 61 != 0 || bit(word, 7) || bit(word, 6) || bit(word, 4);
    return place.level == 0 || reserved || bit(word, 2) ? EntryKind::Invalid : EntryKind::Table;
  }
  const bool write_only = bit(word, 2) && !bit(word, 1);
  const bool type_reserved = (word >> 61 & 3) == 3;
  const bool odd_run = is_run(word) && (place.level != 0 || (number_of(word) & 15) != 8);
  return write_only || type_reserved || odd_run ? EntryKind::Invalid : EntryKind::Leaf;
}

const Layout& entry_layout(EntryPlace place, std::uint64_t word) {
  switch (entry_kind(place, word)) {
    case EntryKind::Invalid: return place.g_stage ? kGInvalid : kVsInvalid;
    case EntryKind::Table: return place.g_stage ? kGPointer : kVsPointer;
    case EntryKind::Leaf: break;
  }
  return (place.g_stage ? kGLeaves : kVsLeaves).at(place.level);
}

std::uint64_t entry_address(EntryPlace place, std::uint64_t word) noexcept {
  const std::uint64_t address = number_of(word) << 12;
  if (entry_kind(place, word) == EntryKind::Table) return address;
  return address & ~((std::uint64_t{1} << leaf_shift(place, word)) - 1);
}

unsigned leaf_shift(EntryPlace place, std::uint64_t word) noexcept {
  constexpr unsigned kRun = 16;
  return place.level == 0 && is_run(word) ? kRun : place.shift();
}

std::string_view leaf_name(unsigned level) { return kLeafNames.at(level); }

}  // namespace axvm::explain::riscv64
