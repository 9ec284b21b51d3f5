// The exclusive monitor is read from the engine, and given to another one.
#include <doctest/doctest.h>
#include <unicorn/unicorn.h>

#include <array>
#include <cstdint>
#include <memory>
#include <sim/arch/aarch64/exclusive_monitor.hpp>

using namespace axvm::sim::aarch64;

namespace {

constexpr std::uint64_t kCode = 0x10000;
constexpr std::uint64_t kData = 0x20340;
constexpr std::uint64_t kValue = 0x1122'3344'5566'7788;

// X1 points to kValue; the code is LDXR X0, [X1]; STXR W2, X3, [X1].
class Program {
 public:
  Program() {
    constexpr std::array<std::uint32_t, 2> kProgram{0xc85f7c20, 0xc8027c23};
    REQUIRE(uc_open(UC_ARCH_ARM64, UC_MODE_ARM, &engine) == UC_ERR_OK);
    uc_ctl_set_cpu_model(engine, UC_CPU_ARM64_A72);
    uc_mem_map(engine, kCode, 4096, UC_PROT_ALL);
    uc_mem_map(engine, kData & ~std::uint64_t{4095}, 4096, UC_PROT_ALL);
    uc_mem_write(engine, kCode, kProgram.data(), sizeof(kProgram));
    uc_mem_write(engine, kData, &kValue, sizeof(kValue));
    uc_reg_write(engine, UC_ARM64_REG_X1, &kData);
  }
  ~Program() { uc_close(engine); }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void load() { uc_emu_start(engine, kCode, kCode + 4, 0, 0); }
  bool store() {
    std::uint64_t failed = 1;
    uc_emu_start(engine, kCode + 4, kCode + 8, 0, 0);
    uc_reg_read(engine, UC_ARM64_REG_X2, &failed);
    return failed == 0;
  }

  uc_engine* engine = nullptr;
};

}  // namespace

TEST_CASE("an exclusive load marks its address, an exclusive store opens the monitor") {
  Program program;
  CHECK(read_exclusive_monitor(program.engine) == ExclusiveMonitor{});
  program.load();
  const ExclusiveMonitor marked = read_exclusive_monitor(program.engine);
  CHECK(marked.address == kData);
  CHECK(marked.low == kValue);
  CHECK(program.store());
  CHECK(read_exclusive_monitor(program.engine) == ExclusiveMonitor{});
}

TEST_CASE("an engine that is given a monitor stores as the one that has loaded") {
  Program first;
  Program second;
  CHECK_FALSE(second.store());
  first.load();
  REQUIRE(write_exclusive_monitor(second.engine, read_exclusive_monitor(first.engine)));
  CHECK(second.store());
  first.load();
  REQUIRE(write_exclusive_monitor(first.engine, {}));
  CHECK_FALSE(first.store());
}
