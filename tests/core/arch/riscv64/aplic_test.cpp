// An APLIC by its registers: RISC-V Advanced Interrupt Architecture 1.0, chapter 4.
#include <doctest/doctest.h>
#include <core/arch/riscv64/aia/aplic.hpp>
#include <cstdint>
#include <tests/core/heap.hpp>

using namespace axvm;
using namespace axvm::riscv64;

namespace {

enum Mode : std::uint32_t { kInactive = 0, kDetached = 1, kEdge1 = 4, kEdge0, kLevel1, kLevel0 };
constexpr std::uint64_t kDomaincfg = 0, kSetip = 0x1c00, kSetipnum = 0x1cdc, kInClrip = 0x1d00,
                        kClripnum = 0x1ddc, kSetie = 0x1e00, kSetienum = 0x1edc, kClrie = 0x1f00,
                        kClrienum = 0x1fdc, kSetipnumLe = 0x2000, kSetipnumBe = 0x2004,
                        kGenmsi = 0x3000;
constexpr std::uint32_t kEnable = 0x100;

struct World {
  explicit World(bool messages) {
    if (messages) {
      while (!files.full()) files.emplace_back();
      for (InterruptFile& file : files) {
        file.write(0x70, 1);
        for (std::uint64_t select = 0xc0; select < 0xc8; select += 2) file.write(select, ~0ULL);
      }
    }
    aplic.write(kDomaincfg, kEnable);
  }
  std::uint32_t read(std::uint64_t offset) { return aplic.read(offset); }
  void write(std::uint64_t offset, std::uint32_t value) { aplic.write(offset, value); }
  void configure(std::uint32_t source, Mode mode) { write(4 * source, mode); }
  static std::uint64_t target(std::uint32_t source) { return 0x3000 + 4 * source; }
  static std::uint64_t idc(unsigned hart, std::uint64_t offset) {
    return 0x4000 + 32 * hart + offset;
  }
  bool is_pending(std::uint32_t source) {
    return (read(kSetip + source / 32 * 4) >> source % 32 & 1) != 0;
  }
  bool is_enabled(std::uint32_t source) {
    return (read(kSetie + source / 32 * 4) >> source % 32 & 1) != 0;
  }
  std::uint32_t claim(unsigned hart) { return read(idc(hart, 0x1c)); }
  /// What has come to a hart's interrupt file first, and is taken.
  std::uint64_t message(unsigned hart) {
    const std::uint64_t top = files[hart].top();
    files[hart].claim();
    return top & 0x7ff;
  }

  axvm::test::Heap heap;
  Array<InterruptFile> files = std::move(*Array<InterruptFile>::try_make(Allocator::of(heap), 2));
  Box<Aplic> box = std::move(*Aplic::try_make(Allocator::of(heap), 2, files));
  Aplic& aplic = *box;
};

struct Direct : World {
  Direct() : World(false) {
    for (const unsigned hart : {0U, 1U}) write(idc(hart, 0), 1);
  }
  void route(std::uint32_t source, Mode mode, unsigned hart, std::uint32_t priority) {
    configure(source, mode);
    write(target(source), hart << 18 | priority);
    write(kSetienum, source);
  }
};

struct Messages : World {
  Messages() : World(true) {}
  void route(std::uint32_t source, Mode mode, unsigned hart, std::uint32_t identity) {
    configure(source, mode);
    write(target(source), hart << 18 | identity);
    write(kSetienum, source);
  }
};

}  // namespace

TEST_CASE_FIXTURE(Direct,
                  "APLIC: a level interrupts the hart that it is routed to, while it lasts") {
  route(10, kLevel1, 1, 5);
  aplic.set_wire(10, true);
  CHECK(aplic.is_signaling(1));
  CHECK_FALSE(aplic.is_signaling(0));
  CHECK(read(idc(1, 0x18)) == (10 << 16 | 5));
  CHECK(read(idc(0, 0x18)) == 0);
  CHECK(claim(1) == (10 << 16 | 5));
  CHECK(aplic.is_signaling(1));  // no claim ends a level
  write(kClripnum, 10);
  CHECK(is_pending(10));
  aplic.set_wire(10, false);
  CHECK_FALSE(aplic.is_signaling(1));
  write(kSetipnum, 10);
  CHECK_FALSE(is_pending(10));
}

TEST_CASE_FIXTURE(Direct, "APLIC: an edge is pending until it is claimed or cleared") {
  route(10, kEdge1, 0, 1);
  aplic.set_wire(10, true);
  aplic.set_wire(10, false);
  CHECK(aplic.is_signaling(0));
  CHECK(claim(0) == (10 << 16 | 1));
  CHECK_FALSE(aplic.is_signaling(0));
  CHECK(claim(0) == 0);
  aplic.set_wire(10, true);
  write(kInClrip, 1 << 10);
  CHECK_FALSE(aplic.is_signaling(0));
  write(kSetip, 1 << 10);
  CHECK(aplic.is_signaling(0));
}

TEST_CASE_FIXTURE(Direct,
                  "APLIC: each mode hears of its own side of a wire, and Detached of none") {
  const auto pulse = [&](Mode mode) {
    configure(40, kInactive);
    configure(40, mode);
    write(kClripnum, 40);
    aplic.set_wire(40, true);
    const unsigned up = is_pending(40) ? 1 : 0;
    write(kClripnum, 40);
    aplic.set_wire(40, false);
    return up * 2 + (is_pending(40) ? 1 : 0);
  };
  CHECK(pulse(kEdge1) == 2);
  CHECK(pulse(kEdge0) == 1);
  CHECK(pulse(kLevel1) == 2);
  CHECK(pulse(kLevel0) == 1);
  CHECK(pulse(kDetached) == 0);
  configure(40, kLevel0);
  CHECK(read(kInClrip + 4) == 1 << 8);
  configure(40, kLevel1);
  CHECK(read(kInClrip + 4) == 0);
  CHECK_FALSE(is_pending(40));
  configure(40, kDetached);
  write(kSetipnum, 40);
  CHECK(is_pending(40));
  CHECK(read(kInClrip + 4) == 0);
}

TEST_CASE_FIXTURE(
    Direct, "APLIC: the smallest priority number comes first, of equal ones the lowest source") {
  route(900, kDetached, 0, 2);
  route(7, kDetached, 0, 3);
  route(40, kDetached, 0, 2);
  route(3, kDetached, 1, 1);
  for (const std::uint32_t source : {7U, 900U, 40U, 3U}) write(kSetipnum, source);
  CHECK(claim(0) == (40 << 16 | 2));
  CHECK(claim(0) == (900 << 16 | 2));
  CHECK(claim(0) == (7 << 16 | 3));
  CHECK(claim(0) == 0);
  CHECK(claim(1) == (3 << 16 | 1));
}

TEST_CASE_FIXTURE(Direct, "APLIC: a threshold keeps back its own priority number and those above") {
  route(10, kDetached, 0, 4);
  write(kSetipnumLe, 10);
  write(idc(0, 8), 4);
  CHECK(read(idc(0, 0x18)) == 0);
  CHECK_FALSE(aplic.is_signaling(0));
  write(idc(0, 8), 5);
  CHECK(aplic.is_signaling(0));
  write(idc(0, 8), 0);
  CHECK(aplic.is_signaling(0));
}

TEST_CASE_FIXTURE(Direct, "APLIC: domaincfg.IE and idelivery gate the signal, not topi") {
  route(10, kDetached, 0, 4);
  write(kSetipnum, 10);
  write(kDomaincfg, 0);
  CHECK(read(kDomaincfg) == 0x8000'0000);
  CHECK_FALSE(aplic.is_signaling(0));
  CHECK(read(idc(0, 0x18)) == (10 << 16 | 4));
  write(kDomaincfg, ~0U);
  CHECK(read(kDomaincfg) == 0x8000'0100);
  CHECK(aplic.is_signaling(0));
  write(idc(0, 0), 0);
  CHECK_FALSE(aplic.is_signaling(0));
}

TEST_CASE_FIXTURE(Direct, "APLIC: iforce interrupts until a claim finds nothing") {
  write(idc(1, 4), 1);
  CHECK(aplic.is_signaling(1));
  CHECK(read(idc(1, 4)) == 1);
  CHECK(claim(1) == 0);
  CHECK(read(idc(1, 4)) == 0);
  CHECK_FALSE(aplic.is_signaling(1));
}

TEST_CASE_FIXTURE(
    Direct, "APLIC: a source that is made inactive loses everything, and can be given nothing") {
  route(10, kDetached, 1, 9);
  write(kSetipnum, 10);
  CHECK(read(target(10)) == (1 << 18 | 9));
  SUBCASE("by mode") { configure(10, kInactive); }
  SUBCASE("by a mode that is reserved") { write(4 * 10, 2); }
  SUBCASE("by delegation to a domain that there is not") { write(4 * 10, 1U << 10 | kEdge1); }
  CHECK(read(4 * 10) == 0);
  CHECK_FALSE(is_pending(10));
  CHECK_FALSE(is_enabled(10));
  CHECK(read(target(10)) == 0);
  write(kSetipnum, 10);
  write(kSetienum, 10);
  write(target(10), 9);
  CHECK_FALSE(is_pending(10));
  CHECK_FALSE(is_enabled(10));
  CHECK(read(target(10)) == 0);
}

TEST_CASE_FIXTURE(Direct, "APLIC: enables by bit and by number") {
  configure(33, kDetached);
  configure(34, kDetached);
  write(kSetie + 4, 6);
  CHECK(read(kSetie + 4) == 6);
  write(kClrie + 4, 2);
  CHECK(read(kSetie + 4) == 4);
  write(kClrienum, 34);
  CHECK(read(kSetie + 4) == 0);
  write(kSetienum, 33);
  CHECK(read(kSetie + 4) == 2);
  for (const std::uint64_t offset : {kClrie + 4, kSetienum, kClrienum, kSetipnum, kClripnum,
                                     kSetipnumLe, kSetipnumBe, std::uint64_t{0x1bc0}}) {
    CHECK(read(offset) == 0);
  }
}

TEST_CASE_FIXTURE(Direct, "APLIC: registers keep what there is of them") {
  configure(10, kEdge1);
  CHECK(read(target(10)) == 1);  // of no priority number 0
  write(target(10), 0xffff'ffff);
  CHECK(read(target(10)) == 0xfffc'00ff);
  write(target(10), 0);
  CHECK(read(target(10)) == 1);
  write(idc(0, 8), 0x1ff);
  CHECK(read(idc(0, 8)) == 0xff);
  write(kGenmsi, ~0U);
  CHECK(read(kGenmsi) == 0);
  write(kSetip, ~0U);
  CHECK(read(kSetip) == 1 << 10);
  write(kSetipnum, 0);
  write(kSetipnum, 1024);
  write(kSetipnum, ~0U);
  CHECK(read(kSetip) == 1 << 10);
  write(idc(2, 0), 1);  // no such hart
  CHECK(read(idc(2, 0)) == 0);
  CHECK(Aplic::size(2) == 0x5000);
  CHECK(Aplic::size(64) == 0x5000);
}

TEST_CASE_FIXTURE(Messages, "APLIC: what is pending and enabled leaves as a message") {
  route(10, kEdge1, 1, 77);
  aplic.set_wire(10, true);
  CHECK_FALSE(is_pending(10));
  CHECK(files[0].top() == 0);
  CHECK(message(1) == 77);
  CHECK_FALSE(aplic.is_signaling(1));
  write(kClrienum, 10);
  write(kSetipnum, 10);
  CHECK(is_pending(10));
  CHECK(message(1) == 0);
  write(kSetienum, 10);
  CHECK(message(1) == 77);
  write(kDomaincfg, 0);
  write(kSetipnumBe, 10U << 24);
  CHECK(message(1) == 0);
  write(kDomaincfg, kEnable);
  CHECK(message(1) == 77);
  CHECK(read(kDomaincfg) == 0x8000'0104);
}

TEST_CASE_FIXTURE(Messages,
                  "APLIC: a level is sent once, and again when the guest asks while it lasts") {
  route(10, kLevel1, 0, 30);
  aplic.set_wire(10, true);
  CHECK(message(0) == 30);
  CHECK_FALSE(is_pending(10));
  CHECK(message(0) == 0);
  write(kSetipnumLe, 10);
  CHECK(message(0) == 30);
  aplic.set_wire(10, false);
  write(kSetipnumLe, 10);
  CHECK(message(0) == 0);
  write(kClrienum, 10);
  aplic.set_wire(10, true);
  CHECK(is_pending(10));
  write(kClripnum, 10);
  CHECK_FALSE(is_pending(10));
  write(kSetipnum, 10);
  aplic.set_wire(10, false);
  CHECK_FALSE(is_pending(10));
}

TEST_CASE_FIXTURE(Messages,
                  "APLIC: genmsi sends whatever IE says; structures for delivery are not there") {
  write(kDomaincfg, 0);
  write(kGenmsi, 1U << 18 | 1U << 12 | 5);
  CHECK(message(1) == 5);
  CHECK(read(kGenmsi) == (1U << 18 | 5));
  write(kGenmsi, 9U << 18 | 5);  // no such hart
  CHECK(message(0) == 0);
  CHECK(message(1) == 0);
  write(idc(0, 0), 1);
  write(idc(0, 4), 1);
  CHECK(read(idc(0, 0)) == 0);
  CHECK(read(idc(0, 4)) == 0);
  configure(10, kEdge1);
  write(target(10), 0xffff'ffff);
  CHECK(read(target(10)) == 0xfffc'07ff);  // no guest index
}

TEST_CASE("APLIC: a pulse is an edge of either kind, and of a level one interrupt") {
  Direct direct;
  for (const Mode mode : {kLevel1, kLevel0}) {
    direct.route(21, mode, 0, 1);
    direct.aplic.set_wire(21, mode == kLevel0);
    direct.aplic.pulse_wire(21);
    CHECK(direct.claim(0) == (21 << 16 | 1));
    CHECK(direct.claim(0) == 0);
  }
  for (const Mode mode : {kEdge1, kEdge0}) {
    direct.route(20, mode, 0, 1);
    direct.aplic.pulse_wire(20);
    CHECK(direct.claim(0) == (20 << 16 | 1));
  }
  Messages messages;
  messages.route(20, kLevel1, 0, 9);
  messages.aplic.pulse_wire(20);
  CHECK(messages.message(0) == 9);
  CHECK_FALSE(messages.is_pending(20));
}

TEST_CASE_FIXTURE(Direct, "APLIC: after a reset nothing is configured, and every wire is down") {
  route(10, kLevel1, 0, 1);
  aplic.set_wire(10, true);
  aplic.reset();
  CHECK_FALSE(aplic.is_signaling(0));
  CHECK(read(kDomaincfg) == 0x8000'0000);
  CHECK(read(4 * 10) == 0);
  CHECK(read(idc(0, 0)) == 0);
  configure(10, kLevel1);
  CHECK_FALSE(is_pending(10));
}
