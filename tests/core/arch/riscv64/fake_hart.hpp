#pragma once
// A RISC-V hart whose guest is a script, and a host for it.

#include <axvm/hal.hpp>
#include <core/arch/riscv64/arch.hpp>
#include <core/vm/axvm.hpp>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tests/core/fake_host.hpp>
#include <vector>

namespace axvm::test {

using riscv64::Csr;

/// Registers in a map, no guest: each entry runs the next step of the script, which leaves what
/// the trap leaves and returns scause. After the script, entries end by a timer interrupt.
class FakeHart {
 public:
  using Arch = riscv64::Arch;
  using Step = std::function<std::uint64_t(FakeHart&)>;
  static constexpr std::uint64_t kTimerInterrupt = 1ULL << 63 | 5;

  template <Csr R>
  std::uint64_t read() {
    if constexpr (R == Csr::hip) return pending();
    if constexpr (R == Csr::hie) return get(Csr::vsie) << 1;
    return get(R);
  }
  template <Csr R>
  void write(std::uint64_t value) {
    set(R, legal(R, value));
  }
  std::uint64_t gpr(unsigned n) const { return n == 0 ? 0 : gprs.at(n); }
  void set_gpr(unsigned n, std::uint64_t value) { gprs.at(n) = n == 0 ? 0 : value; }
  std::uint64_t fpr(unsigned n) {
    ++float_accesses;
    return fprs.at(n);
  }
  void clear_reservation() { is_reserved = false; }
  void set_fpr(unsigned n, std::uint64_t value) {
    ++float_accesses;
    fprs.at(n) = value;
  }
  std::uint64_t enter_guest() {
    ++entries;
    if ((get(Csr::hstatus) & riscv64::hstatus::kSpv) == 0) return ~0ULL;  // no guest is there
    if (script.empty()) return kTimerInterrupt;
    const Step step = std::move(script.front());
    script.erase(script.begin());
    const std::uint64_t cause = step(*this);
    set(Csr::scause, cause);
    return cause;
  }
  std::optional<std::uint64_t> hlv(GuestVirtAddr va, AccessWidth width) {
    if (refuses(va.value, false)) return std::nullopt;
    std::uint64_t value = 0;
    for (unsigned n = 0; n < bytes(width); ++n) value |= memory[va.value + n] << (8 * n);
    return value;
  }
  std::optional<std::uint16_t> hlvx(GuestVirtAddr va) {
    if (refuses(va.value, false)) return std::nullopt;
    return static_cast<std::uint16_t>(memory[va.value] | memory[va.value + 1] << 8);
  }
  bool hsv(GuestVirtAddr va, AccessWidth width, std::uint64_t value) {
    if (refuses(va.value, true)) return false;
    for (unsigned n = 0; n < bytes(width); ++n) memory[va.value + n] = value >> (8 * n) & 0xff;
    return true;
  }
  void hfence_gvma(GuestPhysAddr gpa, Vmid vmid) {
    forgotten.insert(gpa.value);
    log("hfence.gvma", vmid.value);
  }
  void hfence_gvma(Vmid vmid) { log("hfence.gvma all", vmid.value); }
  void hfence_vvma() { log("hfence.vvma", vmid()); }
  void remote_hfence_gvma(Vmid vmid, GuestPhysRange range) {
    fenced.push_back(range);
    log("remote gvma", vmid.value);
  }
  void remote_hfence_gvma(Vmid vmid) { log("remote gvma all", vmid.value); }
  void remote_hfence_vvma() { log("remote vvma all", vmid()); }
  void remote_hfence_vvma(GuestVirtAddr start, std::uint64_t size,
                          std::optional<std::uint64_t> asid) {
    log("remote vvma " + std::to_string(start.value) + "+" + std::to_string(size) +
            (asid ? " asid " + std::to_string(*asid) : ""),
        vmid());
  }
  void remote_fence_i() { log("remote fence.i", vmid()); }
  std::uint64_t timebase_frequency() const { return 10'000'000; }
  void publish_tables() { ++published_tables; }
  void publish_instructions() { ++published_instructions; }
  void publish_data(std::span<std::byte> bytes) { published_bytes += bytes.size(); }

  std::uint64_t get(Csr r) { return registers[r]; }
  void set(Csr r, std::uint64_t value) { registers[r] = value; }

  /// Whether an access of HLV, HLVX or HSV traps: it then sets the CSRs. By default none does.
  std::function<bool(FakeHart&, std::uint64_t va, bool is_store)> refuse;
  std::set<std::uint64_t> modes{0, 8, 9};  ///< that hgatp accepts
  std::uint64_t vmids = 0x3fff;            ///< likewise
  std::uint64_t environment = ~0ULL;       ///< bits of henvcfg that there are
  std::uint64_t selects = 0x1ff;           ///< bits of vsiselect that there are
  std::array<std::uint64_t, 32> gprs{};
  std::array<std::uint64_t, 32> fprs{};
  std::map<Csr, std::uint64_t> registers;
  std::map<std::uint64_t, std::uint64_t> memory;  ///< bytes by virtual address
  std::vector<Step> script;
  std::vector<std::string> maintenance;  ///< "operation@VMID"
  std::vector<GuestPhysRange> fenced;
  std::set<std::uint64_t> forgotten;  ///< by hfence.gvma of an address
  std::size_t published_bytes = 0;
  unsigned published_tables = 0;
  unsigned published_instructions = 0;
  unsigned entries = 0;
  unsigned float_accesses = 0;
  bool is_reserved = false;  ///< LR has been executed, and no SC

 private:
  bool refuses(std::uint64_t va, bool is_store) { return refuse && refuse(*this, va, is_store); }
  std::uint64_t vmid() { return get(Csr::hgatp) >> 44 & 0x3fff; }
  std::uint64_t pending() {
    const std::uint64_t timer = get(Csr::time) >= get(Csr::vstimecmp) ? 1U << 6 : 0;
    return (get(Csr::hvip) & 0x404) | timer;
  }
  std::uint64_t legal(Csr r, std::uint64_t value) const {
    if (r == Csr::henvcfg) return value & environment;
    if (r == Csr::vsiselect) return value & selects;
    if (r != Csr::hgatp) return value;
    value &= ~(0x3fffULL << 44) | vmids << 44;
    return modes.contains(value >> 60) ? value : value & ~(0xfULL << 60);
  }
  void log(const std::string& operation, std::uint64_t vmid) {
    maintenance.push_back(operation + "@" + std::to_string(vmid));
  }
};

using FakeHartHost = FakeHost<FakeHart>;
static_assert(riscv64::VirtualizationHardware<FakeHart>);
static_assert(VmHal<FakeHartHost>);

using RiscvVm = AxVM<FakeHartHost, FakeHart>;

}  // namespace axvm::test
