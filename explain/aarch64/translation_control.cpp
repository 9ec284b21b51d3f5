#include <fmt/format.h>

#include <explain/aarch64/layouts.hpp>

namespace axvm::explain::aarch64 {

namespace {

constexpr Values kAddressSizes{
    {0, "32 bits, 4 GiB"},  {1, "36 bits, 64 GiB"},  {2, "40 bits, 1 TiB"}, {3, "42 bits, 4 TiB"},
    {4, "44 bits, 16 TiB"}, {5, "48 bits, 256 TiB"}, {6, "52 bits, 4 PiB"}};
constexpr Values kShareability{
    {0, "Non-shareable"}, {1, "reserved"}, {2, "Outer Shareable"}, {3, "Inner Shareable"}};
constexpr Values kCacheability{{0, "Non-cacheable"},
                               {1, "write-back, read and write allocate"},
                               {2, "write-through, read allocate"},
                               {3, "write-back, read allocate"}};
constexpr Values kGranule0{{0, "4 KiB"}, {1, "64 KiB"}, {2, "16 KiB"}, {3, "reserved"}};
constexpr Values kGranule1{{0, "reserved"}, {1, "16 KiB"}, {2, "4 KiB"}, {3, "64 KiB"}};

std::string input_size(std::uint64_t, std::uint64_t value) {
  if (value < 12) return "less than the smallest, 12";
  if (value > 48) return "larger than the largest, 48";
  return fmt::format("2^{} bytes: input addresses have {} bits", 64 - value, 64 - value);
}

// The level of the root, by granule: 4 KiB, 64 KiB, 16 KiB.
std::string start_level(std::uint64_t word, std::uint64_t value) {
  constexpr std::uint64_t kDsAndSl2 = 3ULL << 32;
  switch (word >> 14 & 3) {
    case 0:
      if ((word & kDsAndSl2) == kDsAndSl2) return value == 0 ? "level -1" : "reserved";
      return value == 3 ? "level 3, with FEAT_TTST" : fmt::format("level {}", 2 - value);
    case 1: return value == 3 ? "reserved" : fmt::format("level {}", 3 - value);
    case 2: return value == 3 ? "level 0, with FEAT_LPA2" : fmt::format("level {}", 3 - value);
    default: return "the granule is reserved";
  }
}

std::string table_address(std::uint64_t word, std::uint64_t) {
  return fmt::format("table at {:#x}", word & 0x0000'ffff'ffff'fffe);
}

std::string intermediate_table(std::uint64_t word, std::uint64_t value) {
  return table_address(word, value) + ", an IPA when stage 2 is on";
}

constexpr Field kTcr[] = {
    res0(63, 62),
    flag(61, "MTX1", "extended tag checks of TTBR1's half", "bits 59:56 are a tag"),
    flag(60, "MTX0", "extended tag checks of TTBR0's half", "bits 59:56 are a tag"),
    flag(59, "DS", "52-bit addresses in 4 and 16 KiB granules (FEAT_LPA2)", "yes", "no"),
    flag(58, "TCMA1", "addresses with tag 0b1111 in TTBR1's half", "are not checked"),
    flag(57, "TCMA0", "addresses with tag 0b0000 in TTBR0's half", "are not checked"),
    flag(56, "E0PD1", "EL0's accesses of TTBR1's half", "fault without a walk"),
    flag(55, "E0PD0", "EL0's accesses of TTBR0's half", "fault without a walk"),
    flag(54, "NFD1", "non-fault walks of TTBR1's half", "disabled"),
    flag(53, "NFD0", "non-fault walks of TTBR0's half", "disabled"),
    flag(52, "TBID1", "TBI1 applies to", "data only", "data and instructions"),
    flag(51, "TBID0", "TBI0 applies to", "data only", "data and instructions"),
    flag(50, "HWU162", "hardware's use of bit 62, TTBR1's half", "allowed"),
    flag(49, "HWU161", "hardware's use of bit 61, TTBR1's half", "allowed"),
    flag(48, "HWU160", "hardware's use of bit 60, TTBR1's half", "allowed"),
    flag(47, "HWU159", "hardware's use of bit 59, TTBR1's half", "allowed"),
    flag(46, "HWU062", "hardware's use of bit 62, TTBR0's half", "allowed"),
    flag(45, "HWU061", "hardware's use of bit 61, TTBR0's half", "allowed"),
    flag(44, "HWU060", "hardware's use of bit 60, TTBR0's half", "allowed"),
    flag(43, "HWU059", "hardware's use of bit 59, TTBR0's half", "allowed"),
    flag(42, "HPD1", "hierarchical permissions of TTBR1's half", "disabled", "enabled"),
    flag(41, "HPD0", "hierarchical permissions of TTBR0's half", "disabled", "enabled"),
    flag(40, "HD", "hardware sets the dirty state", "yes", "no"),
    flag(39, "HA", "hardware sets the access flag", "yes", "no: AF clear is a fault"),
    flag(38, "TBI1", "top byte of TTBR1's half", "ignored", "part of the address"),
    flag(37, "TBI0", "top byte of TTBR0's half", "ignored", "part of the address"),
    flag(36, "AS", "ASID size", "16 bits", "8 bits"),
    res0(35, 35),
    {.high = 34, .low = 32, .name = "IPS", .about = "output size", .values = kAddressSizes},
    {.high = 31, .low = 30, .name = "TG1", .about = "granule of TTBR1's half", .values = kGranule1},
    {.high = 29, .low = 28, .name = "SH1", .about = "walks of TTBR1", .values = kShareability},
    {.high = 27,
     .low = 26,
     .name = "ORGN1",
     .about = "walks of TTBR1, outer caches",
     .values = kCacheability},
    {.high = 25,
     .low = 24,
     .name = "IRGN1",
     .about = "walks of TTBR1, inner caches",
     .values = kCacheability},
    flag(23, "EPD1", "walks of TTBR1", "disabled: every address faults", "enabled"),
    flag(22, "A1", "the ASID is in", "TTBR1_EL1", "TTBR0_EL1"),
    {.high = 21, .low = 16, .name = "T1SZ", .about = "size of TTBR1's half", .meaning = input_size},
    {.high = 15, .low = 14, .name = "TG0", .about = "granule of TTBR0's half", .values = kGranule0},
    {.high = 13, .low = 12, .name = "SH0", .about = "walks of TTBR0", .values = kShareability},
    {.high = 11,
     .low = 10,
     .name = "ORGN0",
     .about = "walks of TTBR0, outer caches",
     .values = kCacheability},
    {.high = 9,
     .low = 8,
     .name = "IRGN0",
     .about = "walks of TTBR0, inner caches",
     .values = kCacheability},
    flag(7, "EPD0", "walks of TTBR0", "disabled: every address faults", "enabled"),
    res0(6, 6),
    {.high = 5, .low = 0, .name = "T0SZ", .about = "size of TTBR0's half", .meaning = input_size},
};
static_assert(is_exact(kTcr));
constexpr Layout kTcrLayout{"Translation Control Register (EL1)", "Arm ARM, TCR_EL1", kTcr};

constexpr Field kVtcr[] = {
    res0(63, 46),
    flag(45, "HDBSS", "dirty state tracking in a structure", "enabled"),
    flag(44, "HAFT", "hardware sets the access flag of tables", "yes"),
    res0(43, 42),
    flag(41, "TL0", "top-level attribute 0", "checked"),
    flag(40, "GCSH", "guarded control stacks at stage 2", "assured"),
    res0(39, 39),
    flag(38, "D128", "descriptors of 128 bits", "yes", "no"),
    flag(37, "S2POE", "stage-2 permission overlays", "enabled"),
    flag(36, "S2PIE", "stage-2 indirect permissions", "enabled"),
    flag(35, "TL1", "top-level attribute 1", "checked"),
    flag(34, "AssuredOnly", "AssuredOnly attribute", "in use"),
    flag(33, "SL2", "start at level -1 (FEAT_LPA2)", "yes, with DS", "no"),
    flag(32, "DS", "52-bit addresses in 4 and 16 KiB granules (FEAT_LPA2)", "yes", "no"),
    res1(31, 31),
    flag(30, "NSA", "Non-secure IPA space, output", "Non-secure"),
    flag(29, "NSW", "Non-secure IPA space, walks", "Non-secure"),
    flag(28, "HWU62", "hardware's use of bit 62", "allowed"),
    flag(27, "HWU61", "hardware's use of bit 61", "allowed"),
    flag(26, "HWU60", "hardware's use of bit 60", "allowed"),
    flag(25, "HWU59", "hardware's use of bit 59", "allowed"),
    res0(24, 23),
    flag(22, "HD", "hardware sets the dirty state", "yes", "no"),
    flag(21, "HA", "hardware sets the access flag", "yes", "no: AF clear is a fault"),
    res0(20, 20),
    flag(19, "VS", "VMID size", "16 bits", "8 bits"),
    {.high = 18, .low = 16, .name = "PS", .about = "output size", .values = kAddressSizes},
    {.high = 15, .low = 14, .name = "TG0", .about = "granule", .values = kGranule0},
    {.high = 13, .low = 12, .name = "SH0", .about = "walks", .values = kShareability},
    {.high = 11,
     .low = 10,
     .name = "ORGN0",
     .about = "walks, outer caches",
     .values = kCacheability},
    {.high = 9, .low = 8, .name = "IRGN0", .about = "walks, inner caches", .values = kCacheability},
    {.high = 7, .low = 6, .name = "SL0", .about = "walks start at", .meaning = start_level},
    {.high = 5, .low = 0, .name = "T0SZ", .about = "size of the IPA space", .meaning = input_size},
};
static_assert(is_exact(kVtcr));
constexpr Layout kVtcrLayout{"Virtualization Translation Control Register", "Arm ARM, VTCR_EL2",
                             kVtcr};

constexpr Field kTtbr[] = {
    {.high = 63, .low = 48, .name = "ASID", .about = "address space identifier"},
    {.high = 47,
     .low = 1,
     .name = "BADDR",
     .about = "translation table base address",
     .meaning = intermediate_table},
    flag(0, "CnP", "common, not private", "other CPUs have the same tables"),
};
static_assert(is_exact(kTtbr));
constexpr Layout kTtbr0Layout{"Translation Table Base Register 0 (EL1)", "Arm ARM, TTBR0_EL1",
                              kTtbr};
constexpr Layout kTtbr1Layout{"Translation Table Base Register 1 (EL1)", "Arm ARM, TTBR1_EL1",
                              kTtbr};

constexpr Field kVttbr[] = {
    {.high = 63, .low = 48, .name = "VMID", .about = "VM identifier, 8 bits unless VTCR_EL2.VS"},
    {.high = 47,
     .low = 1,
     .name = "BADDR",
     .about = "stage-2 table base address",
     .meaning = table_address},
    flag(0, "CnP", "common, not private", "other CPUs have the same tables"),
};
static_assert(is_exact(kVttbr));
constexpr Layout kVttbrLayout{"Virtualization Translation Table Base Register",
                              "Arm ARM, VTTBR_EL2", kVttbr};

std::string attribute(std::uint64_t, std::uint64_t value) { return memory_type_text(value); }

consteval Field attr(std::uint8_t number, std::string_view name) {
  return {.high = static_cast<std::uint8_t>(number * 8 + 7),
          .low = static_cast<std::uint8_t>(number * 8),
          .name = name,
          .about = "memory type",
          .meaning = attribute};
}
constexpr Field kMair[] = {
    attr(7, "Attr7"), attr(6, "Attr6"), attr(5, "Attr5"), attr(4, "Attr4"),
    attr(3, "Attr3"), attr(2, "Attr2"), attr(1, "Attr1"), attr(0, "Attr0"),
};
static_assert(is_exact(kMair));
constexpr Layout kMairLayout{"Memory Attribute Indirection Register (EL1)", "Arm ARM, MAIR_EL1",
                             kMair};

std::string_view policy(std::uint64_t nibble) {
  if (nibble == 0b0100) return "non-cacheable";
  switch (nibble >> 2) {
    case 0b00: return "write-through, transient";
    case 0b01: return "write-back, transient";
    case 0b10: return "write-through";
    default: return "write-back";
  }
}

std::string allocation(std::uint64_t nibble) {
  static constexpr std::string_view kHints[] = {"no", "write", "read", "read and write"};
  if (nibble == 0b0100) return {};
  return fmt::format(", {} allocate", kHints[nibble & 3]);
}

}  // namespace

std::string memory_type_text(std::uint64_t attribute) {
  static constexpr std::string_view kDevice[] = {"Device-nGnRnE", "Device-nGnRE", "Device-nGRE",
                                                 "Device-GRE"};
  const std::uint64_t outer = attribute >> 4 & 15;
  const std::uint64_t inner = attribute & 15;
  if (outer == 0) {
    return (inner & 3) == 0 ? std::string(kDevice[inner >> 2])
                            : fmt::format("{}, or reserved", kDevice[inner >> 2]);
  }
  if (attribute == 0xf0) return "Tagged Normal, write-back";
  if (inner == 0) return "reserved, or of a feature";
  const auto text = [](std::uint64_t n) { return fmt::format("{}{}", policy(n), allocation(n)); };
  if (outer == inner) return "Normal, " + text(outer);
  return fmt::format("Normal, outer {}, inner {}", text(outer), text(inner));
}

const Layout& tcr_el1(std::uint64_t) { return kTcrLayout; }
const Layout& vtcr_el2(std::uint64_t) { return kVtcrLayout; }
const Layout& ttbr0_el1(std::uint64_t) { return kTtbr0Layout; }
const Layout& ttbr1_el1(std::uint64_t) { return kTtbr1Layout; }
const Layout& vttbr_el2(std::uint64_t) { return kVttbrLayout; }
const Layout& mair_el1(std::uint64_t) { return kMairLayout; }

}  // namespace axvm::explain::aarch64
