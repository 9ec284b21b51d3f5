// A pending interrupt is taken as soon as it is unmasked (DDI 0487 D1.3.6), without a branch.

#include <doctest/doctest.h>

#include <sim/arch/aarch64/timers.hpp>

#include "guest_machine.hpp"

namespace axvm::sim::aarch64 {
namespace {

constexpr std::uint64_t kCode = GuestMachine::kCode;
constexpr std::uint64_t kVectors = GuestMachine::kRam + 0x1000;
constexpr SysReg kElrEl1{3, 0, 4, 0, 1};
constexpr std::uint64_t kVi = 1U << 7;

constexpr std::uint32_t kNop = 0xd503201f;
constexpr std::uint32_t kIsb = 0xd5033fdf;
constexpr std::uint32_t kUnmask = 0xd50342ff;     // msr daifclr, #2
constexpr std::uint32_t kMask = 0xd50342df;       // msr daifset, #2
constexpr std::uint32_t kWriteDaif = 0xd51b4221;  // msr daif, x1
constexpr std::uint32_t kHvc = 0xd4000002;

struct Unmasking {
  explicit Unmasking(std::initializer_list<std::uint32_t> code, std::uint64_t chaos) : m(code) {
    m.cpu().set_chaos(chaos);
    m.cpu().write(GuestMachine::kVbar, kVectors);
    m.put(kVectors + 0x280, {kHvc | 7 << 5});
    m.cpu().write(GuestMachine::kHcr, GuestMachine::kHcrValue | kVi);
  }
  /// Where the interrupt was taken, in words of the code; nothing when the code's HVC came first.
  std::optional<std::uint64_t> taken() {
    // What is pending on entry would be taken there if it were unmasked.
    CHECK(m.cpu().enter_guest() == Vector::Synchronous);
    if ((m.esr() & 0xffff) != 7) return std::nullopt;
    return (m.cpu().read(kElrEl1) - kCode) / 4;
  }
  GuestMachine m;
};

}  // namespace

TEST_CASE("a pending interrupt is taken where it is unmasked, without a branch") {
  for (std::uint64_t chaos = 0; chaos < 6; ++chaos) {
    CAPTURE(chaos);
    CHECK(Unmasking({kNop, kUnmask, kIsb, kMask, kHvc}, chaos).taken() == 2U);
    CHECK(Unmasking({kNop, kUnmask, kNop, kMask, kHvc}, chaos).taken() == 2U);
    CHECK(Unmasking({kNop, kWriteDaif, kMask, kHvc}, chaos).taken() == 2U);  // x1 is 0
    CHECK_FALSE(Unmasking({kNop, kIsb, kNop, kMask, kHvc}, chaos).taken().has_value());
    CHECK_FALSE(Unmasking({0xd503'41ff, kIsb, kNop, kHvc}, chaos).taken().has_value());  // F only
  }
}

TEST_CASE("an interrupt that comes while nothing masks it is taken behind the next ISB") {
  for (std::uint64_t chaos = 0; chaos < 6; ++chaos) {
    CAPTURE(chaos);
    // IMO clear: the timer's interrupt is the guest's own. It comes after 160 instructions.
    GuestMachine m({});
    for (std::uint64_t i = 0; i < 400; ++i) m.put(kCode + 4 * i, {i % 50 == 49 ? kIsb : kNop});
    m.cpu().set_chaos(chaos);
    m.cpu().write(GuestMachine::kVbar, kVectors);
    m.put(kVectors + 0x280, {kHvc | 7 << 5});
    m.cpu().write(GuestMachine::kHcr, GuestMachine::kHcrValue & ~(1ULL << 4));
    m.cpu().write(GuestMachine::kSpsr, 0x345);
    m.cpu().enable_interrupt(27, true);
    m.cpu().write(SysReg{3, 3, 14, 3, 2}, Timers::ticks(160));
    m.cpu().write(SysReg{3, 3, 14, 3, 1}, 1);
    REQUIRE(m.cpu().enter_guest() == Vector::Synchronous);
    CHECK((m.esr() & 0xffff) == 7);
    CHECK(m.cpu().read(kElrEl1) == kCode + 4 * 200);
  }
}

TEST_CASE("a stop by the owner at the point of unmasking hides nothing") {
  for (std::uint64_t limit = 0; limit < 5; ++limit) {
    CAPTURE(limit);
    Unmasking u({kNop, kUnmask, kIsb, kMask, kHvc}, 0);
    u.m.cpu().set_instruction_limit(limit);
    const Vector first = u.m.cpu().enter_guest();
    if (u.m.cpu().stopped_at_limit()) {
      CHECK(first == Vector::Irq);
      CHECK(u.m.cpu().instructions() == limit);
      u.m.cpu().set_instruction_limit(Pcpu::kNever);
      CHECK(u.taken() == 2U);
    } else {
      CHECK(u.m.cpu().read(kElrEl1) == kCode + 8);
    }
  }
}

}  // namespace axvm::sim::aarch64
