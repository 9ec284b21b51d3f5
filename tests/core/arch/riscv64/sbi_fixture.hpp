#pragma once
// A guest that makes SBI calls.

#include <string>
#include <tests/core/arch/riscv64/vm_fixture.hpp>

namespace axvm::test {

inline constexpr std::uint64_t kBase = 0x10, kTime = 0x5449'4d45, kIpi = 0x73'5049,
                               kRfence = 0x5246'4e43, kHsm = 0x48'534d, kReset = 0x5352'5354,
                               kSuspend = 0x5355'5350, kConsole = 0x4442'434e, kHvc = 0x48'5643;
inline constexpr std::uint64_t kFailed[] = {0, ~0ULL, ~1ULL, ~2ULL, ~3ULL, ~4ULL, ~5ULL};
inline constexpr std::uint64_t kNotSupported = kFailed[2], kInvalidParam = kFailed[3],
                               kDenied = kFailed[4], kInvalidAddress = kFailed[5],
                               kAlreadyAvailable = kFailed[6];

struct SbiFixture : RiscvTrapFixture {
  struct Answer {
    std::uint64_t error, value;
    friend bool operator==(const Answer&, const Answer&) = default;
  };
  /// The answer of a call that returns.
  Answer ask(std::uint64_t extension, std::uint64_t function,
             std::initializer_list<std::uint64_t> arguments = {}, std::uint32_t vcpu = 0) {
    const std::uint64_t from = pc();
    call(extension, function, arguments);
    run<exit_reason::ExternalInterrupt>(vcpu);
    CHECK(pc() == from + 4);
    return {hart().gprs[10], hart().gprs[11]};
  }
  /// Has vCPU 1 started by vCPU 0.
  void start_second() {
    hal.cpu(1);
    call(kHsm, 0, {7, kEntry, 42});
    CHECK(run<exit_reason::CpuUp>().started == VcpuId(1));
  }
  void put(std::uint64_t gpa, std::string_view text) {
    REQUIRE((*vm)->write_to_guest(GuestPhysAddr(gpa), std::as_bytes(std::span(text))).has_value());
  }
  std::string get(std::uint64_t gpa, std::size_t size) {
    std::string text(size, ' ');
    const auto bytes = std::as_writable_bytes(std::span(text));
    REQUIRE((*vm)->read_from_guest(GuestPhysAddr(gpa), bytes).has_value());
    return text;
  }
};

}  // namespace axvm::test
