// Random tables for both stages, and what our walker makes of them.
//
//   random_tables make SEED ROUNDS FILE    writes rounds of translations (translation_rounds.hpp)
//   random_tables check FILE ANSWERS       compares lines of PAR_EL1 with the walker's; status 1
//   when
//                                          they differ
//
// Everything is drawn from what the architecture defines: no reserved encodings, no RES0 bits.

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <random>
#include <sim/arch/aarch64/mmu.hpp>
#include <string>
#include <string_view>
#include <tests/hal-el2/translation_rounds.hpp>
#include <vector>

namespace {

using namespace axvm;
using namespace axvm::test;

constexpr std::uint64_t kRam = 0x4000'0000;
constexpr std::uint64_t kRamSize = 0x1000'0000;
// Pages of the pool: stage 2's tables by level, the rest are stage 1's.
constexpr std::uint64_t kStage2Roots = 2;
constexpr std::uint64_t kStage2Tables = 14;  // even ones of level 2, odd ones of level 3
constexpr std::uint64_t kIdentityLevel2 = 14;
constexpr std::uint64_t kIdentityLevel3 = 15;
constexpr std::uint64_t kStage1 = 16;
constexpr std::uint64_t kRoots = 8;  // of stage 1's, without blocks: at level 0 there are none

constexpr std::uint64_t page(std::uint64_t n) { return kPool + n * 4096; }

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::unique_ptr<Round> round() {
    auto r = std::make_unique<Round>();
    fill_stage2(*r);
    fill_stage1(*r);
    set_registers(*r);
    for (Question& question : r->questions) question = this->question();
    return r;
  }

 private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  bool percent(unsigned n) { return below(100) < n; }
  template <std::size_t N>
  std::uint64_t one_of(const std::uint64_t (&values)[N]) {
    return values[below(N)];
  }

  /// An output address, aligned to 2^`shift`: often near the pool, sometimes too wide.
  std::uint64_t output(unsigned shift) {
    std::uint64_t address = 0;
    if (percent(40)) {
      address = page(below(kPoolPages));
    } else if (percent(50)) {
      address = kRam + below(kRamSize);
    } else {
      address = random_() & ((std::uint64_t{1} << (percent(80) ? 40 : 48)) - 1);
    }
    return address >> shift << shift;
  }

  std::uint64_t stage2_attributes() {
    constexpr std::uint64_t kMemory[] = {0, 1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15, 15, 15, 15};
    constexpr std::uint64_t kShareability[] = {0, 2, 3};
    std::uint64_t bits = one_of(kMemory) << 2 | one_of(kShareability) << 8;
    bits |= (percent(70) ? 3 : below(4)) << 6;
    if (percent(90)) bits |= 1U << 10;
    if (percent(30)) bits |= std::uint64_t{1} << 54;
    return bits;
  }

  std::uint64_t stage2_entry(unsigned level) {
    if (percent(15)) return random_() & ~std::uint64_t{1};
    if (level < 3 && percent(70)) {
      const std::uint64_t pair = kStage2Roots + 2 * below((kStage2Tables - kStage2Roots) / 2);
      return page(level == 1 ? pair : pair + 1) | 0b11;
    }
    if (level == 3 && percent(5)) return 0b01;  // reserved: invalid
    return output(12 + 9 * (3 - level)) | stage2_attributes() | (level == 3 ? 0b11U : 0b01U);
  }

  void fill_stage2(Round& r) {
    for (std::uint64_t n = 0; n < kStage2Tables; ++n) {
      for (std::uint64_t i = 0; i < 512; ++i) {
        const unsigned level = n < kStage2Roots ? 1 : 2 + static_cast<unsigned>(n % 2);
        r.pool[n * 512 + i] = stage2_entry(level);
      }
    }
    // The pool is where stage 1 believes it to be, but for a page here and there.
    for (std::uint64_t i = 0; i < 512; ++i) {
      r.pool[kIdentityLevel2 * 512 + i] = stage2_entry(2);
      r.pool[kIdentityLevel3 * 512 + i] = stage2_entry(3);
    }
    for (std::uint64_t i = 0; i < kPoolPages; ++i) {
      const bool is_root = i >= kStage1 && i < kStage1 + kRoots;
      const std::uint64_t other = kStage1 + below(is_root ? kRoots : kPoolPages - kStage1);
      std::uint64_t entry =
          page(percent(95) ? i : other) | 0b11 | 3U << 8 | 15U << 2 | 1U << 6 | 1U << 10;
      if (percent(80)) entry |= 1U << 7;
      if (percent(3)) entry &= ~(std::uint64_t{1} << (percent(50) ? 0 : percent(50) ? 6 : 10));
      if (percent(3)) entry &= ~(std::uint64_t{0xF} << 2);  // Device, for HCR_EL2.PTW
      r.pool[kIdentityLevel3 * 512 + i] = entry;
    }
    for (std::uint64_t root = 0; root < kStage2Roots; ++root) {
      r.pool[root * 512 + (kPool >> 30)] = page(kIdentityLevel2) | 0b11;
    }
    r.pool[kIdentityLevel2 * 512 + ((kPool >> 21) & 511)] = page(kIdentityLevel3) | 0b11;
  }

  // One table serves at any level of stage 1: what is a table there is a page at level 3.
  std::uint64_t stage1_entry(bool may_be_block) {
    if (percent(15)) return random_() & ~std::uint64_t{1};
    if (!may_be_block || percent(65)) {
      std::uint64_t entry = page(kStage1 + below(kPoolPages - kStage1)) | 0b11;
      if (percent(10)) entry |= below(16) << 59;
      if (percent(80)) entry |= 1U << 10;
      entry |= below(2) << 11 | below(4) << 6 | below(8) << 2;
      constexpr std::uint64_t kShareability[] = {0, 2, 3};
      return entry | one_of(kShareability) << 8;
    }
    constexpr std::uint64_t kShareability[] = {0, 2, 3};
    std::uint64_t entry = output(30) | one_of(kShareability) << 8;
    entry |= below(8) << 2 | below(4) << 6 | below(2) << 11 | below(4) << 53;
    if (percent(90)) entry |= 1U << 10;
    return entry | 0b01;  // a block at levels 1 and 2
  }

  void fill_stage1(Round& r) {
    for (std::uint64_t i = kStage1 * 512; i < kPoolWords; ++i) {
      r.pool[i] = stage1_entry(i >= (kStage1 + kRoots) * 512);
    }
  }

  void set_registers(Round& r) {
    t0sz_ = 16 + below(24);
    t1sz_ = 16 + below(24);
    tbi_ = below(4);
    r.tcr_el1 = t0sz_ | t1sz_ << 16 | std::uint64_t{2} << 30 | one_of({0, 1, 2, 3, 4, 5}) << 32 |
                tbi_ << 37;
    if (percent(10)) r.tcr_el1 |= std::uint64_t{1} << (percent(50) ? 7 : 23);  // EPD0, EPD1
    r.ttbr0_el1 = page(kStage1 + below(kRoots)) | below(256) << 48;
    r.ttbr1_el1 = page(kStage1 + below(kRoots));
    // Device types, Non-cacheable, write-through, write-back, mixed; none that are transient.
    constexpr std::uint64_t kTypes[] = {0x00, 0x04, 0x08, 0x0C, 0x44, 0xFF,
                                        0xFF, 0xBB, 0x4F, 0xF4, 0xAF, 0xEE};
    for (unsigned n = 0; n < 8; ++n) r.mair_el1 |= one_of(kTypes) << (8 * n);
    r.sctlr_el1 = 0x30D0'0800 | 0x1004;
    if (percent(95)) r.sctlr_el1 |= 1;         // M
    if (percent(20)) r.sctlr_el1 |= 1U << 19;  // WXN
    r.hcr_el2 = std::uint64_t{1} << 31 | 1;    // RW, VM
    if (percent(30)) r.hcr_el2 |= 1U << 2;     // PTW
    // From level 1, at most as many bits of input as of output; inner shareable write-back walks.
    constexpr std::uint64_t kOutputBits[] = {32, 36, 40, 42, 44};
    const std::uint64_t ps = below(5);
    const std::uint64_t widest = kOutputBits[ps] < 39 ? kOutputBits[ps] : 39;
    r.vtcr_el2 = std::uint64_t{1} << 31 | ps << 16 | 3U << 12 | 1U << 10 | 1U << 8 | 1U << 6 |
                 (64 - widest + (ps == 0 ? 0 : below(3)));
    r.vttbr_el2 = page(below(kStage2Roots)) | std::uint64_t{1 + below(255)} << 48;
  }

  Question question() {
    const bool upper = percent(50);
    const std::uint64_t bits = 64 - (upper ? t1sz_ : t0sz_);
    std::uint64_t va = random_() & ((std::uint64_t{1} << bits) - 1);
    if (upper) va |= ~((std::uint64_t{1} << bits) - 1);
    if (percent(3)) va ^= std::uint64_t{1} << (bits + below(64 - bits));
    if (percent(3)) va = random_();
    return {va, below(2), below(2)};
  }

  std::mt19937_64 random_;
  std::uint64_t t0sz_ = 16;
  std::uint64_t t1sz_ = 16;
  std::uint64_t tbi_ = 0;
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

/// What QEMU is known to do otherwise (hal-el2/README.md).
bool is_permitted(std::uint64_t qemu, std::uint64_t ours) {
  const std::uint64_t differs = qemu ^ ours;
  constexpr std::uint64_t kFailed = 1;
  constexpr std::uint64_t kOnWalk = 1 << 8;
  constexpr std::uint64_t kLevel = 3 << 1;
  if ((ours & kFailed) != 0) return (ours & kOnWalk) != 0 && (differs & ~kLevel) == 0;
  // It takes the low half of a Normal type for one of Device memory when the other stage is that.
  constexpr std::uint64_t kType = 0xFULL << 56;
  constexpr std::uint64_t kShareability = 3 << 7;
  const bool is_device = ours >> 60 == 0;
  return is_device && (differs & ~(kShareability | kType)) == 0;
}

int check(const char* file, const char* answers) {
  std::ifstream in(file, std::ios::binary);
  std::ifstream lines(answers);
  const std::array banks = {sim::PhysicalMemory::Bank{kRam, kRamSize}};
  auto memory = sim::PhysicalMemory::create(banks);
  if (!memory) return 2;
  std::uint64_t same = 0;
  std::uint64_t permitted = 0;
  std::uint64_t different = 0;
  std::uint64_t translated = 0;
  const auto round = std::make_unique<Round>();
  for (unsigned n = 0; in.read(reinterpret_cast<char*>(round.get()), sizeof(Round)); ++n) {
    std::memcpy(memory->at(kPool), round->pool.data(), sizeof(round->pool));
    sim::Statistics statistics;
    sim::aarch64::Mmu mmu(*memory, 64, statistics);
    mmu.registers() = {round->sctlr_el1, round->tcr_el1, round->ttbr0_el1, round->ttbr1_el1,
                       round->mair_el1,  round->hcr_el2, round->vtcr_el2,  round->vttbr_el2};
    for (const Question& question : round->questions) {
      std::string line;
      std::getline(lines, line);
      const std::uint64_t qemu = std::strtoull(line.c_str(), nullptr, 16);
      const std::uint64_t ours =
          mmu.at_s12(question.address, question.el0 != 0 ? 0 : 1, question.write != 0);
      translated += 1 - (ours & 1);
      if (qemu == ours) {
        ++same;
      } else if (is_permitted(qemu, ours)) {
        ++permitted;
      } else if (++different <= 20) {
        std::printf("round %u: AT S12E%d%c %#llx: QEMU %#llx, ours %#llx\n", n,
                    question.el0 != 0 ? 0 : 1, question.write != 0 ? 'W' : 'R',
                    static_cast<unsigned long long>(question.address),
                    static_cast<unsigned long long>(qemu), static_cast<unsigned long long>(ours));
      }
    }
  }
  std::printf(
      "%llu translations, %llu of them successful: %llu the same, %llu permitted "
      "differences, %llu others\n",
      static_cast<unsigned long long>(same + permitted + different),
      static_cast<unsigned long long>(translated), static_cast<unsigned long long>(same),
      static_cast<unsigned long long>(permitted), static_cast<unsigned long long>(different));
  return different == 0 && same != 0 ? 0 : 1;
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
