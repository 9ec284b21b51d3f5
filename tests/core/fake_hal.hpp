#pragma once
// An AArch64 CPU whose guest is a script, and a host for it.

#include <axvm/hal.hpp>
#include <core/arch/aarch64/arch.hpp>
#include <core/vm/axvm.hpp>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tests/core/fake_host.hpp>
#include <vector>

namespace axvm::test {

using aarch64::SysReg;
using aarch64::Vector;

/// Registers in a map, no guest: each entry runs the next step of the script, which leaves what
/// the trap leaves. After the script, entries end by an interrupt.
class FakeCpu {
 public:
  using Arch = aarch64::Arch;
  using Step = std::function<Vector(FakeCpu&)>;

  FakeCpu() {
    set(SysReg::CNTFRQ_EL0, 62'500'000);
    set(SysReg::MIDR_EL1, 0x410f'd083);
    set(SysReg::ID_AA64PFR0_EL1, 0x1100'0001'1111'2222);
    set(SysReg::ID_AA64MMFR0_EL1, 0x1124);  // 44 bits, 4 KiB granule
  }

  template <SysReg R>
  std::uint64_t read() {
    ++reads;
    return get(R);
  }
  template <SysReg R>
  void write(std::uint64_t value) {
    set(R, value);
  }
  std::uint64_t gpr(unsigned n) const { return gprs.at(n); }
  void set_gpr(unsigned n, std::uint64_t value) { gprs.at(n) = value; }
  Vector enter_guest() {
    ++entries;
    if (script.empty()) return Vector::Irq;
    const Step step = std::move(script.front());
    script.erase(script.begin());
    return step(*this);
  }
  void tlbi_ipas2e1is(GuestPhysAddr ipa) {
    log("ipas2e1is");
    flushed.insert(ipa.value);
  }
  void tlbi_vmalle1is() { log("vmalle1is"); }
  void tlbi_vmalls12e1is() { log("vmalls12e1is"); }
  aarch64::VectorRegister vreg(unsigned n) const { return vregs.at(n); }
  void set_vreg(unsigned n, aarch64::VectorRegister value) { vregs.at(n) = value; }
  void at_s1e1r(GuestVirtAddr va) { set(SysReg::PAR_EL1, stage1(va.value, 1, false)); }
  void at_s1e1w(GuestVirtAddr va) { set(SysReg::PAR_EL1, stage1(va.value, 1, true)); }
  void at_s1e0r(GuestVirtAddr va) { set(SysReg::PAR_EL1, stage1(va.value, 0, false)); }
  void at_s1e0w(GuestVirtAddr va) { set(SysReg::PAR_EL1, stage1(va.value, 0, true)); }
  void synchronize() {}
  std::optional<HostPhysRange> gicv() const { return gicv_frame; }
  void publish_tables() { log("publish"); }
  void publish_data(std::span<std::byte> bytes) { published_bytes += bytes.size(); }
  void publish_instructions() { log("publish_instructions"); }

  std::uint64_t get(SysReg r) { return registers[r]; }
  void set(SysReg r, std::uint64_t value) { registers[r] = value; }

  /// PAR_EL1 for an address; by default stage 1 is off.
  std::function<std::uint64_t(std::uint64_t va, unsigned el, bool write)> stage1 =
      [](std::uint64_t va, unsigned, bool) { return va & 0x000f'ffff'ffff'f000; };
  std::optional<HostPhysRange> gicv_frame;
  std::array<std::uint64_t, 31> gprs{};
  std::array<aarch64::VectorRegister, 32> vregs{};
  std::map<SysReg, std::uint64_t> registers;
  std::vector<Step> script;
  std::vector<std::string> maintenance;  ///< "operation@VMID"
  std::set<std::uint64_t> flushed;
  std::size_t published_bytes = 0;
  unsigned entries = 0;
  unsigned reads = 0;

 private:
  void log(const char* operation) {
    maintenance.push_back(std::string(operation) + "@" +
                          std::to_string(get(SysReg::VTTBR_EL2) >> 48));
  }
};

using FakeHal = FakeHost<FakeCpu>;
static_assert(aarch64::VirtualizationHardware<FakeCpu>);
static_assert(VmHal<FakeHal>);

using TestVm = AxVM<FakeHal, FakeCpu>;

}  // namespace axvm::test
