// In HS-mode: carries out the rounds of accesses that QEMU has loaded, and prints what each has
// come to, a line of hexadecimal digits per word.

#include <cstdint>
#include <cstring>
#include <hal-hs/cpu.hpp>
#include <hal-metal/platform.hpp>
#include <tests/hal-hs/translation_rounds.hpp>

extern "C" [[noreturn]] void hal_hs_main();

namespace {

using namespace axvm;
using namespace axvm::test;
using riscv64::Csr;

constexpr std::uint64_t kMxr = 1 << 19;

void prepare(hal_hs::Cpu& cpu, const Round& round) {
  std::memcpy(reinterpret_cast<void*>(kPool), round.pool.data(), sizeof(round.pool));
  auto* const pattern = reinterpret_cast<std::uint64_t*>(kPattern);
  for (std::uint64_t n = 0; n < kPatternSize / 8; ++n) pattern[n] = pattern_at(kPattern + 8 * n);
  const std::uint64_t sstatus = cpu.read<Csr::sstatus>() & ~kMxr;
  cpu.write<Csr::sstatus>(sstatus | round.sstatus);
  cpu.write<Csr::vsstatus>(round.vsstatus);
  cpu.write<Csr::vsatp>(round.vsatp);
  cpu.write<Csr::hgatp>(round.hgatp);
}

void forget_translations(hal_hs::Cpu& cpu, const Round& round) {
  const auto vmid = Vmid(static_cast<std::uint32_t>(round.hgatp >> 44 & 0x3fff));
  cpu.hfence_gvma(vmid);
  cpu.hfence_vvma();
}

Answer answer(hal_hs::Cpu& cpu, const Question& question) {
  const std::uint64_t spvp = question.user != 0 ? 0 : riscv64::hstatus::kSpvp;
  cpu.write<Csr::hstatus>(riscv64::hstatus::kVsxl64 | spvp);
  const GuestVirtAddr va(question.address);
  switch (question.access) {
    case Access::Load:
      if (const auto value = cpu.hlv(va, AccessWidth::Qword)) return {kDone, *value, 0, 0};
      break;
    case Access::Fetch:
      if (const auto value = cpu.hlvx(va)) return {kDone, *value, 0, 0};
      break;
    case Access::Store:
      if (cpu.hsv(va, AccessWidth::Qword, pattern_at(~question.address))) return {kDone, 0, 0, 0};
      break;
  }
  return {cpu.read<Csr::scause>(), cpu.read<Csr::stval>(), cpu.read<Csr::htval>(),
          cpu.read<Csr::htinst>()};
}

void print(std::uint64_t value) {
  int shift = 60;
  while (shift > 0 && value >> shift == 0) shift -= 4;
  for (; shift >= 0; shift -= 4) {
    hal_metal::kConsole.put("0123456789abcdef"[value >> shift & 15]);
  }
  hal_metal::kConsole.put("\n");
}

}  // namespace

void hal_hs_main() {
  hal_hs::Cpu cpu;
  const auto* round = reinterpret_cast<const Round*>(kRounds);
  hal_metal::kConsole.put("\nanswers:\n");
  for (;; ++round) {
    prepare(cpu, *round);
    forget_translations(cpu, *round);
    for (const Question& question : round->questions) {
      const Answer a = answer(cpu, question);
      for (const std::uint64_t word : {a.cause, a.value, a.htval, a.htinst}) print(word);
      // A store may have changed a table.
      if (question.access == Access::Store && a.cause == kDone) forget_translations(cpu, *round);
    }
    if (round->is_last != 0) hal_metal::power_off();
  }
}
