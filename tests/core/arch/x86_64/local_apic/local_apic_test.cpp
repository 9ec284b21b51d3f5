// One local APIC by its registers: APM Vol. 2, chapter 16.

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <core/arch/x86_64/local_apic/local_apic.hpp>
#include <set>
#include <vector>

namespace axvm::x86_64::test {
namespace {

using namespace apic_register;
constexpr std::uint32_t kEnable = 0x1ff;
constexpr std::uint64_t kEnabledBase = 0xfee0'0800;
constexpr std::uint64_t kX2ApicBase = 0xfee0'0c00;

struct Apic : LocalApic {
  explicit Apic(std::uint32_t number = 1) : LocalApic(number, number == 0, 1'000'000'000) {
    write(kSpuriousVector, kEnable, 0);
  }
  void request(std::uint8_t vector, bool is_level = false) {
    accept({.vector = vector, .is_level = is_level});
  }
  std::optional<std::uint8_t> end() { return write(kEndOfInterrupt, 0, 0).ended; }
  std::uint32_t get(unsigned number) { return read(number, 0); }
};

Apic x2apic(std::uint32_t number = 1) {
  Apic apic(number);
  REQUIRE(apic.write_base(kX2ApicBase));
  return apic;
}

}  // namespace

TEST_CASE("after a reset the APIC is an xAPIC that software has not enabled") {
  LocalApic apic(3, false, 1);
  CHECK(apic.read(kId, 0) == 0x0300'0000);
  CHECK(apic.read(kVersion, 0) == 0x0005'0014);
  CHECK(apic.read(kDestinationFormat, 0) == 0xffff'ffff);
  CHECK(apic.read(kSpuriousVector, 0) == 0xff);
  for (unsigned n = 0; n < 6; ++n) CHECK(apic.read(kLocalVectors + n, 0) == 0x1'0000);
  CHECK(apic.read_base() == kEnabledBase);
  CHECK(LocalApic(0, true, 1).read_base() == (kEnabledBase | 0x100));
  apic.accept({.vector = 0x40});
  CHECK_FALSE(apic.deliverable().has_value());
}

TEST_CASE("an interrupt is requested, taken, and in service until its end") {
  Apic apic;
  apic.request(0x41);
  CHECK(apic.get(kRequest + 2) == 2);
  CHECK(apic.deliverable() == 0x41);
  CHECK(apic.acknowledge() == 0x41);
  CHECK(apic.get(kRequest + 2) == 0);
  CHECK(apic.get(kInService + 2) == 2);
  CHECK(apic.get(kProcessorPriority) == 0x40);
  CHECK_FALSE(apic.acknowledge().has_value());
  // Of the same class: waits.
  apic.request(0x4f);
  CHECK_FALSE(apic.deliverable().has_value());
  // Of a higher one: does not.
  apic.request(0x50);
  CHECK(apic.acknowledge() == 0x50);
  CHECK_FALSE(apic.end().has_value());
  CHECK(apic.get(kInService + 2) == 2);
  CHECK_FALSE(apic.end().has_value());
  CHECK(apic.acknowledge() == 0x4f);
}

TEST_CASE("the task's priority holds back its class and those below") {
  Apic apic;
  apic.write(kTaskPriority, 0x4f, 0);
  CHECK(apic.get(kProcessorPriority) == 0x4f);
  apic.request(0x4f);
  CHECK_FALSE(apic.deliverable().has_value());
  apic.request(0x50);
  CHECK(apic.deliverable() == 0x50);
  apic.write(kTaskPriority, 0x30, 0);
  CHECK(apic.acknowledge() == 0x50);
  CHECK(apic.get(kProcessorPriority) == 0x50);
  CHECK_FALSE(apic.deliverable().has_value());
}

TEST_CASE("the end of a level-triggered interrupt is told") {
  Apic apic;
  apic.request(0x60, true);
  CHECK(apic.get(kTriggerMode + 3) == 1);
  apic.acknowledge();
  CHECK(apic.end() == 0x60);
  apic.request(0x60, false);
  CHECK(apic.get(kTriggerMode + 3) == 0);
  apic.acknowledge();
  CHECK_FALSE(apic.end().has_value());
  CHECK_FALSE(apic.end().has_value());  // nothing is in service
}

TEST_CASE("vectors below 16 are errors, which the error's vector tells") {
  Apic apic;
  apic.write(kLocalVectors + 5, 0xfe, 0);
  apic.request(15);
  CHECK(apic.deliverable() == 0xfe);
  CHECK(apic.get(kErrorStatus) == 0);
  apic.write(kErrorStatus, 0, 0);
  CHECK(apic.get(kErrorStatus) == 0x40);
  apic.write(kErrorStatus, 0, 0);
  CHECK(apic.get(kErrorStatus) == 0);
  CHECK_FALSE(apic.write(kCommand, 0x4'000f, 0).message.has_value());
  CHECK(apic.read(0x70, 0) == 0);
  apic.write(kErrorStatus, 0, 0);
  CHECK(apic.get(kErrorStatus) == 0xa0);
  // An illegal vector for errors ends.
  apic.write(kLocalVectors + 5, 0x01, 0);
  apic.request(15);
  apic.write(kErrorStatus, 0, 0);
  CHECK(apic.get(kErrorStatus) == 0x40);
}

TEST_CASE("disabled by software, it masks its vectors and takes no more interrupts but NMIs") {
  Apic apic;
  apic.write(kLocalVectors, 0x30, 0);
  apic.request(0x40);
  apic.write(kSpuriousVector, 0xff, 0);
  CHECK(apic.get(kLocalVectors) == 0x1'0030);
  apic.write(kLocalVectors, 0x31, 0);
  CHECK(apic.get(kLocalVectors) == 0x1'0031);
  apic.request(0x50);
  CHECK(apic.deliverable() == 0x40);
  apic.accept({.mode = DeliveryMode::Nmi});
  CHECK(apic.take_nmi());
  CHECK_FALSE(apic.take_nmi());
}

TEST_CASE("pins and the timer deliver what their local vectors say") {
  Apic apic;
  apic.trigger(LocalVector::Lint1);
  CHECK_FALSE(apic.has_news());
  apic.write(kLocalVectors + 4, 0x400, 0);  // NMI
  apic.trigger(LocalVector::Lint1);
  CHECK(apic.take_nmi());
  apic.write(kLocalVectors + 3, 0x8035, 0);  // fixed, level
  apic.trigger(LocalVector::Lint0);
  CHECK(apic.acknowledge() == 0x35);
  CHECK(apic.end() == 0x35);
  CHECK_FALSE(apic.passes_external());
  apic.write(kLocalVectors + 3, 0x700, 0);
  CHECK(apic.passes_external());
  apic.write(kLocalVectors + 3, 0x1'0700, 0);
  CHECK_FALSE(apic.passes_external());
  CHECK(apic.write_base(0xfee0'0000));
  CHECK(apic.passes_external());
}

TEST_CASE("the timer interrupts at its deadline, by its vector, unless that is masked") {
  Apic apic;
  apic.write(kDivideConfiguration, 0xb, 0);
  apic.write(kLocalVectors, 0x2'0040, 0);  // periodic
  apic.write(kInitialCount, 100, 10);
  CHECK(apic.timer_deadline() == 110U);
  CHECK(apic.read(kCurrentCount, 60) == 50);
  apic.poll(109);
  CHECK_FALSE(apic.has_news());
  apic.poll(110);
  CHECK(apic.acknowledge() == 0x40);
  apic.end();
  apic.write(kLocalVectors, 0x3'0040, 200);
  apic.poll(310);
  CHECK_FALSE(apic.has_news());
  // What was due before its mask was set is not lost.
  apic.write(kLocalVectors, 0x2'0040, 320);
  apic.write(kLocalVectors, 0x3'0040, 420);
  CHECK(apic.acknowledge() == 0x40);
}

TEST_CASE("INIT clears all but the ID, the mode, and a start-up that follows") {
  Apic apic = x2apic(5);
  apic.request(0x40);
  apic.accept({.vector = 0x9a, .mode = DeliveryMode::Startup});
  apic.accept({.mode = DeliveryMode::Init});
  CHECK_FALSE(apic.take_startup().has_value());
  apic.accept({.vector = 0x9b, .mode = DeliveryMode::Startup});
  CHECK(apic.take_init());
  apic.init();
  CHECK(apic.mode() == LocalApic::Mode::X2Apic);
  CHECK(apic.read_msr(0x802, 0) == 5U);
  CHECK_FALSE(apic.deliverable().has_value());
  CHECK(apic.take_startup() == 0x9b);
  CHECK_FALSE(apic.take_startup().has_value());
  apic.accept({.mode = DeliveryMode::Init, .is_level = true, .is_asserted = false});
  CHECK_FALSE(apic.has_news());
}

TEST_CASE("ICR is a message: with vector, mode, trigger and destination") {
  using Shorthand = MessageDestination::Shorthand;
  Apic apic;
  apic.write(kCommandHigh, 0x0300'0000, 0);
  const auto startup = apic.write(kCommand, 0x0000'0612, 0).message;
  REQUIRE(startup.has_value());
  CHECK(*startup ==
        InterruptMessage{.vector = 0x12, .mode = DeliveryMode::Startup, .destination = {.id = 3}});
  CHECK(apic.get(kCommand) == 0x612);
  const auto init = apic.write(kCommand, 0x0000'c500, 0).message;
  CHECK(init->mode == DeliveryMode::Init);
  CHECK(init->is_asserted);
  CHECK_FALSE(apic.write(kCommand, 0x0000'8500, 0).message->is_asserted);
  CHECK(apic.write(kCommand, 0x000c'0440, 0).message->destination.shorthand ==
        Shorthand::AllExcludingSelf);
  apic.write(kCommandHigh, 0xff00'0000, 0);
  const auto logical = apic.write(kCommand, 0x0000'0840, 0).message;
  CHECK(logical->destination.is_logical);
  CHECK(logical->destination.is_broadcast);
  Apic wide = x2apic();
  const auto far = wide.write_msr(0x830, 0x0000'00ff'0000'0040, 0);
  REQUIRE(far.has_value());
  CHECK(far->message->destination.id == 0xff);
  CHECK_FALSE(far->message->destination.is_broadcast);
  CHECK(wide.write_msr(0x830, 0xffff'ffff'0000'0040, 0)->message->destination.is_broadcast);
  CHECK(wide.read_msr(0x830, 0) == 0xffff'ffff'0000'0040);
}

TEST_CASE("a device's write is a message, too") {
  CHECK(InterruptMessage::of_write(0xfee0'2000, 0x4041) ==
        InterruptMessage{.vector = 0x41, .destination = {.id = 2}});
  const auto logical = InterruptMessage::of_write(0xfeef'f00c, 0xc141);
  CHECK(logical.mode == DeliveryMode::LowestPriority);
  CHECK(logical.is_level);
  CHECK(logical.destination ==
        MessageDestination{.is_logical = true, .is_broadcast = true, .id = 0xff});
}

TEST_CASE("destinations: by ID, flat, in clusters, and as an x2APIC has them") {
  const auto physical = [](std::uint32_t id) { return MessageDestination{.id = id}; };
  const auto logical = [](std::uint32_t id) {
    return MessageDestination{.is_logical = true, .id = id};
  };
  Apic apic(2);
  CHECK(apic.is_named_by(physical(2)));
  CHECK_FALSE(apic.is_named_by(physical(3)));
  CHECK(apic.is_named_by({.is_broadcast = true, .id = 0xff}));
  CHECK_FALSE(apic.is_named_by(logical(0xff)));
  apic.write(kLogicalDestination, 0x2400'0000, 0);
  CHECK(apic.is_named_by(logical(0x04)));
  CHECK(apic.is_named_by(logical(0xe0)));
  CHECK_FALSE(apic.is_named_by(logical(0x1b)));
  CHECK_FALSE(apic.is_named_by(logical(0x124)));
  apic.write(kDestinationFormat, 0, 0);
  CHECK(apic.get(kDestinationFormat) == 0x0fff'ffff);
  CHECK(apic.is_named_by(logical(0x26)));
  CHECK_FALSE(apic.is_named_by(logical(0x2b)));
  CHECK_FALSE(apic.is_named_by(logical(0x34)));
  CHECK(apic.is_named_by(logical(0xf4)));

  Apic wide = x2apic(0x35);
  CHECK(wide.read_msr(0x80d, 0) == 0x0003'0020U);
  CHECK(wide.is_named_by(logical(0x0003'0020)));
  CHECK(wide.is_named_by(logical(0x0003'ffff)));
  CHECK_FALSE(wide.is_named_by(logical(0x0003'0010)));
  CHECK_FALSE(wide.is_named_by(logical(0x0002'0020)));
  CHECK(wide.is_named_by(physical(0x35)));
  CHECK(apic.write_base(0xfee0'0000));
  CHECK_FALSE(apic.is_named_by({.is_broadcast = true, .id = 0xff}));
}

TEST_CASE("x2APIC: begins from an xAPIC, ends in a disabled one, and nothing else") {
  Apic apic;
  CHECK_FALSE(apic.write_base(0xfee0'0400));
  CHECK_FALSE(apic.write_base(0xfed0'0800));
  CHECK_FALSE(apic.write_base(kEnabledBase | 1));
  CHECK_FALSE(apic.read_msr(0x802, 0).has_value());
  CHECK_FALSE(apic.write_msr(0x808, 0, 0).has_value());
  CHECK(apic.write_base(kX2ApicBase));
  CHECK(apic.read_base() == kX2ApicBase);
  CHECK_FALSE(apic.write_base(kEnabledBase));
  CHECK(apic.write_base(0xfee0'0000));
  CHECK_FALSE(apic.write_base(kX2ApicBase));
  CHECK(apic.write_base(kEnabledBase));
  CHECK(apic.get(kSpuriousVector) == 0xff);
}

TEST_CASE("x2APIC: reserved registers and bits are refused") {
  std::set<std::uint32_t> readable;
  std::set<std::uint32_t> writable;
  for (std::uint32_t msr = 0x7f0; msr < 0x910; ++msr) {
    Apic apic = x2apic();
    if (apic.read_msr(msr, 0)) readable.insert(msr);
    if (apic.write_msr(msr, 0, 0)) writable.insert(msr);
    if (msr != 0x830) CHECK_FALSE(apic.write_msr(msr, 1ULL << 32, 0).has_value());
  }
  std::set<std::uint32_t> expected{0x802, 0x803, 0x808, 0x80a, 0x80d, 0x80f,
                                   0x828, 0x830, 0x838, 0x839, 0x83e};
  for (std::uint32_t n = 0; n < 0x18; ++n) expected.insert(0x810 + n);
  for (std::uint32_t n = 0; n < 6; ++n) expected.insert(0x832 + n);
  CHECK(readable == expected);
  CHECK(writable == std::set<std::uint32_t>{0x808, 0x80b, 0x80f, 0x828, 0x830, 0x832, 0x833, 0x834,
                                            0x835, 0x836, 0x837, 0x838, 0x83e, 0x83f});
  Apic apic = x2apic();
  CHECK_FALSE(apic.write_msr(0x808, 0x100, 0).has_value());
  CHECK_FALSE(apic.write_msr(0x80b, 1, 0).has_value());
  CHECK_FALSE(apic.write_msr(0x828, 1, 0).has_value());
  CHECK_FALSE(apic.write_msr(0x830, 0x1040, 0).has_value());
  CHECK_FALSE(apic.write_msr(0x83f, 0x140, 0).has_value());
  CHECK(apic.write_msr(0x83f, 0x41, 0).has_value());
  CHECK(apic.deliverable() == 0x41);
}

TEST_CASE("a processor takes interrupts in the order of a model that knows priorities only") {
  CHECK(rc::check([] {
    Apic apic;
    std::set<unsigned> requested;
    std::vector<unsigned> in_service;  // the last one is the highest
    unsigned task = 0;
    const unsigned steps = *rc::gen::inRange(0U, 200U);
    for (unsigned n = 0; n < steps; ++n) {
      const auto value = *rc::gen::inRange<unsigned>(16, 256);
      switch (*rc::gen::inRange(0, 4)) {
        case 0:
          apic.request(static_cast<std::uint8_t>(value));
          requested.insert(value);
          break;
        case 1: {
          const unsigned serviced = in_service.empty() ? 0 : in_service.back() >> 4;
          const unsigned barrier = std::max(task >> 4, serviced);
          std::optional<std::uint8_t> expected;
          if (!requested.empty() && *requested.rbegin() >> 4 > barrier) {
            expected = static_cast<std::uint8_t>(*requested.rbegin());
            in_service.push_back(*expected);
            requested.erase(*expected);
          }
          const bool same = apic.acknowledge() == expected;
          RC_ASSERT(same);
          break;
        }
        case 2:
          apic.end();
          if (!in_service.empty()) in_service.pop_back();
          break;
        default: task = value - 16; apic.write(kTaskPriority, task, 0);
      }
      for (unsigned vector = 0; vector < 256; ++vector) {
        const bool is_requested = (apic.get(kRequest + vector / 32) >> vector % 32 & 1) != 0;
        RC_ASSERT(is_requested == requested.contains(vector));
      }
    }
  }));
}

}  // namespace axvm::x86_64::test
