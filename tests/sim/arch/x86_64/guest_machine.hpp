#pragma once
// A machine whose guest is a few bytes of code, in long mode unless a test says otherwise, and its
// control block, written bit by bit from the manual.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <sim/arch/x86_64/machine.hpp>
#include <sim/arch/x86_64/pcpu.hpp>
#include <sim/arch/x86_64/registers.hpp>
#include <span>
#include <utility>
#include <vector>

namespace axvm::sim::x86_64::test {

using Code = std::vector<std::uint8_t>;

class GuestMachine {
 public:
  static constexpr std::uint64_t kRamSize = 0x100'0000;
  static constexpr std::uint64_t kVmcb = 0x1000;
  static constexpr std::uint64_t kIopm = 0x2000;
  static constexpr std::uint64_t kMsrpm = 0x5000;
  static constexpr std::uint64_t kNested = 0x1'0000;
  static constexpr std::uint64_t kTables = 0x2'0000;  ///< the guest's
  static constexpr std::uint64_t kGdt = 0x3'0000;
  static constexpr std::uint64_t kIdt = 0x3'1000;
  static constexpr std::uint64_t kTss = 0x3'2000;
  static constexpr std::uint64_t kCode = 0x10'0000;
  static constexpr std::uint64_t kStack = 0x20'0000;
  static constexpr std::uint64_t kHandlers = 0x30'0000;

  // Fields of the control block (APM Vol. 2, appendix B).
  static constexpr unsigned kCrIntercepts = 0x000;
  static constexpr unsigned kDrIntercepts = 0x004;
  static constexpr unsigned kExceptions = 0x008;
  static constexpr unsigned kIntercepts = 0x00c;
  static constexpr unsigned kMoreIntercepts = 0x010;
  static constexpr unsigned kTscOffset = 0x050;
  static constexpr unsigned kAsid = 0x058;
  static constexpr unsigned kVirtualInterrupt = 0x060;
  static constexpr unsigned kShadow = 0x068;
  static constexpr unsigned kExitInfo1 = 0x078;
  static constexpr unsigned kExitInfo2 = 0x080;
  static constexpr unsigned kExitIntInfo = 0x088;
  static constexpr unsigned kEventInjection = 0x0a8;
  static constexpr unsigned kNextRip = 0x0c8;
  static constexpr unsigned kCs = 0x410;
  static constexpr unsigned kSs = 0x420;
  static constexpr unsigned kGdtr = 0x460;
  static constexpr unsigned kIdtr = 0x480;
  static constexpr unsigned kTr = 0x490;
  static constexpr unsigned kCpl = 0x4cb;
  static constexpr unsigned kEfer = 0x4d0;
  static constexpr unsigned kCr4 = 0x548;
  static constexpr unsigned kCr3 = 0x550;
  static constexpr unsigned kCr0 = 0x558;
  static constexpr unsigned kRflags = 0x570;
  static constexpr unsigned kRip = 0x578;
  static constexpr unsigned kRsp = 0x5d8;
  static constexpr unsigned kRax = 0x5f8;
  static constexpr unsigned kCr2 = 0x640;

  explicit GuestMachine(const Code& code, unsigned pcpus = 1) : machine(make(pcpus)) {
    put(kCode, code);
    reset();
  }

  /// Tables and control block of the guest in long mode.
  void reset() {
    // One page of 1 GiB in both stages: linear is physical.
    word(kNested) = (kNested + 0x1000) | 7;
    word(kNested + 0x1000) = 0x87;
    word(kTables) = (kTables + 0x1000) | 7;
    word(kTables + 0x1000) = 0x87;
    // Code and data of 64 and 32 bits at CPL 0, the same at 3; the task state's.
    word(kGdt + 0x08) = 0x00af'9b00'0000'ffff;
    word(kGdt + 0x10) = 0x00cf'9300'0000'ffff;
    word(kGdt + 0x18) = 0x00cf'9b00'0000'ffff;
    word(kGdt + 0x20) = 0x00cf'f300'0000'ffff;
    word(kGdt + 0x28) = 0x00af'fb00'0000'ffff;
    word(kTss + 4) = kStack + 0x1'0000;  // RSP0
    for (unsigned i = 0; i < machine->pcpu_count(); ++i)
      cpu(i).wrmsr(0xc000'0080, 1ULL << 12 | 1ULL << 11);
    field<std::uint32_t>(kIntercepts) = 1U << 0 | 1U << 31;     // INTR, shutdown
    field<std::uint32_t>(kMoreIntercepts) = 1U << 0 | 1U << 1;  // VMRUN, VMMCALL
    field<std::uint64_t>(0x040) = kIopm;
    field<std::uint64_t>(0x048) = kMsrpm;
    field<std::uint32_t>(kAsid) = 1;
    field<std::uint64_t>(0x090) = 1;  // nested paging
    field<std::uint64_t>(0x0b0) = kNested;
    for (unsigned at = 0x400; at < 0x460; at += 0x10) segment(at, 0x10, 0xc93, ~0U, 0);
    segment(kCs, 0x08, 0xa9b, ~0U, 0);
    segment(kGdtr, 0, 0, 0x7f, kGdt);
    segment(kIdtr, 0, 0, 0xfff, kIdt);
    segment(kTr, 0x40, 0x8b, 0x67, kTss);
    field<std::uint64_t>(kEfer) = 1ULL << 12 | 1ULL << 11 | 1ULL << 10 | 1ULL << 8 | 1;
    field<std::uint64_t>(kCr4) = 0x6a0;
    field<std::uint64_t>(kCr3) = kTables;
    field<std::uint64_t>(kCr0) = 0x8001'0033;
    field<std::uint64_t>(kRflags) = 2;
    field<std::uint64_t>(kRip) = kCode;
    field<std::uint64_t>(kRsp) = kStack;
    cpu().vmload(kVmcb);
  }

  Pcpu& cpu(unsigned i = 0) { return machine->pcpu(i); }
  /// VMRUN; the exit code as a number.
  std::uint64_t run() { return static_cast<std::uint64_t>(cpu().vmrun(kVmcb)); }
  template <class T = std::uint64_t>
  T& field(unsigned offset) {
    return *reinterpret_cast<T*>(machine->memory().at(kVmcb + offset));
  }
  void segment(unsigned at, std::uint16_t selector, std::uint16_t attributes, std::uint32_t limit,
               std::uint64_t base) {
    field<std::uint16_t>(at) = selector;
    field<std::uint16_t>(at + 2) = attributes;
    field<std::uint32_t>(at + 4) = limit;
    field<std::uint64_t>(at + 8) = base;
  }
  void skip_instruction() { field(kRip) = field(kNextRip); }
  /// An interrupt gate of long mode to a handler's code.
  void handle(unsigned vector, const Code& code, std::uint8_t ist = 0) {
    const std::uint64_t at = kHandlers + vector * 64;
    put(at, code);
    word(kIdt + 16 * vector) = (at & 0xffff) | 0x08ULL << 16 | std::uint64_t{ist} << 32 |
                               0xeeULL << 40 | (at >> 16 & 0xffff) << 48;
    word(kIdt + 16 * vector + 8) = at >> 32;
  }
  void put(std::uint64_t pa, const Code& code) {
    std::ranges::copy(code, machine->memory().at(pa));
    machine->memory_written(pa, code.size());
  }
  /// Eight bytes of RAM, at any address.
  class Word {
   public:
    explicit Word(std::uint8_t* at) : at_(at) {}
    operator std::uint64_t() const {
      std::uint64_t value = 0;
      std::memcpy(&value, at_, sizeof value);
      return value;
    }
    void operator=(std::uint64_t value) const { std::memcpy(at_, &value, sizeof value); }
    void operator&=(std::uint64_t mask) const { *this = *this & mask; }

   private:
    std::uint8_t* at_;
  };
  [[nodiscard]] Word word(std::uint64_t pa) const { return Word(machine->memory().at(pa)); }

  std::unique_ptr<Machine> machine;

 private:
  static std::unique_ptr<Machine> make(unsigned pcpus) {
    MachineOptions options;
    options.ram = {{.base = 0, .size = kRamSize}};
    options.pcpus = pcpus;
    return std::move(*Machine::create(options));
  }
};

// Exit codes (appendix C).
inline constexpr std::uint64_t kExitCpuid = 0x72;
inline constexpr std::uint64_t kExitHlt = 0x78;
inline constexpr std::uint64_t kExitIoio = 0x7b;
inline constexpr std::uint64_t kExitMsr = 0x7c;
inline constexpr std::uint64_t kExitShutdown = 0x7f;
inline constexpr std::uint64_t kExitVmmcall = 0x81;
inline constexpr std::uint64_t kExitIntr = 0x60;
inline constexpr std::uint64_t kExitNpf = 0x400;
inline constexpr std::uint64_t kExitInvalid = ~0ULL;

/// One piece of code after the other.
inline Code join(std::initializer_list<Code> pieces) {
  Code all;
  for (const Code& piece : pieces) all.insert(all.end(), piece.begin(), piece.end());
  return all;
}

namespace code {
inline const Code kVmmcall{0x0f, 0x01, 0xd9};
inline const Code kIncRbx{0x48, 0xff, 0xc3};
}  // namespace code

}  // namespace axvm::sim::x86_64::test
