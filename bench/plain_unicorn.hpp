#pragma once
// Plain Unicorn on the benches' guest code: the reference that ours is measured against.

#include <unicorn/unicorn.h>

#include <cstdint>
#include <span>
#include <stdexcept>
#include <vector>

namespace axvm::bench {

class PlainUnicorn {
 public:
  static constexpr std::uint64_t kRam = 0x4000'0000;
  static constexpr std::uint64_t kRamSize = 64ULL << 20;
  static constexpr std::uint64_t kEntry = 0x4008'0000;

  explicit PlainUnicorn(std::span<const std::uint8_t> image) {
    check(uc_open(UC_ARCH_ARM64, UC_MODE_ARM, &uc_));
    check(uc_ctl_set_cpu_model(uc_, UC_CPU_ARM64_A72));
    check(uc_mem_map(uc_, kRam, kRamSize, UC_PROT_ALL));
    check(uc_mem_write(uc_, kEntry, image.data(), image.size()));
    // SCR_EL3 = RW | HCE | NS, or HVC would be undefined.
    uc_arm64_cp_reg scr{.crn = 1, .crm = 1, .op0 = 3, .op1 = 6, .op2 = 0, .val = 0x501};
    check(uc_reg_write(uc_, UC_ARM64_REG_CP_REG, &scr));
  }
  ~PlainUnicorn() { uc_close(uc_); }
  PlainUnicorn(const PlainUnicorn&) = delete;
  PlainUnicorn& operator=(const PlainUnicorn&) = delete;

  [[nodiscard]] uc_engine* handle() { return uc_; }
  void set_x(int n, std::uint64_t v) { check(uc_reg_write(uc_, UC_ARM64_REG_X0 + n, &v)); }
  [[nodiscard]] std::uint64_t pc() {
    std::uint64_t v = 0;
    check(uc_reg_read(uc_, UC_ARM64_REG_PC, &v));
    return v;
  }
  /// Runs the counted loop of a guest, whose image ends in a branch to itself at `end`.
  void run_loop(std::uint64_t loops, std::uint64_t end) {
    set_x(28, loops);
    check(run(kEntry, kEntry + end));
  }
  uc_err run(std::uint64_t from, std::uint64_t until) {
    return uc_emu_start(uc_, from, until, 0, 0);
  }

  static void check(uc_err e) {
    if (e != UC_ERR_OK) throw std::runtime_error(uc_strerror(e));
  }

 private:
  uc_engine* uc_ = nullptr;
};

}  // namespace axvm::bench
