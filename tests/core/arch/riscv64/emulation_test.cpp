// Loads and stores of devices, however they lie across pages.
#include <tests/core/arch/riscv64/vm_fixture.hpp>

using namespace axvm;
using namespace axvm::test;
using namespace axvm::exit_reason;
using namespace axvm::riscv64;

namespace {

/// A page that is the guest's memory, by HLV and HSV, next to a console that is 8 KiB long.
struct EmulationFixture : RiscvFixture {
  static constexpr std::uint64_t kVa = 0x10'0000;  ///< of the console's first page
  static constexpr std::uint64_t kMemory = kVa - 0x1000;

  EmulationFixture() {
    devices[0].length = 0x2000;
    start();
    run<ExternalInterrupt>();
    hal.events.clear();
    hart().set(Csr::vstvec, kVectors);
    hart().refuse = [](FakeHart& h, std::uint64_t va, bool is_store) {
      if (va < kVa) return false;
      h.set(Csr::scause, static_cast<std::uint64_t>(is_store ? ExceptionCause::StoreGuestPage
                                                             : ExceptionCause::LoadGuestPage));
      h.set(Csr::stval, va);
      h.set(Csr::htval, (kUart + (va - kVa)) >> 2);
      h.set(Csr::htinst, 0);
      return true;
    };
  }
  std::vector<DeviceAccess> accesses() { return hal.events_of<DeviceAccess>(); }
  void check_access(const DeviceAccess& access, bool is_write, unsigned width, std::uint64_t offset,
                    std::uint64_t data) {
    CHECK(access.is_write == is_write);
    CHECK(access.width == width);
    CHECK(access.address == kUart + offset);
    CHECK(access.data == data);
  }
};

constexpr std::uint64_t kSd = 0x00b0'3023;  // SD x11
constexpr std::uint64_t kLd = 0x0000'3583;  // LD x11
constexpr std::uint64_t distance(std::uint64_t n) { return n << 15; }

}  // namespace

TEST_CASE_FIXTURE(EmulationFixture, "a store from memory into a device: each gets its bytes") {
  hart().gprs[11] = 0x8877'6655'4433'2211;
  // The device's page is what was refused, three bytes into the access.
  trap(ExceptionCause::StoreGuestPage, kVa, kUart, kSd | distance(3));
  run<ExternalInterrupt>();
  CHECK(hart().memory[kVa - 3] == 0x11);
  CHECK(hart().memory[kVa - 1] == 0x33);
  // As few accesses as there can be.
  REQUIRE(accesses().size() == 2);
  check_access(accesses()[0], true, 4, 0, 0x7766'5544);
  check_access(accesses()[1], true, 1, 4, 0x88);
  CHECK(pc() == kEntry + 4);
}

TEST_CASE_FIXTURE(EmulationFixture, "a load from memory and a device is put together") {
  for (unsigned n = 0; n < 4; ++n) hart().memory[kVa - 4 + n] = 0xa0 + n;
  hal.input = "\x55";
  trap(ExceptionCause::LoadGuestPage, kVa, kUart, kLd | distance(4));
  run<ExternalInterrupt>();
  REQUIRE(accesses().size() == 1);
  check_access(accesses()[0], false, 4, 0, 0x55);
  CHECK(hart().gprs[11] == 0x0000'0055'a3a2'a1a0);
}

TEST_CASE_FIXTURE(EmulationFixture, "a store that leaves a device is found a place by its tables") {
  // From the first page of the console into the second, which are one device.
  hart().gprs[11] = 0x8877'6655'4433'2211;
  trap(ExceptionCause::StoreGuestPage, kVa + 0xffe, kUart + 0xffe, kSd);
  run<ExternalInterrupt>();
  REQUIRE(accesses().size() == 3);
  check_access(accesses()[0], true, 2, 0xffe, 0x2211);
  check_access(accesses()[1], true, 4, 0x1000, 0x6655'4433);
  check_access(accesses()[2], true, 2, 0x1004, 0x8877);
}

TEST_CASE_FIXTURE(EmulationFixture, "nothing happens when the memory half of a store faults") {
  const auto refuse = hart().refuse;
  hart().refuse = [refuse](FakeHart& h, std::uint64_t va, bool is_store) {
    if (va >= kVa) return refuse(h, va, is_store);
    if (!is_store) return false;
    h.set(Csr::scause, static_cast<std::uint64_t>(ExceptionCause::StorePage));
    h.set(Csr::stval, va);
    return true;
  };
  trap(ExceptionCause::StoreGuestPage, kVa, kUart, kSd | distance(3));
  run<ExternalInterrupt>();
  CHECK(accesses().empty());
  CHECK(hart().get(Csr::vscause) == 15);
  CHECK(hart().get(Csr::vstval) == kVa - 3);
  CHECK(pc() == kVectors);
}

TEST_CASE_FIXTURE(EmulationFixture, "a page fault while looking for the other half is a store's") {
  const auto refuse = hart().refuse;
  hart().refuse = [refuse](FakeHart& h, std::uint64_t va, bool is_store) {
    if (va >= kVa) return refuse(h, va, is_store);
    h.set(Csr::scause, static_cast<std::uint64_t>(ExceptionCause::LoadPage));
    h.set(Csr::stval, va);
    return true;
  };
  trap(ExceptionCause::StoreGuestPage, kVa, kUart, kSd | distance(3));
  run<ExternalInterrupt>();
  CHECK(hart().get(Csr::vscause) == 15);
}

TEST_CASE_FIXTURE(EmulationFixture, "lazy memory in the other half is backed") {
  hart().refuse = [this](FakeHart& h, std::uint64_t va, bool is_store) {
    const std::uint64_t gpa = va >= kVa ? kUart + (va - kVa) : kGuestRam + (va - kMemory);
    if ((*vm)->translate(GuestPhysAddr(gpa))) return false;
    h.set(Csr::scause, is_store ? 23 : 21);
    h.set(Csr::stval, va);
    h.set(Csr::htval, gpa >> 2);
    return true;
  };
  hart().gprs[11] = 0x8877'6655'4433'2211;
  trap(ExceptionCause::StoreGuestPage, kVa, kUart, kSd | distance(3));
  run<ExternalInterrupt>();
  CHECK(hal.events_of<PageMapped>().size() == 1);
  CHECK(hart().memory[kVa - 3] == 0x11);
  CHECK(accesses().size() == 2);
}

TEST_CASE_FIXTURE(EmulationFixture, "loads of floating-point registers make them dirty") {
  hal.input = "\x01";
  hart().set(Csr::vsstatus, 1ULL << 13);
  trap(ExceptionCause::LoadGuestPage, kVa, kUart, 0x0000'2587);  // FLW f11
  run<ExternalInterrupt>();
  CHECK(hart().fprs[11] == 0xffff'ffff'0000'0001);
  CHECK((hart().get(Csr::vsstatus) & status::kFsMask) == status::kFsDirty);
  CHECK((hart().get(Csr::sstatus) & status::kFsMask) == status::kFsDirty);
  hart().fprs[12] = 0x1234'5678'0000'0041;
  trap(ExceptionCause::StoreGuestPage, kVa, kUart, 0x00c0'2027);  // FSW f12
  run<ExternalInterrupt>();
  CHECK(hal.output == "A");
  CHECK(accesses().back().data == 0x41);
}

TEST_CASE_FIXTURE(EmulationFixture, "an access that ends in memory behind a device is both") {
  trap(ExceptionCause::LoadGuestPage, kVa + 0x1ffc, kUart + 0x1ffc, 0x0000'3583);
  hart().refuse = nullptr;
  run<ExternalInterrupt>();
  // Its second half is memory, as far as the tables say.
  CHECK(accesses().size() == 1);
  CHECK(pc() == kEntry + 4);
}

TEST_CASE_FIXTURE(EmulationFixture, "an access beyond a device's end is an access fault") {
  trap(ExceptionCause::LoadGuestPage, kVa + 0x1ffc, kUart + 0x1ffc, kLd);
  run<ExternalInterrupt>();
  CHECK(accesses().empty());
  check_injected(ExceptionCause::LoadAccess, kVa + 0x2000, kEntry);
}

TEST_CASE_FIXTURE(EmulationFixture, "an instruction that is another by now is tried again") {
  // At sepc is a load of another address.
  hart().memory[kEntry] = 0x03;
  hart().memory[kEntry + 1] = 0x35;
  hart().memory[kEntry + 2] = 0x05;  // LD x10, 0(x10)
  hart().gprs[10] = 0x5000;
  trap(ExceptionCause::LoadGuestPage, kVa, kUart);
  run<ExternalInterrupt>();
  CHECK(pc() == kEntry);
  CHECK(accesses().empty());
}
