#pragma once
// A machine with a few instructions of guest code behind a minimal G-stage, driven at register
// level as software in HS-mode would.

#include <array>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <sim/arch/riscv64/csr.hpp>
#include <sim/arch/riscv64/machine.hpp>
#include <string_view>

namespace axvm::sim::riscv64::test {

class GuestMachine {
 public:
  static constexpr std::uint64_t kRam = 0x8000'0000;
  static constexpr std::uint64_t kRamSize = 0x100'0000;
  static constexpr std::uint64_t kCode = kRam + 0x8'0000;
  static constexpr std::uint64_t kVector = kRam + 0x1000;   // stvec of VS-mode
  static constexpr std::uint64_t kRoot = kRam + 0xff'0000;  // of the G-stage: 16 KiB
  static constexpr std::uint64_t kData = kRam + 0x10'0000;
  /// Where no guest physical address leads.
  static constexpr std::uint64_t kHole = 0x1000'0000;

  // Page table entries of a leaf that permits everything.
  static constexpr std::uint64_t kLeaf = 0xdf;  // D, A, U, X, W, R, V
  static constexpr std::uint64_t entry(std::uint64_t pa, std::uint64_t bits = kLeaf) {
    return pa >> 12 << 10 | bits;
  }

  static constexpr auto kEcallFromVs = static_cast<std::uint64_t>(Cause::EcallFromVs);
  static constexpr auto kVirtual = static_cast<std::uint64_t>(Cause::VirtualInstruction);
  static constexpr auto kIllegal = static_cast<std::uint64_t>(Cause::IllegalInstruction);
  static constexpr auto kTimer = static_cast<std::uint64_t>(Cause::SupervisorTimer);
  static constexpr auto kLoadFault = static_cast<std::uint64_t>(Cause::LoadGuestPageFault);
  static constexpr auto kStoreFault = static_cast<std::uint64_t>(Cause::StoreGuestPageFault);
  static constexpr auto kFetchFault = static_cast<std::uint64_t>(Cause::InstructionGuestPageFault);

  explicit GuestMachine(std::initializer_list<std::uint32_t> code, unsigned pcpus = 1)
      : GuestMachine(code, {}, pcpus) {}
  GuestMachine(std::initializer_list<std::uint32_t> code, const Features& features,
               unsigned pcpus = 1)
      : machine(make(pcpus, features)) {
    put(kCode, code);
    // One 1 GiB leaf: guest physical is physical.
    word(kRoot + 2 * 8) = entry(kRam);
    for (unsigned i = 0; i < pcpus; ++i) {
      Pcpu& c = cpu(i);
      c.write(Csr::hgatp, 8ULL << 60 | 1ULL << 44 | kRoot >> 12);
      c.write(Csr::hstatus, hstatus::SPV | hstatus::VTW);
      c.write(Csr::sstatus, status::SPP | status::FS);
      c.write(Csr::hcounteren, 7);
      c.write(Csr::hstateen0, 3ULL << 62);
      c.write(Csr::henvcfg, envcfg::STCE | envcfg::PBMTE);
      c.write(Csr::sepc, kCode);
      c.write(Csr::vstvec, kVector);
    }
  }

  Pcpu& cpu(unsigned i = 0) { return machine->pcpu(i); }
  std::uint64_t csr(Csr c) { return cpu().read(c); }
  void skip_instruction(unsigned bytes = 4) { cpu().write(Csr::sepc, csr(Csr::sepc) + bytes); }
  /// Exceptions that VS-mode could take, and all its interrupts, go there.
  void delegate() {
    cpu().write(Csr::hedeleg, ~0ULL);
    cpu().write(Csr::hideleg, ~0ULL);
  }
  /// The guest begins in VU-mode.
  void enter_user() { cpu().write(Csr::sstatus, csr(Csr::sstatus) & ~status::SPP); }

  void put(std::uint64_t pa, std::initializer_list<std::uint32_t> words) {
    for (const std::uint32_t w : words) {
      std::memcpy(machine->memory().at(pa), &w, sizeof w);
      pa += 4;
    }
  }
  void put_half(std::uint64_t pa, std::uint16_t half) {
    std::memcpy(machine->memory().at(pa), &half, sizeof half);
  }
  std::uint64_t& word(std::uint64_t pa) {
    return *reinterpret_cast<std::uint64_t*>(machine->memory().at(pa));
  }

  std::unique_ptr<Machine> machine;

 private:
  static std::unique_ptr<Machine> make(unsigned pcpus, const Features& features) {
    MachineOptions options;
    options.features = features;
    options.ram = {{.base = kRam, .size = kRamSize}};
    options.pcpus = pcpus;
    return std::move(*Machine::create(options));
  }
};

// Instructions, by the fields that tests vary.
namespace code {
constexpr std::uint32_t addi(unsigned rd, unsigned rs1, int imm) {
  return 0x13U | rd << 7 | rs1 << 15 | static_cast<std::uint32_t>(imm) << 20;
}
constexpr std::uint32_t add(unsigned rd, unsigned rs1, unsigned rs2) {
  return 0x33U | rd << 7 | rs1 << 15 | rs2 << 20;
}
constexpr std::uint32_t bne(unsigned rs1, unsigned rs2, int offset) {
  const auto o = static_cast<std::uint32_t>(offset);
  return 0x1063U | rs1 << 15 | rs2 << 20 | (o >> 11 & 1) << 7 | (o >> 1 & 15) << 8 |
         (o >> 5 & 63) << 25 | (o >> 12 & 1) << 31;
}
constexpr std::uint32_t jal(unsigned rd, int offset) {
  const auto o = static_cast<std::uint32_t>(offset);
  return 0x6fU | rd << 7 | (o & 0xff000) | (o >> 11 & 1) << 20 | (o >> 1 & 0x3ff) << 21 |
         (o >> 20 & 1) << 31;
}
/// `width` as the instruction's: 0 b, 1 h, 2 w, 3 d, 4 bu, 5 hu, 6 wu.
constexpr std::uint32_t load(unsigned width, unsigned rd, unsigned rs1, int imm) {
  return 0x03U | rd << 7 | width << 12 | rs1 << 15 | static_cast<std::uint32_t>(imm) << 20;
}
constexpr std::uint32_t store(unsigned width, unsigned rs2, unsigned rs1, int imm) {
  const auto o = static_cast<std::uint32_t>(imm);
  return 0x23U | (o & 31) << 7 | width << 12 | rs1 << 15 | rs2 << 20 | (o >> 5 & 127) << 25;
}
constexpr std::uint32_t csrrw(unsigned rd, Csr csr, unsigned rs1) {
  return 0x1073U | rd << 7 | rs1 << 15 | static_cast<std::uint32_t>(csr) << 20;
}
constexpr std::uint32_t csrrs(unsigned rd, Csr csr, unsigned rs1) {
  return 0x2073U | rd << 7 | rs1 << 15 | static_cast<std::uint32_t>(csr) << 20;
}
constexpr std::uint32_t csrrsi(unsigned rd, Csr csr, unsigned bits) {
  return 0x6073U | rd << 7 | bits << 15 | static_cast<std::uint32_t>(csr) << 20;
}
constexpr std::uint32_t csrrci(unsigned rd, Csr csr, unsigned bits) {
  return 0x7073U | rd << 7 | bits << 15 | static_cast<std::uint32_t>(csr) << 20;
}
inline constexpr std::uint32_t kEcall = 0x0000'0073;
inline constexpr std::uint32_t kEbreak = 0x0010'0073;
inline constexpr std::uint32_t kSret = 0x1020'0073;
inline constexpr std::uint32_t kWfi = 0x1050'0073;
inline constexpr std::uint32_t kNop = 0x0000'0013;
inline constexpr std::uint32_t kFenceI = 0x0000'100f;
inline constexpr std::uint32_t kSfenceVma = 0x1200'0073;
inline constexpr std::uint16_t kCompressedNop = 0x0001;
inline constexpr std::uint16_t kCompressedEbreak = 0x9002;
}  // namespace code

/// A simple digest of all that describe() names.
class Digest final : public StateVisitor {
 public:
  static std::uint64_t of(Machine& machine) {
    Digest d;
    machine.describe(d);
    return d.value_;
  }
  void enter(std::string_view name, std::uint64_t index) override {
    text(name);
    mix(index);
  }
  void leave() override { mix(1); }
  void field(std::string_view name, std::uint64_t& value) override {
    text(name);
    mix(value);
  }
  void bytes(std::string_view name, std::span<std::byte> value) override {
    text(name);
    for (const std::byte b : value) mix(static_cast<std::uint64_t>(b));
  }

 private:
  void text(std::string_view s) {
    for (const char c : s) mix(static_cast<unsigned char>(c));
  }
  void mix(std::uint64_t v) { value_ = (value_ ^ v) * 0x100000001b3ULL + (value_ >> 29); }
  std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

}  // namespace axvm::sim::riscv64::test
