// The ITS and the redistributors' tables: what becomes of commands, messages and bad tables.
#include <doctest/doctest.h>

#include <tests/core/arch/aarch64/its_fixture.hpp>

using namespace axvm;
using namespace axvm::aarch64;
using namespace axvm::test;

namespace {

/// Device 5 with 8 events, which are LPIs 8192 to 8199 of collection 0.
struct Mapped : ItsWorld {
  explicit Mapped(unsigned vcpus = 2) : ItsWorld(vcpus) {
    start();
    map_device(5, 3);
    for (std::uint32_t event = 0; event < 8; ++event) map_event(5, event, kFirstLpi + event, 0);
  }
  void happen(std::uint32_t event) { command(ItsOperation::Int, 5, event); }
};

}  // namespace

TEST_CASE("its: an event becomes the LPI that it is mapped to") {
  Mapped w;
  w.happen(3);
  CHECK(w.fill(0) == Intids{8195});
  const ListRegister& entry = w.held.entries[0];
  CHECK(entry.group1);
  CHECK(entry.priority == 0xa0);
  CHECK_FALSE(entry.reports_end);
  CHECK_FALSE(entry.hardware);
  CHECK(w.fill(1).empty());
}

TEST_CASE("its: an LPI is an edge: once acknowledged it is over") {
  Mapped w;
  w.happen(0);
  w.happen(0);
  CHECK(w.take(0) == Intids{8192});
  CHECK(w.take(0).empty());
  w.happen(0);
  CHECK(w.fill(0) == Intids{8192});
  w.happen(0);  // while it is in a list register
  w.held.entries[0].pending = false;
  w.fold(0);
  CHECK(w.take(0) == Intids{8192});
}

TEST_CASE("its: what the guest has not taken comes again") {
  Mapped w;
  w.happen(0);
  CHECK(w.fill(0) == Intids{8192});
  w.fold(0);
  CHECK(w.fill(0) == Intids{8192});
}

TEST_CASE("its: LPIs come by priority, and by number") {
  Mapped w;
  w.configure(8194, 0x20);
  w.configure(8195, 0x60);
  w.command(ItsOperation::Invall, 0, 0);
  for (std::uint32_t event = 0; event < 5; ++event) w.happen(event);
  CHECK(w.fill(0) == Intids{8194, 8195, 8192, 8193});
  CHECK(w.held.more);
  w.fold(0);
  CHECK(w.take(0) == Intids{8194, 8195, 8192, 8193, 8196});
}

TEST_CASE("its: LPIs are of group 1") {
  Mapped w;
  w.happen(0);
  CHECK(w.distributor->write(0, AccessWidth::Dword, 1).has_value());
  CHECK(w.fill(0).empty());
  CHECK(w.distributor->write(0, AccessWidth::Dword, 2).has_value());
  CHECK(w.fill(0) == Intids{8192});
}

TEST_CASE("its: a device's message is as good as INT, and wakes its vCPU") {
  Mapped w;
  w.command(ItsOperation::Movi, 5, 1, 1);
  static_cast<void>(w.gic->take_wakes());
  CHECK(w.gic->send_message(5, 1).has_value());
  CHECK(w.gic->take_wakes() == 2);
  CHECK(w.take(1) == Intids{8193});
  CHECK(w.gic->send_message(5, 8).error().kind == ErrorKind::OutOfRange);
  CHECK(w.gic->send_message(6, 0).error().kind == ErrorKind::NotFound);
  w.put(0, 0, AccessWidth::Dword);
  CHECK(w.gic->send_message(5, 1).error().kind == ErrorKind::BadState);
}

TEST_CASE("its: a CPU has no DeviceID, so what it writes to GITS_TRANSLATER is nothing") {
  Mapped w;
  w.map_device(0, 3);
  w.map_event(0, 0, 8200, 0);
  for (const AccessWidth width : {AccessWidth::Word, AccessWidth::Dword, AccessWidth::Qword}) {
    w.put(0x1'0040, 0, width);
  }
  CHECK(w.take(0).empty());
  CHECK(w.get(0x1'0040) == 0);
}

// --- commands ------------------------------------------------------------------------------------

TEST_CASE("its: MAPI maps an event to the LPI of its number") {
  ItsWorld w;
  w.start();
  w.map_device(5, 14, ItsWorld::kEvents);
  w.command(ItsOperation::Mapi, 5, 8200, 1);
  w.command(ItsOperation::Int, 5, 8200);
  CHECK(w.take(1) == Intids{8200});
}

TEST_CASE("its: MOVI takes what is pending along, also from a list register") {
  Mapped w;
  w.happen(0);
  w.command(ItsOperation::Movi, 5, 0, 1);
  CHECK(w.fill(0).empty());
  CHECK(w.take(1) == Intids{8192});

  w.command(ItsOperation::Movi, 5, 0, 0);
  w.happen(0);
  CHECK(w.fill(0) == Intids{8192});
  static_cast<void>(w.gic->take_wakes());
  w.command(ItsOperation::Movi, 5, 0, 1);
  CHECK((w.gic->take_wakes() & 1) != 0);  // it is asked back
  w.fold(0);
  CHECK(w.fill(0).empty());
  CHECK(w.take(1) == Intids{8192});
}

TEST_CASE("its: MOVALL takes all that is pending along") {
  Mapped w;
  for (std::uint32_t event = 0; event < 6; ++event) w.happen(event);
  CHECK(w.fill(0).size() == 4);
  w.move_all(0, 1);
  w.fold(0);
  CHECK(w.fill(0).empty());
  CHECK(w.take(1) == Intids{8192, 8193, 8194, 8195, 8196, 8197});
  w.happen(0);
  w.move_all(0, 0);
  CHECK(w.take(0) == Intids{8192});
}

TEST_CASE("its: CLEAR and DISCARD end what is pending, also in a list register") {
  for (const ItsOperation operation : {ItsOperation::Clear, ItsOperation::Discard}) {
    Mapped w;
    w.happen(0);
    w.happen(1);
    CHECK(w.fill(0, 1) == Intids{8192});
    w.command(operation, 5, 0);
    w.command(operation, 5, 1);
    w.fold(0);
    CHECK(w.take(0).empty());
    w.happen(0);
    CHECK(w.take(0) == (operation == ItsOperation::Clear ? Intids{8192} : Intids{}));
  }
}

TEST_CASE("its: DISCARD forgets an event whose collection is nobody's") {
  Mapped w;
  w.command(0x09, 0, 0);  // MAPC, V = 0
  w.command(ItsOperation::Discard, 5, 0);
  w.map_collection(0, 0);
  w.happen(0);
  w.happen(1);
  CHECK(w.take(0) == Intids{8193});
}

TEST_CASE("its: configuration is what it was at the last INV, INVALL or mapping") {
  Mapped w;
  w.configure(8192, 0xa0, false);
  w.configure(8193, 0xa0, false);
  w.happen(0);
  CHECK(w.fill(0) == Intids{8192});
  w.fold(0);
  w.command(ItsOperation::Inv, 5, 0);
  CHECK(w.fill(0).empty());
  w.happen(1);
  CHECK(w.fill(0) == Intids{8193});
  w.fold(0);
  w.command(ItsOperation::Invall, 0, 0, 0);
  CHECK(w.fill(0).empty());
  w.configure(8193, 0xa0);
  w.map_event(5, 1, 8193, 0);
  CHECK(w.take(0) == Intids{8193});
}

TEST_CASE("its: a device and a collection can be unmapped") {
  Mapped w;
  w.command(0x08 | 5ULL << 32, 0, 0);
  w.happen(0);
  CHECK(w.take(0).empty());
  w.map_device(5, 3);
  w.happen(0);
  CHECK(w.take(0) == Intids{8192});
  w.command(0x09, 0, 0);
  w.happen(0);
  CHECK(w.take(0).empty());
}

TEST_CASE("its: commands that make no sense are ignored, and the next one is carried out") {
  Mapped w;
  w.command(ItsOperation::Int, 6, 0);                // no such device
  w.command(ItsOperation::Int, 0x1'0005, 0);         // beyond the bits of a DeviceID
  w.command(ItsOperation::Int, 5, 8);                // no such event
  w.command(ItsOperation::Movi, 5, 0, 7);            // a collection that is nobody's
  w.command(ItsOperation::Movi, 5, 0, 0xffff);       // one beyond the table
  w.map_collection(1, 2);                            // no such redistributor
  w.map_event(5, 0, 8191, 0);                        // no LPI
  w.map_event(5, 0, kEndOfLpis, 0);                  // no LPI
  w.map_event(5, 0, 8200, 0xffff);                   // beyond the table
  w.map_device(6, 17);                               // too many events
  w.move_all(0, 2);                                  // no such redistributor
  w.command(static_cast<ItsOperation>(0x7f), 5, 0);  // no such command
  CHECK(w.get(ItsWorld::kCreader) == w.writer);
  w.happen(0);
  CHECK(w.take(0) == Intids{8192});
}

// --- the queue -----------------------------------------------------------------------------------

TEST_CASE("its: the queue wraps") {
  Mapped w;
  for (int i = 0; i < 300; ++i) {
    w.happen(0);
    CHECK(w.take(0) == Intids{8192});
  }
  CHECK(w.get(ItsWorld::kCreader) == w.writer);
}

TEST_CASE("its: an access carries out so many commands, polls do the rest") {
  ItsWorld w;
  w.start();
  w.put(ItsWorld::kCtlr, 0, AccessWidth::Dword);
  w.put(ItsWorld::kCbaser, 0x4008'0000 | ItsWorld::kValid | 15);  // 64 KiB: 2048 commands
  w.put(ItsWorld::kCtlr, 1, AccessWidth::Dword);
  for (std::uint64_t at = 0; at < 0x1'0000; at += 32) w.memory.store(0x4008'0000 + at, 0x05);
  w.memory.now = 7'000;
  w.put(ItsWorld::kCwriter, 0xffe0);
  CHECK(w.get(ItsWorld::kCreader) == 256 * 32);
  REQUIRE(w.its->deadline().has_value());
  CHECK(*w.its->deadline() > 7'000);
  for (int i = 0; i < 6; ++i) w.its->poll();
  CHECK(w.its->deadline().has_value());
  w.its->poll();
  CHECK(w.get(ItsWorld::kCreader) == 0xffe0);
  CHECK_FALSE(w.its->deadline().has_value());
}

TEST_CASE("its: commands that are about all LPIs are fewer per access") {
  Mapped w;
  const std::uint64_t before = w.writer;
  for (int i = 0; i < 100; ++i) w.queue(0x0d, 0, 0, 0);
  w.memory.accesses = 0;
  w.tell();
  CHECK(w.get(ItsWorld::kCreader) == (before + 8 * 32) % 4096);
  CHECK(w.memory.accesses < 200);
}

TEST_CASE("its: a queue that is not memory stalls, until it is told to go on") {
  ItsWorld w;
  w.start();
  w.put(ItsWorld::kCtlr, 0, AccessWidth::Dword);
  w.put(ItsWorld::kCbaser, 0x1000 | ItsWorld::kValid);
  w.put(ItsWorld::kCtlr, 1, AccessWidth::Dword);
  w.put(ItsWorld::kCwriter, 64);
  CHECK(w.get(ItsWorld::kCreader) == 1);
  CHECK_FALSE(w.its->deadline().has_value());
  w.put(ItsWorld::kCwriter, 96);
  CHECK(w.get(ItsWorld::kCreader) == 1);
  w.put(ItsWorld::kCwriter, 96 | 1);  // Retry
  CHECK(w.get(ItsWorld::kCreader) == 1);
  CHECK(w.get(ItsWorld::kCwriter) == 96);
}

TEST_CASE("its: a table that is not memory stalls the queue at the command that needs it") {
  Mapped w;
  const std::uint64_t before = w.writer;
  w.map_device(6, 3, 0x1000);
  w.map_event(6, 0, 8200, 0);
  w.queue(0x03 | 5ULL << 32, 0, 0, 0);
  w.tell();
  CHECK(w.get(ItsWorld::kCreader) == (before + 32) + 1);
  CHECK(w.take(0).empty());
  w.memory.store(ItsWorld::kQueue + before + 32, 0x05);  // SYNC in its place
  w.put(ItsWorld::kCwriter, w.writer | 1);
  CHECK(w.get(ItsWorld::kCreader) == w.writer);
  CHECK(w.take(0) == Intids{8192});
}

TEST_CASE("its: a new queue begins at its beginning") {
  Mapped w;
  CHECK(w.get(ItsWorld::kCreader) != 0);
  w.put(ItsWorld::kCbaser, 0);  // ignored while the ITS is on
  CHECK(w.get(ItsWorld::kCreader) != 0);
  w.put(ItsWorld::kCtlr, 0, AccessWidth::Dword);
  w.put(ItsWorld::kCbaser, ItsWorld::kQueue | ItsWorld::kValid);
  CHECK(w.get(ItsWorld::kCreader) == 0);
  CHECK(w.get(ItsWorld::kCwriter) == 0);
  w.put(ItsWorld::kCwriter, 4096);  // beyond the ring
  CHECK(w.get(ItsWorld::kCwriter) == 0);
}

// --- tables --------------------------------------------------------------------------------------

TEST_CASE("its: tables of two levels") {
  ItsWorld w;
  w.start();
  w.put(ItsWorld::kCtlr, 0, AccessWidth::Dword);
  w.put(ItsWorld::kBaser0, 0x4008'0000 | ItsWorld::kValid | 1ULL << 62);
  w.put(ItsWorld::kCtlr, 1, AccessWidth::Dword);
  w.memory.store(0x4008'0008, 0x4009'0000 | ItsWorld::kValid);
  w.map_device(512 + 7, 3);
  CHECK(w.memory.load(0x4009'0000 + 8 * 7) != 0);
  w.map_event(512 + 7, 1, 8193, 0);
  w.command(ItsOperation::Int, 512 + 7, 1);
  CHECK(w.take(0) == Intids{8193});
  w.map_device(7, 3);  // its page is not there
  w.command(ItsOperation::Int, 7, 1);
  CHECK(w.take(0).empty());
  CHECK(w.get(ItsWorld::kCreader) == w.writer);
}

TEST_CASE("its: pages of tables have 4, 16 or 64 KiB") {
  ItsTable table(ItsTable::Type::Devices, 16);
  ItsMemory memory;
  const auto last = [&](std::uint64_t page_size) {
    table.set_base(ItsWorld::kValid | 0x4000'0000 | page_size << 8);
    std::uint32_t id = 0;
    while (table.locate(memory, id)) ++id;
    return id - 1;
  };
  CHECK(last(0) == 511);
  CHECK(last(1) == 2047);
  CHECK(last(2) == 8191);
  CHECK(last(3) == 8191);
  table.set_base(ItsWorld::kValid | 2ULL << 8 | 0x4001'3000);  // bits [51:48] are in [15:12]
  CHECK(table.locate(memory, 1)->value == 0x3'0000'4001'0008);
  table.set_base(ItsWorld::kValid | 2ULL << 8 | 0x4001'3000 | 255);
  CHECK(table.locate(memory, 0xffff).has_value());
  CHECK(table.locate(memory, 0x1'0000).error().kind == ErrorKind::OutOfRange);
}

TEST_CASE("its: what a guest writes into its tables is believed as far as it does no harm") {
  Mapped w;
  const auto event_is = [&](std::uint64_t entry) {
    w.memory.store(ItsWorld::kEvents, entry);
    w.happen(0);
    return w.take(0);
  };
  CHECK(event_is(8199ULL << 16) == Intids{8199});
  CHECK(event_is(40ULL << 16).empty());
  CHECK(event_is(0xffff'ffffULL << 16).empty());
  CHECK(event_is(8192ULL << 16 | 0xffff).empty());
  CHECK(event_is(8192ULL << 16) == Intids{8192});
  w.memory.store(ItsWorld::kCollections, ItsWorld::kValid | 2ULL << 16);  // vCPU 2
  w.happen(0);
  w.memory.store(ItsWorld::kCollections, ItsWorld::kValid);
  CHECK(w.take(0).empty());
  w.memory.store(ItsWorld::kDevices + 8 * 5, ItsWorld::kValid | 0x1f);  // 32 bits of events
  w.happen(0);
  CHECK(w.take(0).empty());
}

// --- the redistributors --------------------------------------------------------------------------

TEST_CASE("lpis: a pending table is read when LPIs are enabled, and written when they are not") {
  ItsWorld w;
  w.configure(8192, 0xa0);
  w.configure(8205, 0xa0);
  CHECK(w.distributor->write(0, AccessWidth::Dword, 2).has_value());
  w.memory.store(ItsWorld::pending_table(0) + 1024, 1U | 1U << 13);
  w.enable_lpis(0);
  CHECK(w.take(0) == Intids{8192, 8205});
  w.gic->make_lpi_pending(0, 8205);
  w.put_private(0, 0, 0, AccessWidth::Dword);
  CHECK(w.memory.load(ItsWorld::pending_table(0) + 1024) == 1U << 13);
  CHECK(w.take(0).empty());
  w.gic->make_lpi_pending(0, 8205);  // not while they are disabled
  CHECK(w.take(0).empty());
  // PTZ: the table is not looked at.
  w.put_private(0, ItsWorld::kPendbaser, ItsWorld::pending_table(0) | 1ULL << 62);
  CHECK(w.get_private(0, ItsWorld::kPendbaser) == ItsWorld::pending_table(0));
  w.put_private(0, 0, 1, AccessWidth::Dword);
  CHECK(w.take(0).empty());
}

TEST_CASE("lpis: tables that are not memory, or too small, give no LPIs") {
  for (const std::uint64_t base : {std::uint64_t{0x1000 | 13}, ItsWorld::kConfiguration | 12}) {
    ItsWorld w;
    w.start();
    w.put_private(0, 0, 0, AccessWidth::Dword);
    w.put_private(1, 0, 0, AccessWidth::Dword);
    w.put_private(0, ItsWorld::kPropbaser, base);
    w.memory.store(ItsWorld::pending_table(0) + 1024, ~0ULL);
    w.put_private(0, 0, 1, AccessWidth::Dword);
    w.gic->make_lpi_pending(0, 8192);
    CHECK(w.take(0).empty());
  }
  ItsWorld w;
  w.start();
  w.put_private(0, 0, 0, AccessWidth::Dword);
  w.put_private(0, ItsWorld::kPendbaser, 0x1'0000);
  w.put_private(0, 0, 1, AccessWidth::Dword);
  CHECK(w.take(0).empty());
  w.put_private(0, 0, 0, AccessWidth::Dword);
}

TEST_CASE("lpis: where tables are is fixed while they are in use") {
  ItsWorld w;
  w.put_private(0, ItsWorld::kPropbaser, 0x4000'100d);
  CHECK(w.get_private(1, ItsWorld::kPropbaser) == 0x4000'100d);  // there is one
  w.put_private(0, ItsWorld::kPropbaser + 4, 1, AccessWidth::Dword);
  CHECK(w.get_private(0, ItsWorld::kPropbaser) == 0x1'4000'100d);
  w.enable_lpis(0);
  w.put_private(1, ItsWorld::kPropbaser, 0);
  w.put_private(0, ItsWorld::kPendbaser, 0);
  w.put_private(1, ItsWorld::kPendbaser, 0x4001'0000);
  CHECK(w.get_private(0, ItsWorld::kPropbaser) == (ItsWorld::kConfiguration | 13));
  CHECK(w.get_private(0, ItsWorld::kPendbaser) == ItsWorld::pending_table(0));
  CHECK(w.get_private(1, ItsWorld::kPendbaser) == 0x4001'0000);
  CHECK(w.get_private(0, 0, AccessWidth::Dword) == 3);
  CHECK(w.get_private(1, 0, AccessWidth::Dword) == 2);
}

TEST_CASE("its: the registers") {
  ItsWorld w;
  CHECK((w.get_private(1, 0x8) & 1) != 0);  // GICR_TYPER.PLPIS
  const std::uint64_t type = *w.distributor->read(4, AccessWidth::Dword);
  CHECK((type & 1U << 17) != 0);                    // LPIS
  CHECK(((type >> 19) & 0x1f) == 13);               // IDbits
  CHECK(w.get(0, AccessWidth::Dword) == 1U << 31);  // Quiescent
  w.put(0, 1, AccessWidth::Dword);
  CHECK(w.get(0, AccessWidth::Dword) == 1);
  w.put(0, 0, AccessWidth::Dword);
  CHECK(w.get(ItsWorld::kTyper) == 0x1'ef71);
  CHECK((w.get(0xffe8, AccessWidth::Dword) >> 4) == 3);
  w.put(ItsWorld::kBaser0, ~0ULL);
  CHECK(w.get(ItsWorld::kBaser0) == 0xf9e7'ffff'ffff'feff);  // Type 1, 8 bytes, 64 KiB
  w.put(ItsWorld::kBaser1, 0);
  CHECK(w.get(ItsWorld::kBaser1) == 0x0407'0000'0000'0000);
  CHECK(w.get(0x110) == 0);
  w.put(ItsWorld::kCbaser + 4, ~0U, AccessWidth::Dword);
  CHECK(w.get(ItsWorld::kCbaser) == 0xb8ef'ffff'0000'0000);
}
