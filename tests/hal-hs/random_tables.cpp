// Random tables for both stages, and what our walker makes of them.
//
//   random_tables make SEED ROUNDS FILE    writes rounds of accesses (translation_rounds.hpp)
//   random_tables check FILE ANSWERS       compares what QEMU has printed with the walker; status 1
//   when
//                                          they differ
//
// Everything is drawn from what the architecture defines: no reserved bits, no extension that one
// of both lacks.

#include <array>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <sim/arch/riscv64/mmu.hpp>
#include <string>
#include <string_view>
#include <tests/hal-hs/translation_rounds.hpp>

namespace {

using namespace axvm;
using namespace axvm::test;

constexpr std::uint64_t kRam = 0x8000'0000;
constexpr std::uint64_t kRamSize = 0x4000'0000;

// Pages of the pool. The G-stage's roots have four each; every other table may be one of any level.
constexpr std::uint64_t kGRoots = 0;  // of Sv39x4, Sv48x4 and Sv57x4
constexpr std::uint64_t kGLevel3 = 12;
constexpr std::uint64_t kGLevel2 = 13;
constexpr std::uint64_t kIdentityLevel1 = 14;
constexpr std::uint64_t kIdentityLevel0 = 15;
constexpr std::uint64_t kGTables = 16;
constexpr std::uint64_t kVsTables = 28;

constexpr std::uint64_t kV = 1;
constexpr std::uint64_t kR = 1 << 1;
constexpr std::uint64_t kW = 1 << 2;
constexpr std::uint64_t kX = 1 << 3;
constexpr std::uint64_t kU = 1 << 4;
constexpr std::uint64_t kG = 1 << 5;
constexpr std::uint64_t kA = 1 << 6;
constexpr std::uint64_t kD = 1 << 7;
constexpr std::uint64_t kSum = 1 << 18;
constexpr std::uint64_t kMxr = 1 << 19;

constexpr std::uint64_t page(std::uint64_t n) { return kPool + n * 4096; }
constexpr std::uint64_t pointer(std::uint64_t address) { return address >> 12 << 10; }

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::unique_ptr<Round> round() {
    auto r = std::make_unique<Round>();
    set_registers(*r);
    fill_g_stage(*r);
    fill_vs_stage(*r);
    for (Question& question : r->questions) question = this->question();
    return r;
  }

 private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  bool percent(unsigned n) { return below(100) < n; }

  /// An address for a leaf: of the pool, of the pattern, or where no memory is. Aligned to 4 KiB,
  /// 2 MiB or more, so that leaves of higher levels are aligned now and then; never so that one
  /// reaches what the test does not own.
  std::uint64_t output(unsigned bits) {
    const unsigned shift = percent(50) ? 12 : 21;
    std::uint64_t address = 0;
    if (percent(40)) {
      address = page(below(kPoolPages));
    } else if (percent(70)) {
      address = kPattern + below(kPatternSize);
    } else {
      constexpr std::uint64_t kAbsent = std::uint64_t{1} << 40;
      address = (kAbsent | random_()) & ((std::uint64_t{1} << bits) - 1);
      if (percent(30)) return address >> 30 << 30;
    }
    return address >> shift << shift;
  }

  /// Permissions of a leaf, mostly such that something is allowed.
  std::uint64_t rights() {
    constexpr std::uint64_t kUsual[] = {kR | kX, kR | kW | kX, kR, kR | kW, kX};
    std::uint64_t bits = kUsual[below(has_fetches_ ? 2 : 5)];
    if (percent(3)) bits = kW | (percent(50) ? kX : 0);  // reserved: invalid
    if (percent(20)) bits |= kG;
    // QEMU sets these itself where they are clear (hal-hs/README.md).
    return bits | kA | kD;
  }

  /// Of every second table most entries are leaves, of the others few.
  bool is_pointer(std::uint64_t table) { return percent(table % 2 == 0 ? 85 : 15); }

  std::uint64_t g_entry(std::uint64_t table) {
    if (percent(5)) return random_() & ~kV;
    if (is_pointer(table)) return pointer(page(kGTables + below(kVsTables - kGTables))) | kV;
    return pointer(output(56)) | rights() | kV | (percent(95) ? kU : 0);
  }

  void fill_g_stage(Round& r) {
    for (std::uint64_t i = 0; i < kVsTables * 512; ++i) {
      r.pool[i] = g_entry(i < kGTables * 512 ? 0 : i / 512);
    }
    // The pool is where the VS-stage believes it to be, but for a page here and there.
    for (std::uint64_t i = 0; i < kPoolPages; ++i) {
      const std::uint64_t other = kVsTables + below(kPoolPages - kVsTables);
      std::uint64_t entry =
          pointer(page(percent(97) ? i : other)) | kV | kR | kW | kX | kU | kA | kD;
      constexpr std::uint64_t kMissing[] = {kV, kW, kU};
      if (percent(3)) entry &= ~kMissing[below(3)];
      r.pool[kIdentityLevel0 * 512 + i] = entry;
    }
    r.pool[kIdentityLevel1 * 512 + (kPool >> 21 & 511)] = pointer(page(kIdentityLevel0)) | kV;
    const std::uint64_t gib = kPool >> 30;
    r.pool[(kGRoots + 0) * 512 + gib] = pointer(page(kIdentityLevel1)) | kV;
    r.pool[kGLevel2 * 512 + gib] = pointer(page(kIdentityLevel1)) | kV;
    r.pool[(kGRoots + 4) * 512] = pointer(page(kGLevel2)) | kV;
    r.pool[kGLevel3 * 512] = pointer(page(kGLevel2)) | kV;
    r.pool[(kGRoots + 8) * 512] = pointer(page(kGLevel3)) | kV;
  }

  std::uint64_t vs_entry(std::uint64_t table) {
    if (percent(5)) return random_() & ~kV;
    if (is_pointer(table)) return pointer(page(kVsTables + below(kPoolPages - kVsTables))) | kV;
    return pointer(output(vs_output_bits_)) | rights() | kV | (percent(70) ? kU : 0);
  }
  void fill_vs_stage(Round& r) {
    for (std::uint64_t i = kVsTables * 512; i < kPoolWords; ++i) r.pool[i] = vs_entry(i / 512);
  }

  void set_registers(Round& r) {
    // QEMU's HLVX wants permission to read: whatever it asks for can be read where it can be
    // executed (hal-hs/README.md).
    has_fetches_ = percent(40);
    const std::uint64_t g_mode = percent(10) ? 0 : 8 + below(3);
    const std::uint64_t vs_mode = g_mode != 0 && percent(10) ? 0 : 8 + below(3);
    constexpr unsigned kGBits[] = {41, 50, 59};
    // QEMU wants the highest bit of a guest-physical address to be a sign (hal-hs/README.md).
    vs_output_bits_ = 56;
    if (g_mode == 8 || g_mode == 9) {
      vs_output_bits_ = percent(90) ? kGBits[g_mode - 8] - 1 : 56;
    }
    input_bits_ = vs_mode != 0 ? 39 + 9 * static_cast<unsigned>(vs_mode - 8) : vs_output_bits_;
    is_bare_ = vs_mode == 0;
    const std::uint64_t root = kGRoots + (g_mode != 0 ? 4 * (g_mode - 8) : 0);
    if (g_mode != 0) r.hgatp = g_mode << 60 | (1 + below(255)) << 44 | page(root) >> 12;
    if (vs_mode != 0) {
      r.vsatp =
          vs_mode << 60 | below(256) << 44 | page(kVsTables + below(kPoolPages - kVsTables)) >> 12;
    }
    // To QEMU's HLV SUM is set, and the two MXR have each other's place (hal-hs/README.md).
    r.sstatus = percent(30) ? kMxr : 0;
    r.vsstatus = std::uint64_t{2} << 32 | kSum | r.sstatus;
  }

  Question question() {
    std::uint64_t va = random_() & ((std::uint64_t{1} << input_bits_) - 1);
    if (is_bare_) {
      if (percent(70)) va = output(input_bits_) | (random_() & 0xfff);
    } else {
      // The highest bit is the sign.
      const std::uint64_t sign = std::uint64_t{1} << (input_bits_ - 1);
      va = (va ^ sign) - sign;
      if (percent(3)) va ^= std::uint64_t{1} << (input_bits_ + below(64 - input_bits_));
    }
    const Access other = has_fetches_ ? Access::Fetch : Access::Load;
    const Access access = percent(50) ? other : percent(50) ? Access::Load : Access::Store;
    return {va & ~std::uint64_t{7}, access, below(2)};
  }

  std::mt19937_64 random_;
  unsigned vs_output_bits_ = 56;
  unsigned input_bits_ = 39;
  bool is_bare_ = false;
  bool has_fetches_ = false;
};

int make(std::uint64_t seed, std::uint64_t rounds, const char* file) {
  std::ofstream out(file, std::ios::binary);
  Generator generator(seed);
  for (std::uint64_t n = 1; n <= rounds; ++n) {
    const auto round = generator.round();
    round->is_last = n == rounds ? 1 : 0;
    out.write(reinterpret_cast<const char*>(round.get()), sizeof(Round));
  }
  return out.good() ? 0 : 2;
}

/// The machine's side of a round.
class Machine {
 public:
  Machine(sim::PhysicalMemory& memory, const Round& round) : memory_(memory), round_(round) {
    std::memcpy(memory.at(kPool), round.pool.data(), sizeof(round.pool));
    for (std::uint64_t at = kPattern; at < kPattern + kPatternSize; at += 8) {
      write(at, pattern_at(at));
    }
    mmu_.registers() = {round.vsatp, round.hgatp, 0};
  }

  Answer answer(const Question& question) {
    const sim::riscv64::AccessContext context{.access = question.access == Access::Store
                                                            ? sim::riscv64::Access::Store
                                                            : sim::riscv64::Access::Load,
                                              .user = question.user != 0,
                                              .sum = (round_.vsstatus & kSum) != 0,
                                              .mxr = (round_.vsstatus & kMxr) != 0,
                                              .hs_mxr = (round_.sstatus & kMxr) != 0,
                                              .hlvx = question.access == Access::Fetch};
    sim::riscv64::NoObserver nobody;
    auto found = mmu_.walk(question.address, context, nobody);
    if (found && memory_.at(found->pa) == nullptr) {
      found = std::unexpected(
          sim::riscv64::Fault{.kind = sim::riscv64::FaultKind::Access, .access = context.access});
    }
    if (!found) {
      const auto& fault = found.error();
      const bool is_g_stage = fault.kind == sim::riscv64::FaultKind::GuestPage;
      return {static_cast<std::uint64_t>(fault.cause()), question.address,
              is_g_stage ? fault.gpa >> 2 : 0, fault.implicit ? kImplicitLoad : 0};
    }
    switch (question.access) {
      case Access::Load: return {kDone, read(found->pa), 0, 0};
      case Access::Fetch: return {kDone, read(found->pa) & 0xffff, 0, 0};
      case Access::Store: write(found->pa, pattern_at(~question.address)); break;
    }
    return {kDone, 0, 0, 0};
  }

  /// htinst for the read of a VS-stage table's entry, of 64 bits.
  static constexpr std::uint64_t kImplicitLoad = 0x3000;

 private:
  std::uint64_t read(std::uint64_t pa) const {
    std::uint64_t value = 0;
    std::memcpy(&value, memory_.at(pa), sizeof value);
    return value;
  }
  void write(std::uint64_t pa, std::uint64_t value) {
    std::memcpy(memory_.at(pa), &value, sizeof value);
  }

  sim::PhysicalMemory& memory_;
  const Round& round_;
  sim::Statistics statistics_;
  sim::riscv64::Mmu mmu_{memory_, 64, statistics_};
};

constexpr std::uint64_t kLoadGuestPageFault = 21;
constexpr std::uint64_t kStoreGuestPageFault = 23;

/// htval and htinst have a meaning after guest-page faults; htinst one that matters when it is the
/// pseudoinstruction. What QEMU is known to do otherwise (hal-hs/README.md) is the same.
bool is_same(const Answer& qemu, const Answer& ours) {
  const bool implicit = ours.htinst == Machine::kImplicitLoad;
  const bool guest_page = ours.cause == kLoadGuestPageFault || ours.cause == kStoreGuestPageFault;
  if (qemu.cause != ours.cause && !(implicit && qemu.cause == kLoadGuestPageFault)) return false;
  if (qemu.value != ours.value || !guest_page) return qemu.value == ours.value;
  return qemu.htval == ours.htval && (qemu.htinst == Machine::kImplicitLoad) == implicit;
}

void show(const char* who, const Answer& a) {
  std::printf("  %s: cause %#" PRIx64 ", value %#" PRIx64 ", htval %#" PRIx64 ", htinst %#" PRIx64
              "\n",
              who, a.cause, a.value, a.htval, a.htinst);
}

std::optional<Answer> next_answer(std::istream& lines) {
  std::array<std::uint64_t, 4> words{};
  for (std::uint64_t& word : words) {
    std::string line;
    if (!std::getline(lines, line)) return std::nullopt;
    word = std::strtoull(line.c_str(), nullptr, 16);
  }
  return Answer{words[0], words[1], words[2], words[3]};
}

int check(const char* file, const char* answers) {
  std::ifstream in(file, std::ios::binary);
  std::ifstream lines(answers);
  for (std::string line; std::getline(lines, line) && !line.starts_with("answers:");) {
  }
  const std::array banks = {sim::PhysicalMemory::Bank{kRam, kRamSize}};
  auto memory = sim::PhysicalMemory::create(banks);
  if (!memory) return 2;
  std::uint64_t asked = 0;
  std::uint64_t done = 0;
  std::uint64_t different = 0;
  const auto round = std::make_unique<Round>();
  for (unsigned n = 0; in.read(reinterpret_cast<char*>(round.get()), sizeof(Round)); ++n) {
    Machine machine(*memory, *round);
    for (const Question& question : round->questions) {
      const auto qemu = next_answer(lines);
      if (!qemu) {
        std::printf("round %u: QEMU has broken off\n", n);
        return 1;
      }
      const Answer ours = machine.answer(question);
      ++asked;
      done += ours.cause == kDone ? 1 : 0;
      if (is_same(*qemu, ours) || ++different > 20) continue;
      constexpr const char* kNames[] = {"HLV.D", "HLVX.HU", "HSV.D"};
      std::printf("round %u (vsatp %#" PRIx64 ", hgatp %#" PRIx64 ", vsstatus %#" PRIx64
                  ", sstatus %#" PRIx64 "): %s of %#" PRIx64 " in V%c-mode\n",
                  n, round->vsatp, round->hgatp, round->vsstatus, round->sstatus,
                  kNames[static_cast<unsigned>(question.access)], question.address,
                  question.user != 0 ? 'U' : 'S');
      show("QEMU", *qemu);
      show("ours", ours);
    }
  }
  std::printf("%" PRIu64 " accesses, %" PRIu64 " of them successful: %" PRIu64 " differ\n", asked,
              done, different);
  return different == 0 && done != 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "make" && argc == 5) {
    return make(std::strtoull(argv[2], nullptr, 0), std::strtoull(argv[3], nullptr, 0), argv[4]);
  }
  if (command == "check" && argc == 4) return check(argv[2], argv[3]);
  std::fputs("random_tables make SEED ROUNDS FILE | check FILE ANSWERS\n", stderr);
  return 2;
}
