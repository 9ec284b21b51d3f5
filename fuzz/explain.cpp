// Whatever is typed in is refused in one line or explained: registers as TOML, dumps, any word as
// any register or descriptor, any memory as tables.

#include <cstdint>
#include <explain/aarch64/exit.hpp>
#include <explain/aarch64/walk_page.hpp>
#include <explain/aarch64/walk_text.hpp>
#include <explain/registers.hpp>
#include <explain/riscv64/exit.hpp>
#include <explain/riscv64/page_table_entry.hpp>
#include <explain/riscv64/walk_page.hpp>
#include <explain/riscv64/walk_text.hpp>
#include <explain/text.hpp>
#include <explain/typed_input.hpp>
#include <fuzz/input.hpp>

namespace {

using namespace axvm::explain;
using namespace axvm::explain::aarch64;
using axvm::fuzz::Input;
using axvm::fuzz::require;
using axvm::sim::PhysicalMemory;

void check_text(Input& input) {
  const std::string text = input.text(4096);
  const auto typed = parse_registers("fuzz.toml", text);
  if (!typed) {
    require(!typed.error().empty(), "a refusal has a reason");
    for (const auto& finding : typed.error()) {
      const std::string line = to_string(finding);
      require(finding.at.line != 0, "a finding has a line");
      require(!line.empty() && line.find('\n') == std::string::npos, "a finding is one line");
    }
  }
  if (const auto dump = parse_dump(text)) require(!dump->file.empty(), "a dump has a file");
}

void check_words(Input& input) {
  const auto word = input.take<std::uint64_t>();
  for (const Register& known : registers()) {
    require(!word_text(known.name, known.layout(word), word).empty(), "every register has a text");
  }
  for (unsigned stage = 1; stage <= 2; ++stage) {
    for (unsigned level = 0; level < 4; ++level) {
      for (const unsigned granule : {12U, 14U, 16U}) {
        const DescriptorPlace place{stage, level, granule};
        require(!word_text("d", descriptor_layout(place, word), word).empty(),
                "every descriptor has a text");
      }
    }
  }
  const Exit exit{.esr = word, .far = input.take<std::uint64_t>(), .hpfar = word >> 7};
  require(!what_happened(exit).empty(), "every exit has a text");
  static_cast<void>(what_follows(exit));
}

void check_riscv64_words(Input& input) {
  const auto word = input.take<std::uint64_t>();
  for (unsigned level = 0; level < 5; ++level) {
    for (const bool g_stage : {false, true}) {
      const riscv64::EntryPlace place{.g_stage = g_stage, .level = level};
      require(!word_text("e", riscv64::entry_layout(place, word), word).empty(),
              "every entry has a text");
    }
  }
  const riscv64::Exit exit{.scause = input.take<std::uint8_t>() % 64U | (word >> 63) << 63,
                           .stval = word,
                           .htval = input.take<std::uint64_t>(),
                           .htinst = input.take<std::uint32_t>() | 0ULL,
                           .hstatus = word >> 7};
  require(!riscv64::what_happened(exit).empty(), "every trap has a text");
  static_cast<void>(riscv64::what_follows(exit));
}

/// Four frames whose entries mostly point to each other, and registers that mostly make sense.
void check_walk(Input& input) {
  constexpr std::uint64_t kRam = 0x4000'0000;
  auto memory = *PhysicalMemory::create(std::array{PhysicalMemory::Bank{kRam, 0x4000}});
  const auto frame = [&input] { return kRam + input.below(5) * 0x1000; };
  for (std::uint64_t pa = kRam; pa < kRam + 0x4000; pa += 8) {
    // Few decisions make all entries.
    if (pa % 0x200 != 0 && !input.once_in(16)) continue;
    const std::uint64_t word = frame() | input.take<std::uint16_t>() % 0x1000;
    std::memcpy(memory.at(pa), &word, sizeof word);
  }
  aarch64::TypedRegisters typed;
  typed.registers = {.sctlr_el1 = input.take<std::uint8_t>() | 0ULL,
                     .tcr_el1 = input.take<std::uint64_t>(),
                     .ttbr0_el1 = frame(),
                     .ttbr1_el1 = frame(),
                     .mair_el1 = input.take<std::uint64_t>(),
                     .hcr_el2 = input.take<std::uint8_t>() | 0ULL,
                     .vtcr_el2 = input.take<std::uint64_t>(),
                     .vttbr_el2 = frame()};
  axvm::sim::Statistics statistics;
  axvm::sim::aarch64::Mmu mmu(memory, 64, statistics, typed.features);
  mmu.registers() = typed.registers;
  const WalkQuestion question{.address = input.take<std::uint64_t>() >> input.below(64),
                              .stage2_only = input.below(4) == 0,
                              .access = static_cast<Access>(input.below(3)),
                              .el = static_cast<std::uint8_t>(input.below(2))};
  if (!question.stage2_only) {
    const auto filled = mmu.translate(question.address, {});
    require(!filled || filled->page_size >= 4096, "a translation is a page at least");
  }
  const ExplainedWalk told = walk(mmu, question);
  require(told.reads.size() <= 24, "a walk of 4 levels over 4 reads 24 descriptors at most");
  for (const WalkRead& read : told.reads) {
    require(read.step.index_high >= read.step.index_low, "an index has bits");
    require(read.for_stage1_level.value_or(0) <= 3, "a descriptor has a level");
  }
  require(!walk_text(told, input.below(2) != 0).empty(), "every walk has a text");
  require(!walk_page(told, "t", memory).empty(), "every walk has a page");
}

/// The same of RISC-V: a root of four frames, of either stage, and registers that were typed in.
void check_riscv64_walk(Input& input) {
  constexpr std::uint64_t kRam = 0x8000'0000;
  auto memory = *PhysicalMemory::create(std::array{PhysicalMemory::Bank{kRam, 0x8000}});
  const auto number = [&input] { return (kRam >> 12) + input.below(9); };
  for (std::uint64_t pa = kRam; pa < kRam + 0x8000; pa += 8) {
    if (pa % 0x400 != 0 && !input.once_in(32)) continue;
    const std::uint64_t word = number() << 10 | input.take<std::uint16_t>() % 0x400;
    std::memcpy(memory.at(pa), &word, sizeof word);
  }
  const auto root = [&] {
    static constexpr std::uint64_t kModes[] = {0, 8, 8, 8, 9, 9, 10, 10, 11};
    return input.one_of(kModes) << 60 | number();
  };
  const auto rarely = [&input] { return input.once_in(8) ? input.take<std::uint64_t>() : 0; };
  riscv64::TypedRegisters typed{.henvcfg = rarely() | std::uint64_t{input.below(2)} << 62,
                                .hstatus = rarely(),
                                .sstatus = input.take<std::uint64_t>(),
                                .vsstatus = input.take<std::uint64_t>()};
  if (input.below(4) == 0) {
    typed.satp = root();
  } else {
    typed.vsatp = root();
    typed.hgatp = root();
  }
  if (const std::string why = unsupported(typed); !why.empty()) {
    require(why.find('\n') == std::string::npos, "a refusal is one line");
    return;
  }
  axvm::sim::Statistics statistics;
  axvm::sim::riscv64::Mmu mmu(memory, 64, statistics);
  mmu.registers() = typed.registers();
  const riscv64::WalkQuestion question{
      .address = input.take<std::uint64_t>() >> input.below(64),
      .g_stage_only = !typed.one_stage() && input.below(4) == 0,
      .one_stage = typed.one_stage(),
      .context = typed.context(static_cast<riscv64::Access>(input.below(3)), input.below(2) != 0)};
  const riscv64::ExplainedWalk told = walk(mmu, question);
  require(told.reads.size() <= 35, "a walk of 5 levels over 5 reads 35 entries at most");
  for (const riscv64::WalkRead& read : told.reads) {
    require(read.step.index_high >= read.step.index_low, "an index has bits");
    require(read.for_vs_level.value_or(0) <= 4, "an entry has a level");
  }
  if (!told.result) {
    require(!missing_read_title(told).empty(), "a read that is missing has a title");
  }
  require(!walk_text(told, input.below(2) != 0).empty(), "every walk has a text");
  require(!walk_page(told, "t", memory).empty(), "every walk has a page");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  switch (input.below(5)) {
    case 0: check_text(input); break;
    case 1: check_words(input); break;
    case 2: check_walk(input); break;
    case 3: check_riscv64_words(input); break;
    default: check_riscv64_walk(input); break;
  }
  return 0;
}
