// The VMCB's fields: APM Vol. 2, appendix B.

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <array>
#include <bit>
#include <core/arch/x86_64/vmcb.hpp>
#include <cstring>
#include <memory>

namespace axvm::x86_64::test {
namespace {

using Page = std::array<std::uint8_t, kPageSize>;

/// What hardware finds at an offset of the VMCB.
template <class T>
T at(const Vmcb& vmcb, std::size_t offset) {
  const auto page = std::bit_cast<Page>(vmcb);
  T value{};
  std::memcpy(&value, page.data() + offset, sizeof value);
  return value;
}

}  // namespace

TEST_CASE("an intercept is the bit that table B-1 names, and no other") {
  const struct {
    ExitCode code;
    std::size_t offset;
    unsigned bit;
  } kIntercepts[] = {{ExitCode::ReadCr0, 0x000, 0},
                     {exit_code(ExitCode::ReadCr0, 8), 0x000, 8},
                     {exit_code(ExitCode::WriteCr0, 3), 0x000, 19},
                     {exit_code(ExitCode::ReadDr0, 7), 0x004, 7},
                     {exit_code(ExitCode::WriteDr0, 7), 0x004, 23},
                     {exit_code(ExitCode::Exception0, 14), 0x008, 14},
                     {ExitCode::Intr, 0x00c, 0},
                     {ExitCode::Vintr, 0x00c, 4},
                     {ExitCode::Cr0SelWrite, 0x00c, 5},
                     {ExitCode::TrWrite, 0x00c, 13},
                     {ExitCode::Rdtsc, 0x00c, 14},
                     {ExitCode::Cpuid, 0x00c, 18},
                     {ExitCode::Pause, 0x00c, 23},
                     {ExitCode::Hlt, 0x00c, 24},
                     {ExitCode::Invlpg, 0x00c, 25},
                     {ExitCode::Ioio, 0x00c, 27},
                     {ExitCode::Msr, 0x00c, 28},
                     {ExitCode::TaskSwitch, 0x00c, 29},
                     {ExitCode::Shutdown, 0x00c, 31},
                     {ExitCode::Vmrun, 0x010, 0},
                     {ExitCode::Vmmcall, 0x010, 1},
                     {ExitCode::Skinit, 0x010, 6},
                     {ExitCode::Rdtscp, 0x010, 7},
                     {ExitCode::Wbinvd, 0x010, 9},
                     {ExitCode::Mwait, 0x010, 11},
                     {ExitCode::Xsetbv, 0x010, 13},
                     {ExitCode::EferWriteTrap, 0x010, 15},
                     {exit_code(ExitCode::Cr0WriteTrap, 4), 0x010, 20},
                     {ExitCode::Invlpgb, 0x014, 0},
                     {ExitCode::Invpcid, 0x014, 2},
                     {ExitCode::IdleHlt, 0x014, 6}};
  for (const auto& i : kIntercepts) {
    const auto vmcb = std::make_unique<Vmcb>();
    CAPTURE(to_string(i.code));
    CHECK_FALSE(vmcb->control.intercepts_exit(i.code));
    vmcb->control.intercept(i.code);
    CHECK(vmcb->control.intercepts_exit(i.code));
    for (std::size_t offset = 0; offset < 0x18; offset += 4) {
      CHECK(at<std::uint32_t>(*vmcb, offset) == (offset == i.offset ? 1U << i.bit : 0));
    }
    vmcb->control.intercept(i.code, false);
    CHECK_FALSE(vmcb->control.intercepts_exit(i.code));
  }
}

TEST_CASE("what is no intercept cannot be asked for") {
  const auto vmcb = std::make_unique<Vmcb>();
  for (const ExitCode code :
       {ExitCode::Npf, ExitCode::Invalid, ExitCode::Vmgexit, static_cast<ExitCode>(0xc0)}) {
    vmcb->control.intercept(code);
    CHECK_FALSE(vmcb->control.intercepts_exit(code));
  }
  CHECK(std::bit_cast<Page>(*vmcb) == Page{});
}

TEST_CASE("fields lie where hardware reads them") {
  const auto vmcb = std::make_unique<Vmcb>();
  vmcb->control.asid = 0x1234;
  vmcb->control.tlb_control = TlbControl::ThisAsid;
  vmcb->control.clean = clean_bits::kCr2;
  vmcb->state.cs = load_segment(0x08, 0x00af'9b00'0000'ffff);
  vmcb->state.cpl = 3;
  vmcb->state.rax = 0x1122'3344'5566'7788;
  CHECK(at<std::uint64_t>(*vmcb, 0x058) == 0x3'0000'1234);
  CHECK(at<std::uint32_t>(*vmcb, 0x0c0) == 0x200);
  CHECK(at<std::uint16_t>(*vmcb, 0x410) == 0x08);
  CHECK(at<std::uint16_t>(*vmcb, 0x412) == 0xa9b);
  CHECK(at<std::uint32_t>(*vmcb, 0x414) == 0xffff'ffff);
  CHECK(at<std::uint8_t>(*vmcb, 0x4cb) == 3);
  CHECK(at<std::uint64_t>(*vmcb, 0x5f8) == 0x1122'3344'5566'7788);
}

TEST_CASE("events have type, vector and error code, and are none without V") {
  using Type = GuestEvent::Type;
  CHECK(GuestEvent{Type::Interrupt, 0x31, {}}.encode() == 0x8000'0031);
  CHECK(GuestEvent{Type::Nmi, 2, {}}.encode() == 0x8000'0202);
  CHECK(GuestEvent{Type::Exception, 14, 6}.encode() == 0x6'8000'0b0e);
  CHECK(GuestEvent{Type::SoftwareInterrupt, 0x80, {}}.encode() == 0x8000'0480);
  CHECK(GuestEvent::decode(0x6'8000'0b0e) == GuestEvent{Type::Exception, 14, 6});
  CHECK_FALSE(GuestEvent::decode(0x6'0000'0b0e).has_value());
  CHECK(rc::check([](std::uint64_t field) {
    const auto event = GuestEvent::decode(field);
    RC_ASSERT(event.has_value() == ((field >> 31 & 1) != 0));
    if (!event) return;
    const std::uint64_t error = event->error_code ? ~std::uint64_t{0} << 32 : 0;
    RC_ASSERT(event->encode() == (field & (error | 0x8000'0fff)));
  }));
}

TEST_CASE("virtual interrupts: each field has its bits, and the others are reserved") {
  CHECK(VirtualInterruptControl{.tpr = 5, .masks_by_guest = true}.encode() == 0x0100'0005);
  CHECK(VirtualInterruptControl{.is_pending = true, .priority = 3, .vector = 0x31}.encode() ==
        0x31'0003'0100);
  CHECK(VirtualInterruptControl{.gif = true, .has_gif = true}.encode() == 0x0200'0200);
  CHECK(VirtualInterruptControl{.is_nmi_pending = true, .is_nmi_masked = true, .has_nmi = true}
            .encode() == 0x0400'1800);
  CHECK(
      VirtualInterruptControl{.ignores_tpr = true, .has_x2avic = true, .has_avic = true}.encode() ==
      0xc010'0000);
  CHECK(rc::check([](std::uint64_t field) {
    RC_ASSERT(VirtualInterruptControl::decode(field).encode() == (field & 0xff'c71f'1b0f));
  }));
}

TEST_CASE("segments: every descriptor becomes a register, and that the descriptor again") {
  CHECK(load_segment(0x2b, 0x00cf'f300'0000'ffff) == SegmentRegister{0x2b, 0xcf3, 0xffff'ffff, 0});
  // Real mode's: base 0xf0000, limit 0xffff.
  CHECK(load_segment(0xf000, 0x0000'9b0f'0000'ffff) ==
        SegmentRegister{0xf000, 0x9b, 0xffff, 0xf'0000});
  // A TSS of 64-bit mode.
  CHECK(load_segment(0x40, 0xfe00'8b00'1000'0067, 0xffff'ffff).base == 0xffff'ffff'fe00'1000);
  CHECK(rc::check([](std::uint64_t descriptor, std::uint32_t upper, std::uint16_t selector) {
    const SegmentRegister segment = load_segment(selector, descriptor, upper);
    RC_ASSERT(descriptor_of(segment) == descriptor);
    RC_ASSERT(segment.base >> 32 == upper);
    const auto attributes = SegmentAttributes::decode(segment.attributes);
    RC_ASSERT(attributes.encode() == segment.attributes);
    RC_ASSERT(attributes.dpl == (descriptor >> 45 & 3));
    RC_ASSERT(attributes.is_present == ((descriptor >> 47 & 1) != 0));
    RC_ASSERT(attributes.is_long == ((descriptor >> 53 & 1) != 0));
    RC_ASSERT(attributes.is_32bit == ((descriptor >> 54 & 1) != 0));
    RC_ASSERT(attributes.is_granular == ((descriptor >> 55 & 1) != 0));
  }));
}

}  // namespace axvm::x86_64::test
