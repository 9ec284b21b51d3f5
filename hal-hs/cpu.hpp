#pragma once
// The hart this code runs on: core's VirtualizationHardware in one or two instructions, or one call
// of firmware, each.

#include <array>
#include <axvm/address.hpp>
#include <core/arch/riscv64/csr.hpp>
#include <core/arch/riscv64/hal.hpp>
#include <core/devices/device.hpp>
#include <cstdint>
#include <hal-hs/board.hpp>
#include <hal-hs/sbi.hpp>
#include <optional>
#include <span>

namespace axvm::hal_hs {

/// What an access that may trap has come to.
struct Access {
  std::uint64_t value;
  std::uint64_t done;  ///< 0: it has trapped
};

}  // namespace axvm::hal_hs

extern "C" {
/// vectors.S.
std::uint64_t hal_hs_enter_guest(std::uint64_t* registers);
/// fp_registers.S.
std::uint64_t hal_hs_read_fpr(unsigned n);
void hal_hs_write_fpr(unsigned n, std::uint64_t value);
/// accesses.S.
axvm::hal_hs::Access hal_hs_hlv_8(std::uint64_t va);
axvm::hal_hs::Access hal_hs_hlv_16(std::uint64_t va);
axvm::hal_hs::Access hal_hs_hlv_32(std::uint64_t va);
axvm::hal_hs::Access hal_hs_hlv_64(std::uint64_t va);
axvm::hal_hs::Access hal_hs_hlvx_16(std::uint64_t va);
axvm::hal_hs::Access hal_hs_hsv_8(std::uint64_t va, std::uint64_t value);
axvm::hal_hs::Access hal_hs_hsv_16(std::uint64_t va, std::uint64_t value);
axvm::hal_hs::Access hal_hs_hsv_32(std::uint64_t va, std::uint64_t value);
axvm::hal_hs::Access hal_hs_hsv_64(std::uint64_t va, std::uint64_t value);
axvm::hal_hs::Access hal_hs_read_stimecmp();
axvm::hal_hs::Access hal_hs_read_hstateen0();
axvm::hal_hs::Access hal_hs_read_hvictl();
}

namespace axvm::hal_hs {

class Cpu {
 public:
  using Arch = riscv64::Arch;
  using Csr = riscv64::Csr;

  template <Csr C>
  [[nodiscard]] std::uint64_t read() const {
    if (!has<C>()) return 0;
    std::uint64_t value = 0;
    asm volatile("csrr %0, %1" : "=r"(value) : "i"(C) : "memory");
    return value;
  }
  template <Csr C>
  void write(std::uint64_t value) {
    if (!has<C>()) return;
    asm volatile("csrw %0, %1" ::"i"(C), "r"(value) : "memory");
  }

  [[nodiscard]] std::uint64_t gpr(unsigned n) const { return n == 0 ? 0 : registers_[n]; }
  void set_gpr(unsigned n, std::uint64_t value) {
    if (n != 0) registers_[n] = value;
  }
  [[nodiscard]] std::uint64_t fpr(unsigned n) const { return hal_hs_read_fpr(n); }
  void set_fpr(unsigned n, std::uint64_t value) { hal_hs_write_fpr(n, value); }
  void clear_reservation() {
    std::uint64_t nobodys = 0;
    asm volatile("sc.d zero, zero, %0" : "+A"(nobodys));
  }

  std::uint64_t enter_guest() { return hal_hs_enter_guest(registers_.data()); }

  [[nodiscard]] std::optional<std::uint64_t> hlv(GuestVirtAddr va, AccessWidth width) {
    const Access access = [&] {
      switch (width) {
        case AccessWidth::Byte: return hal_hs_hlv_8(va.value);
        case AccessWidth::Word: return hal_hs_hlv_16(va.value);
        case AccessWidth::Dword: return hal_hs_hlv_32(va.value);
        case AccessWidth::Qword: break;
      }
      return hal_hs_hlv_64(va.value);
    }();
    return access.done != 0 ? std::optional(access.value) : std::nullopt;
  }
  [[nodiscard]] std::optional<std::uint16_t> hlvx(GuestVirtAddr va) {
    const Access access = hal_hs_hlvx_16(va.value);
    if (access.done == 0) return std::nullopt;
    return static_cast<std::uint16_t>(access.value);
  }
  bool hsv(GuestVirtAddr va, AccessWidth width, std::uint64_t value) {
    switch (width) {
      case AccessWidth::Byte: return hal_hs_hsv_8(va.value, value).done != 0;
      case AccessWidth::Word: return hal_hs_hsv_16(va.value, value).done != 0;
      case AccessWidth::Dword: return hal_hs_hsv_32(va.value, value).done != 0;
      case AccessWidth::Qword: break;
    }
    return hal_hs_hsv_64(va.value, value).done != 0;
  }

  // HFENCE.GVMA (funct7 0110001) takes the address shifted right by 2; HFENCE.VVMA is 0010001.
  void hfence_gvma(GuestPhysAddr gpa, Vmid vmid) {
    asm volatile(".insn r 0x73, 0, 0x31, zero, %0, %1" ::"r"(gpa.value >> 2), "r"(number(vmid))
                 : "memory");
  }
  void hfence_gvma(Vmid vmid) {
    asm volatile(".insn r 0x73, 0, 0x31, zero, zero, %0" ::"r"(number(vmid)) : "memory");
  }
  void hfence_vvma() { asm volatile(".insn r 0x73, 0, 0x11, zero, zero, zero" ::: "memory"); }

  void remote_hfence_gvma(Vmid vmid, GuestPhysRange range) {
    fence(sbi::kRemoteHfenceGvmaVmid, range.base.value, range.size, number(vmid));
  }
  void remote_hfence_gvma(Vmid vmid) {
    fence(sbi::kRemoteHfenceGvmaVmid, 0, sbi::kEverything, number(vmid));
  }
  void remote_hfence_vvma() { fence(sbi::kRemoteHfenceVvma, 0, sbi::kEverything, 0); }
  void remote_hfence_vvma(GuestVirtAddr start, std::uint64_t size,
                          std::optional<std::uint64_t> asid) {
    fence(asid ? sbi::kRemoteHfenceVvmaAsid : sbi::kRemoteHfenceVvma, start.value, size,
          asid.value_or(0));
  }
  void remote_fence_i() { fence(sbi::kRemoteFenceI, 0, 0, 0); }

  [[nodiscard]] static std::uint64_t timebase_frequency() noexcept { return kTimebase; }

  void publish_tables() { asm volatile("fence" ::: "memory"); }
  void publish_instructions() {
    asm volatile("fence\n\tfence.i" ::: "memory");
    remote_fence_i();
  }
  // The board's memory is coherent.
  void publish_data(std::span<std::byte>) {}

 private:
  /// Those of extensions that the hart may lack.
  template <Csr C>
  [[nodiscard]] bool has() const noexcept {
    if constexpr (C == Csr::stimecmp || C == Csr::vstimecmp) return has_sstc_;
    if constexpr (C == Csr::hstateen0) return has_state_enable_;
    if constexpr (C == Csr::vsiselect || C == Csr::hvictl || C == Csr::hviprio1 ||
                  C == Csr::hviprio2) {
      return has_aia_;
    }
    return true;
  }

  static std::uint64_t number(Vmid vmid) noexcept { return vmid.value; }
  static void fence(std::uint64_t function, std::uint64_t start, std::uint64_t size,
                    std::uint64_t id) {
    sbi::call(sbi::Extension::Rfence, function, 0, sbi::kAllHarts, start, size, id);
  }

  std::array<std::uint64_t, 32> registers_{};  ///< x1..x31; as vectors.S has them
  bool has_sstc_ = hal_hs_read_stimecmp().done != 0;
  bool has_state_enable_ = hal_hs_read_hstateen0().done != 0;
  bool has_aia_ = hal_hs_read_hvictl().done != 0;
};

static_assert(riscv64::VirtualizationHardware<Cpu>);

}  // namespace axvm::hal_hs
