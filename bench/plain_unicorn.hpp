#pragma once
// Plain Unicorn on the benches' guest code: the reference that ours is measured against.

#include <unicorn/unicorn.h>

#include <cstdint>
#include <span>
#include <stdexcept>
#include <vector>

#include "isa.hpp"

namespace axvm::bench {

class PlainUnicorn {
 public:
  static constexpr std::uint64_t kRamSize = 64ULL << 20;

  PlainUnicorn(const Isa& isa, std::span<const std::uint8_t> image) : isa_(isa) {
    check(uc_open(isa.arch, isa.mode, &uc_));
    check(uc_ctl_set_cpu_model(uc_, isa.model));
    check(uc_mem_map(uc_, isa.ram, kRamSize, UC_PROT_ALL));
    check(uc_mem_write(uc_, isa.entry, image.data(), image.size()));
    if (isa.arch == UC_ARCH_ARM64) {
      // SCR_EL3 = RW | HCE | NS, or HVC would be undefined.
      uc_arm64_cp_reg scr{.crn = 1, .crm = 1, .op0 = 3, .op1 = 6, .op2 = 0, .val = 0x501};
      check(uc_reg_write(uc_, UC_ARM64_REG_CP_REG, &scr));
    }
  }
  ~PlainUnicorn() { uc_close(uc_); }
  PlainUnicorn(const PlainUnicorn&) = delete;
  PlainUnicorn& operator=(const PlainUnicorn&) = delete;

  [[nodiscard]] const Isa& isa() const { return isa_; }
  [[nodiscard]] uc_engine* handle() { return uc_; }
  [[nodiscard]] std::uint64_t pc() { return read(isa_.pc); }
  /// Runs the counted loop of a guest, whose image ends in a branch to itself at `end`.
  void run_loop(std::uint64_t loops, std::uint64_t end) {
    check(uc_reg_write(uc_, isa_.loops, &loops));
    check(run(isa_.entry, isa_.entry + end));
    if (read(isa_.loops) != 0) throw std::runtime_error("a bench guest ended early");
  }
  uc_err run(std::uint64_t from, std::uint64_t until) {
    return uc_emu_start(uc_, from, until, 0, 0);
  }

  static void check(uc_err e) {
    if (e != UC_ERR_OK) throw std::runtime_error(uc_strerror(e));
  }

 private:
  [[nodiscard]] std::uint64_t read(int reg) {
    std::uint64_t v = 0;
    check(uc_reg_read(uc_, reg, &v));
    return v;
  }

  const Isa& isa_;
  uc_engine* uc_ = nullptr;
};

}  // namespace axvm::bench
