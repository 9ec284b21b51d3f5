#pragma once
// What benches have to know of an instruction set, to run its guests under the whole stack and on
// plain Unicorn.

#include <unicorn/unicorn.h>

#include <cstddef>
#include <cstdint>

namespace axvm::bench {

struct Isa {
  const char* name;      ///< the folder of its guests, and `[sim] arch`
  std::uint64_t ram;     ///< where a board has it
  std::uint64_t entry;   ///< where images are loaded and entered
  const char* console;   ///< the row of `emu_devices`
  std::uint8_t end[4];   ///< a branch to itself …
  std::size_t end_size;  ///< … and how many of these bytes it is; also the alignment of code
  int loops;             ///< Unicorn's name of the register that counts a guest's loops …
  int pc;                ///< … and of the program counter
  uc_arch arch;
  uc_mode mode;
  int model;  ///< the processor that the machine runs guests on, too
};

inline constexpr Isa kAArch64{.name = "aarch64",
                              .ram = 0x4000'0000,
                              .entry = 0x4008'0000,
                              .console = R"(["pl011", 0x09000000, 0x1000, 33, 0x2, []])",
                              .end = {0x00, 0x00, 0x00, 0x14},
                              .end_size = 4,
                              .loops = UC_ARM64_REG_X28,
                              .pc = UC_ARM64_REG_PC,
                              .arch = UC_ARCH_ARM64,
                              .mode = UC_MODE_ARM,
                              .model = UC_CPU_ARM64_A72};

inline constexpr Isa kRiscv64{.name = "riscv64",
                              .ram = 0x8000'0000,
                              .entry = 0x8020'0000,
                              .console = R"(["uart", 0x10000000, 0x100, 10, 0x2, []])",
                              .end = {0x01, 0xa0, 0x00, 0x00},
                              .end_size = 2,
                              .loops = UC_RISCV_REG_X28,
                              .pc = UC_RISCV_REG_PC,
                              .arch = UC_ARCH_RISCV,
                              .mode = UC_MODE_RISCV64,
                              .model = UC_CPU_RISCV64_BASE64};

}  // namespace axvm::bench
