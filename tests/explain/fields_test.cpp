// The tables of fields: complete, without overlap, and what they say is what a word says.

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <explain/aarch64/descriptor.hpp>
#include <explain/aarch64/layouts.hpp>
#include <explain/decode.hpp>
#include <explain/registers.hpp>
#include <explain/riscv64/layouts.hpp>
#include <explain/riscv64/page_table_entry.hpp>
#include <explain/text.hpp>
#include <set>

using namespace axvm::explain;

namespace {

std::uint64_t reassembled(const Part& part) {
  std::uint64_t word = 0;
  for (const DecodedField& field : part.fields) word |= field.value << field.field->low;
  return word;
}

void check_layout(const Layout& layout, std::uint64_t word, unsigned high, unsigned low) {
  RC_ASSERT(is_exact(layout.fields));
  RC_ASSERT(layout.high() == high);
  RC_ASSERT(layout.low() == low);
  RC_ASSERT(!layout.title.empty());
  RC_ASSERT(layout.section.starts_with("Arm ") ||
            layout.section.starts_with("RISC-V Privileged, "));
  const std::uint64_t bits = (high == 63 ? ~std::uint64_t{0} : (std::uint64_t{2} << high) - 1);
  RC_ASSERT(reassembled(decode(layout, word).front()) ==
            (word & bits & (~std::uint64_t{0} << low)));
}

}  // namespace

TEST_CASE(
    "explain: the fields of each register are all of its bits, each once, whatever it holds") {
  for (const Register& known : registers()) {
    CAPTURE(known.name);
    CHECK(rc::check([&known](std::uint64_t word) {
      check_layout(known.layout(word), word, 63, 0);
      RC_ASSERT(!word_text(known.name, known.layout(word), word).empty());
    }));
  }
}

TEST_CASE("explain: each exception class has a syndrome of 25 bits, and a reserved one says so") {
  for (std::uint64_t ec = 0; ec < 64; ++ec) {
    CAPTURE(ec);
    const bool reserved = aarch64::exception_class_text(ec) == "reserved";
    CHECK(rc::check([ec, reserved](std::uint64_t noise) {
      const std::uint64_t esr = ec << 26 | (noise & 0x03ff'ffff);
      const Layout* const iss = aarch64::iss_layout(esr);
      check_layout(*iss, esr, 24, 0);
      RC_ASSERT((iss->title == "Reserved exception class") == reserved);
    }));
  }
}

TEST_CASE("explain: descriptors of each stage, level and granule are told by their low bits") {
  using namespace axvm::explain::aarch64;
  CHECK(rc::check([](std::uint64_t noise) {
    const DescriptorPlace place{
        .stage = *rc::gen::inRange(1U, 3U),
        .level = *rc::gen::inRange(0U, 4U),
        .granule_bits = *rc::gen::element(12U, 14U, 16U),
    };
    const std::uint64_t type = *rc::gen::inRange<std::uint64_t>(0, 4);
    const std::uint64_t word = (noise & ~std::uint64_t{3}) | type;
    check_layout(descriptor_layout(place, word), word, 63, 0);
    const DescriptorKind kind = descriptor_kind(place, word);
    RC_ASSERT((kind == DescriptorKind::Invalid) ||
              decode(descriptor_layout(place, word), word).front().find("address") != nullptr);
    if (type != 1 && type != 3) RC_ASSERT(kind == DescriptorKind::Invalid);
    if (type == 3)
      RC_ASSERT(kind == (place.level == 3 ? DescriptorKind::Page : DescriptorKind::Table));
    if (kind == DescriptorKind::Block) {
      const std::uint64_t size = std::uint64_t{1} << place.shift();
      RC_ASSERT(descriptor_address(place, word) % size == 0);
    }
  }));
}

TEST_CASE("explain: entries of RISC-V tables of each stage and level are told by their bits") {
  using namespace axvm::explain::riscv64;
  CHECK(rc::check([](std::uint64_t noise) {
    const EntryPlace place{.g_stage = *rc::gen::arbitrary<bool>(),
                           .level = *rc::gen::inRange(0U, 5U)};
    // Random words are all reserved.
    const std::uint64_t word = noise & ~(*rc::gen::element<std::uint64_t>(0, 0x7fULL << 54) |
                                         *rc::gen::element<std::uint64_t>(0, 0x7ULL << 61));
    check_layout(entry_layout(place, word), word, 63, 0);
    const EntryKind kind = entry_kind(place, word);
    RC_ASSERT((kind == EntryKind::Invalid) ==
              (decode(entry_layout(place, word), word).front().find("PPN") == nullptr));
    if ((word & 1) == 0) RC_ASSERT(kind == EntryKind::Invalid);
    if (kind == EntryKind::Leaf) {
      RC_ASSERT((word & 0b1010) != 0);
      RC_ASSERT(entry_address(place, word) % (std::uint64_t{1} << place.shift()) == 0);
    }
    if (kind == EntryKind::Table) RC_ASSERT(place.level > 0 && (word & 0b1110) == 0);
  }));
}

TEST_CASE("explain: registers are found by any case, and without a level") {
  CHECK(find_register("VTCR_EL2") == find_register("vtcr"));
  CHECK(find_register("esr")->name == "ESR_EL2");
  CHECK(find_register("Esr_El1")->name == "ESR_EL1");
  CHECK(find_register("tcr")->name == "TCR_EL1");
  CHECK(find_register("SCAUSE")->name == "scause");
  CHECK(find_register("vsatp")->name == "vsatp");
  CHECK(find_register("vtc") == nullptr);
  CHECK(find_register("") == nullptr);
}

TEST_CASE("explain: what a value means, as the manual has it") {
  const auto meaning = [](std::string_view name, std::uint64_t word, std::string_view field) {
    const auto parts = decode(find_register(name)->layout(word), word);
    return parts.front().find(field)->meaning;
  };
  CHECK(meaning("VTCR_EL2", 0x80043594, "PS") == "44 bits, 16 TiB");
  CHECK(meaning("VTCR_EL2", 0x80043594, "SL0") == "level 0");
  CHECK(meaning("VTCR_EL2", 0x80043594, "T0SZ") == "2^44 bytes: input addresses have 44 bits");
  CHECK(meaning("VTCR_EL2", 0x4000 | 1U << 6, "SL0") == "level 2");
  CHECK(meaning("MAIR_EL1", 0xff44'0400, "Attr1") == "Device-nGnRE");
  CHECK(meaning("MAIR_EL1", 0xff44'0400, "Attr2") == "Normal, non-cacheable");
  CHECK(meaning("MAIR_EL1", 0xff44'0400, "Attr3") == "Normal, write-back, read and write allocate");
  CHECK(meaning("SPSR_EL2", 0x3c5, "M[3:0]") == "EL1, SP_EL1 (EL1h)");
  CHECK(meaning("PAR_EL1", 0x80f, "FST") == "translation fault, level 3");
  CHECK(meaning("HPFAR_EL2", 0x90000, "FIPA").starts_with("page at IPA 0x9000000"));
  CHECK(meaning("TCR_EL1", 2ULL << 30, "TG1") == "4 KiB");
  CHECK(meaning("ICH_LR_EL2", 1ULL << 62, "State") == "pending");
  CHECK(meaning("ID_AA64MMFR0_EL1", 2ULL << 40, "TGran4_2") == "yes");
  CHECK(meaning("ID_AA64MMFR0_EL1", 9ULL << 40, "TGran4_2") == "reserved");
  // Others make processors, too.
  CHECK(meaning("MIDR_EL1", 0x41'0f'd41'0, "PartNum").empty());
  CHECK(meaning("MIDR_EL1", 0x6d'0f'd49'0, "Implementer").empty());
  CHECK(meaning("VTCR_EL2", 11, "T0SZ") == "less than the smallest, 12");
  CHECK(meaning("VTCR_EL2", 49, "T0SZ") == "larger than the largest, 48");
  CHECK(meaning("VTCR_EL2", 2U << 14 | 3U << 6, "SL0") == "level 0, with FEAT_LPA2");
  CHECK(meaning("VTCR_EL2", 3ULL << 32, "SL0") == "level -1");
  CHECK(meaning("VTCR_EL2", 3ULL << 32 | 1U << 6, "SL0") == "reserved");
  CHECK(meaning("VTCR_EL2", 1ULL << 32 | 1U << 6, "SL0") == "level 1");
  CHECK(meaning("PAR_EL1", 0x801 | 1U << 14, "Overlay") == "yes");
  CHECK(meaning("SPSR_EL2", 0x10 | 1ULL << 33, "PPEND") == "pending");
  CHECK(meaning("scause", 21, "Exception Code") == "load guest-page fault");
  CHECK(meaning("scause", 1ULL << 63 | 10, "Exception Code") ==
        "virtual supervisor external interrupt");
  CHECK(meaning("scause", 14, "Exception Code") == "reserved");
  CHECK(meaning("vscause", 25, "Exception Code") == "custom or platform use");
  CHECK(meaning("hgatp", 9ULL << 60 | 0x80203, "PPN") == "0x80200000");
  CHECK(meaning("vsatp", 8ULL << 60, "MODE") == "Sv39: 3 levels");
  CHECK(meaning("vsatp", 1ULL << 60, "MODE") == "reserved");
  CHECK(meaning("hstatus", 1U << 8 | 1U << 7, "SPVP") == "VS-mode");
  CHECK(meaning("vsstatus", 3U << 13, "FS") == "Dirty");
  CHECK(meaning("htval", 0x20000001, "htval").starts_with("GPA 0x80000004"));
  CHECK(meaning("htinst", 0x3000, "size") == "64 bits");
  CHECK(meaning("htinst", 0x00b5'2023 & 0x01f0'707f, "rs2") == "a1");
  CHECK(meaning("htinst", 0x0000'3507, "rd") == "f10");
  CHECK(meaning("hvip", 1U << 6, "VSTIP") == "raised by the hypervisor");
}

TEST_CASE("explain: what a RISC-V entry's field means, as the manual has it") {
  using namespace axvm::explain::riscv64;
  const auto meaning = [](EntryPlace place, std::uint64_t word, std::string_view field) {
    return decode(entry_layout(place, word), word).front().find(field)->meaning;
  };
  CHECK(meaning({.level = 1}, 0x2008'0001, "PPN") == "0x80200000");
  CHECK(meaning({}, 0x2008'00cf, "U") == "of supervisor mode alone");
  CHECK(meaning({.g_stage = true}, 0x2008'00cf, "U") == "all of them fault");
  CHECK(meaning({}, 0x2008'204f, "D") == "a store faults, or sets it (Svadu)");
  CHECK(meaning({}, 1ULL << 63 | 0x2008'20cf, "PPN") == "0x80200000");
  CHECK(leaf_shift({}, 1ULL << 63 | 0x2008'20cf) == 16);
  CHECK(meaning({}, 2ULL << 61 | 0xcf, "PBMT") == "IO: not cacheable, strongly ordered");
  CHECK(meaning({}, 5, "63:1") == "W without R is reserved");
  CHECK(meaning({}, 1, "63:1") == "a pointer to a table at level 0");
  CHECK(meaning({.level = 1}, 1U << 7 | 1, "63:1") ==
        "a pointer to a table with a reserved bit set");
  CHECK(meaning({.level = 1}, 1ULL << 63 | 0x2008'20cf, "63:1") == "N without a run of 16 pages");
}

TEST_CASE("explain: what a syndrome's field means may depend on another field") {
  const auto meaning = [](std::uint64_t esr, std::string_view field) {
    return decode(*aarch64::iss_layout(esr), esr).front().find(field)->meaning;
  };
  constexpr std::uint64_t kSmc32 = 0x13ULL << 26;
  constexpr std::uint64_t kMayHaveFailed = 1U << 19;
  constexpr std::uint64_t kCondition = 1U << 24 | 14U << 20;
  CHECK(meaning(kSmc32 | kMayHaveFailed, "CCKNOWNPASS") ==
        "conditional, and may have failed its condition code check");
  CHECK(meaning(kSmc32, "CCKNOWNPASS") == "unconditional, or passed its condition code check");
  CHECK(meaning(kSmc32 | kCondition | kMayHaveFailed, "CV") == "yes");
  CHECK(meaning(kSmc32 | kCondition | kMayHaveFailed, "COND") == "always");
  CHECK(meaning(kSmc32 | kCondition, "CV").empty());
  CHECK(meaning(kSmc32 | kCondition, "COND").empty());

  constexpr std::uint64_t kSError = 0x2fULL << 26;
  CHECK(meaning(kSError | 3U << 10 | 0x11, "AET") == "recoverable");
  CHECK(meaning(kSError | 4U << 10 | 0x11, "AET") == "reserved");
  CHECK(meaning(kSError | 3U << 10, "AET").empty());
  CHECK(meaning(kSError | 1U << 13 | 0x11, "IESB") == "the SError was synchronized by it");
  CHECK(meaning(kSError | 1U << 13, "IESB").empty());

  constexpr std::uint64_t kWfit = 1ULL << 26 | 2;
  CHECK(meaning(kWfit | 5U << 5 | 1U << 2, "RN") == "x5");
  CHECK(meaning(kWfit | 5U << 5, "RN").empty());
}

TEST_CASE("explain: what a descriptor's field means, as the manual has it") {
  using namespace axvm::explain::aarch64;
  const auto meaning = [](unsigned stage, std::uint64_t word, std::string_view field) {
    const DescriptorPlace page{.stage = stage};
    return decode(descriptor_layout(page, word), word).front().find(field)->meaning;
  };
  CHECK(meaning(1, 3U << 6 | 3, "AP[2:1]") == "EL1 and EL0 read-only");
  CHECK(meaning(1, 1U << 6 | 3, "AP[2:1]") == "EL1 and EL0 read/write");
  CHECK(meaning(1, 1ULL << 54 | 3, "UXN") == "never");
  CHECK(meaning(2, 2ULL << 53 | 3, "XN[1:0]") == "never");
  CHECK(meaning(2, 1ULL << 53 | 3, "XN[1:0]") == "at EL0 only, with FEAT_XNX");
  CHECK(meaning(2, 0xfU << 2 | 3, "MemAttr") == "Normal, write-back");
  CHECK(meaning(2, 1U << 2 | 3, "MemAttr") == "Device-nGnRE");
  CHECK(meaning(2, 1ULL << 58 | 3, "AssuredOnly") == "assured");
  const DescriptorPlace table{.stage = 2, .level = 1};
  CHECK(
      decode(descriptor_layout(table, 1ULL << 63 | 3), 1ULL << 63 | 3).front().fields[0].meaning ==
      "should be 0");
}
