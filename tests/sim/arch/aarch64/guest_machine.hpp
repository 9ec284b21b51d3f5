#pragma once
// A machine with a few words of guest code behind a minimal stage 2, driven at register level.

#include <array>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <sim/arch/aarch64/machine.hpp>
#include <string_view>

namespace axvm::sim::aarch64 {

class GuestMachine {
 public:
  static constexpr std::uint64_t kRam = 0x4000'0000;
  static constexpr std::uint64_t kRamSize = 0x100'0000;
  static constexpr std::uint64_t kCode = kRam + 0x8'0000;
  static constexpr std::uint64_t kTable = kRam + 0xff'0000;  // stage 2, level 1

  static constexpr SysReg kHcr{3, 4, 1, 1, 0};
  static constexpr SysReg kVttbr{3, 4, 2, 1, 0};
  static constexpr SysReg kVtcr{3, 4, 2, 1, 2};
  static constexpr SysReg kEsr{3, 4, 5, 2, 0};
  static constexpr SysReg kFar{3, 4, 6, 0, 0};
  static constexpr SysReg kHpfar{3, 4, 6, 0, 4};
  static constexpr SysReg kElr{3, 4, 4, 0, 1};
  static constexpr SysReg kSpsr{3, 4, 4, 0, 0};
  static constexpr SysReg kVbar{3, 0, 12, 0, 0};
  static constexpr SysReg kIccSreEl2{3, 4, 12, 9, 5};
  /// VM, FMO, IMO, AMO, TWI, TWE, TID3, TSC, TIDCP, TACR, TSW, RW.
  static constexpr std::uint64_t kHcrValue = 0x1 | 0x38 | 0x6000 | (0x1fULL << 18) | (1ULL << 31);

  explicit GuestMachine(std::initializer_list<std::uint32_t> code, unsigned pcpus = 1,
                        std::uint64_t ram = kRamSize)
      : machine(make(pcpus, ram)) {
    put(kCode, code);
    // One 1 GiB block: IPA = PA, read, write, execute, normal write-back, inner shareable, AF.
    const std::uint64_t block = kRam | 0x7fd;
    std::memcpy(machine->memory().at(kTable + 8), &block, sizeof block);
    for (unsigned i = 0; i < pcpus; ++i) {
      Pcpu& cpu = machine->pcpu(i);
      cpu.write(kVtcr, 0x8002'3559);  // 39-bit IPA, start at level 1, 4 KiB, 40-bit PA
      cpu.write(kVttbr, kTable | (1ULL << 48));
      cpu.write(kHcr, kHcrValue);
      cpu.write(kSpsr, 0x3c5);
      cpu.write(kElr, kCode);
      cpu.write(kIccSreEl2, 1);  // the guest's interrupt interface is one of system registers
      cpu.write(reg::ICC_SRE_EL1, 1);
    }
  }

  Pcpu& cpu(unsigned i = 0) { return machine->pcpu(i); }
  std::uint64_t esr() { return cpu().read(kEsr); }
  std::uint64_t elr() { return cpu().read(kElr); }
  /// The exception class of the last trap.
  std::uint64_t ec() { return esr() >> 26; }
  void skip_instruction() { cpu().write(kElr, elr() + 4); }

  void put(std::uint64_t pa, std::initializer_list<std::uint32_t> words) {
    for (const std::uint32_t w : words) {
      std::memcpy(machine->memory().at(pa), &w, sizeof w);
      pa += 4;
    }
  }

  std::unique_ptr<Machine> machine;

 private:
  static std::unique_ptr<Machine> make(unsigned pcpus, std::uint64_t ram) {
    MachineOptions options;
    options.ram = {{.base = kRam, .size = ram}};
    options.pcpus = pcpus;
    return std::move(*Machine::create(options));
  }
};

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

}  // namespace axvm::sim::aarch64
