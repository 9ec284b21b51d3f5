#include <array>
#include <explain/riscv64/layouts.hpp>

namespace axvm::explain::riscv64 {

namespace {

struct Cause {
  std::uint8_t code;
  std::string_view text;
};

// scause with the Interrupt bit clear.
constexpr auto kExceptions = std::to_array<Cause>({
    {0, "instruction address misaligned"},
    {1, "instruction access fault"},
    {2, "illegal instruction"},
    {3, "breakpoint"},
    {4, "load address misaligned"},
    {5, "load access fault"},
    {6, "store/AMO address misaligned"},
    {7, "store/AMO access fault"},
    {8, "environment call from U-mode or VU-mode"},
    {9, "environment call from HS-mode"},
    {10, "environment call from VS-mode"},
    {12, "instruction page fault"},
    {13, "load page fault"},
    {15, "store/AMO page fault"},
    {16, "double trap"},
    {18, "software check"},
    {19, "hardware error"},
    {20, "instruction guest-page fault"},
    {21, "load guest-page fault"},
    {22, "virtual instruction"},
    {23, "store/AMO guest-page fault"},
});

// With it set.
constexpr auto kInterrupts = std::to_array<Cause>({
    {1, "supervisor software interrupt"},
    {2, "virtual supervisor software interrupt"},
    {5, "supervisor timer interrupt"},
    {6, "virtual supervisor timer interrupt"},
    {9, "supervisor external interrupt"},
    {10, "virtual supervisor external interrupt"},
    {12, "supervisor guest external interrupt"},
    {13, "counter overflow interrupt"},
});

constexpr std::array<std::string_view, 32> kRegisters = {
    "zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
    "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
    "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};

template <std::size_t kSize>
std::string_view find(const std::array<Cause, kSize>& causes, std::uint64_t code) {
  for (const Cause& known : causes) {
    if (known.code == code) return known.text;
  }
  return {};
}

}  // namespace

std::string_view cause_text(std::uint64_t scause) {
  const bool interrupt = scause >> 63 != 0;
  const std::uint64_t code = scause & ~(std::uint64_t{1} << 63);
  const std::string_view text = interrupt ? find(kInterrupts, code) : find(kExceptions, code);
  if (!text.empty()) return text;
  const bool custom =
      interrupt ? code >= 16 : (code >= 24 && code <= 31) || (code >= 48 && code <= 63);
  return custom ? "custom or platform use" : "reserved";
}

std::string_view register_name(std::uint64_t number) { return kRegisters.at(number & 31); }

}  // namespace axvm::explain::riscv64
