// Drivers that break the rules: the device asks for a reset, tells so, and does nothing more.
#include <doctest/doctest.h>
#include <functional>
#include <tests/core/devices/virtio/echo_device.hpp>

using namespace axvm;
using namespace axvm::test::virtio;

namespace {

struct Raw {
  std::uint64_t address;
  std::uint32_t length;
  std::uint16_t low;   // flags (split), id (packed)
  std::uint16_t high;  // next (split), flags (packed)
};

/// A queue of 4 places, written word by word.
struct Bench {
  explicit Bench(std::uint64_t features) {
    echo.driver.start(features, 1, 4);
    at = &echo.driver.queue(0);
    buffer = echo.driver.ram.take(64);
  }
  void put(std::uint64_t table, std::size_t index, Raw raw) {
    Ram& ram = echo.driver.ram;
    ram.store(table + 16 * index, raw.address);
    ram.store(table + 16 * index + 8, raw.length);
    ram.store(table + 16 * index + 12, raw.low);
    ram.store(table + 16 * index + 14, raw.high);
  }
  void descriptor(std::size_t index, Raw raw) { put(at->descriptors, index, raw); }
  // Split: makes the chain at `head` available.
  void offer(std::uint16_t head, std::uint16_t index = 1) {
    echo.driver.ram.store(at->driver + 4, head);
    echo.driver.ram.store(at->driver + 2, index);
  }
  void check_refused() {
    echo.driver.notify(0);
    CHECK(echo.device.seen.empty());
    CHECK(echo.driver.needs_reset());
    CHECK(echo.driver.get(Reg::InterruptStatus) == 2);  // the configuration has changed
    CHECK(echo.host.lines[EchoDevice::kInterrupt]);
    CHECK_FALSE(at->take_used().has_value());
    // It is of no use any more, until it is reset.
    echo.driver.notify(0);
    CHECK(echo.device.seen.empty());
    REQUIRE(echo.driver.negotiate(kF_Version1));
    echo.driver.make_queue(0, 4);
    echo.driver.set(Reg::Status, 15);
    echo.driver.queue(0).add({echo.driver.lend({1})});
    echo.driver.notify(0);
    CHECK(echo.device.seen == std::vector<Bytes>{{1}});
    CHECK_FALSE(echo.driver.needs_reset());
  }

  Echo echo;
  DriverQueue* at = nullptr;
  std::uint64_t buffer = 0;
};

constexpr std::uint16_t kBeyond = 4;  // of a queue of 4 places

void refuse_split(std::uint64_t features, const std::function<void(Bench&)>& mistake) {
  Bench bench(features);
  bench.offer(0);
  mistake(bench);
  bench.check_refused();
}

void refuse_packed(std::uint64_t features, const std::function<void(Bench&)>& mistake) {
  Bench bench(features | kF_Packed);
  mistake(bench);
  bench.check_refused();
}

}  // namespace

TEST_CASE("split: indices lead somewhere") {
  refuse_split(0, [](Bench& b) { b.offer(kBeyond); });
  refuse_split(0, [](Bench& b) { b.offer(0xffff); });
  refuse_split(0, [](Bench& b) { b.descriptor(0, {b.buffer, 4, kNext, kBeyond}); });
}

TEST_CASE("split: the available index moves by no more than the ring has places") {
  refuse_split(0, [](Bench& b) { b.offer(0, 5); });
  refuse_split(0, [](Bench& b) { b.offer(0, 0xffff); });
}

TEST_CASE("split: chains end") {
  refuse_split(0, [](Bench& b) { b.descriptor(0, {b.buffer, 4, kNext, 0}); });
  refuse_split(0, [](Bench& b) {
    for (std::uint16_t i = 0; i < 4; ++i) {
      b.descriptor(i, {b.buffer, 4, kNext, static_cast<std::uint16_t>((i + 1) % 4)});
    }
  });
}

TEST_CASE("split: writable buffers come last") {
  refuse_split(0, [](Bench& b) {
    b.descriptor(0, {b.buffer, 4, kNext | kWrite, 1});
    b.descriptor(1, {b.buffer, 4, 0, 0});
  });
}

TEST_CASE("split: buffers are memory, do not wrap and have less than 2^32 bytes in all") {
  refuse_split(0, [](Bench& b) { b.descriptor(0, {0x1000, 4, 0, 0}); });
  refuse_split(0, [](Bench& b) { b.descriptor(0, {~0ULL, 2, 0, 0}); });
  refuse_split(0, [](Bench& b) {
    b.descriptor(0, {b.buffer, 4, kNext, 1});
    b.descriptor(1, {b.buffer, 0xffff'ffff - 3, kWrite, 0});  // of which 4 would be written
  });
}

TEST_CASE("split: each area of a queue is memory, and buffers that are written, too") {
  constexpr std::uint64_t kNowhere = 0x1000;
  for (int missing = 0; missing < 4; ++missing) {
    CAPTURE(missing);
    Echo echo;
    const std::uint64_t at = echo.driver.ram.take(0x1000);
    REQUIRE(echo.driver.negotiate(kF_Version1));
    REQUIRE(echo.driver.place_queue(0, 4, missing == 0 ? kNowhere : at,
                                    missing == 1 ? kNowhere : at + 0x100,
                                    missing == 2 ? kNowhere : at + 0x200));
    const Segment data = echo.driver.lend({1, 2});
    echo.driver.ram.store(at, data.address);
    echo.driver.ram.store(at + 8, 0x0001'0001'0000'0002ULL);  // 2 bytes, next is 1
    echo.driver.ram.store(at + 16, missing == 3 ? kNowhere : data.address);
    echo.driver.ram.store(at + 24, 0x0000'0002'0000'0002ULL);  // 2 bytes, writable
    echo.driver.ram.store(at + 0x102, std::uint16_t{1});
    echo.driver.set(Reg::Status, 15);
    CHECK(echo.driver.needs_reset());
    CHECK(echo.driver.get(Reg::InterruptStatus) == 2);
  }
}

TEST_CASE("indirect tables are negotiated, alone, whole and not nested, in both layouts") {
  struct Case {
    std::uint64_t features;
    std::uint32_t length;
    std::uint16_t own_flags;
    std::uint16_t entry_flags;
  };
  const Case cases[] = {
      {0, 32, kIndirect, 0},                     // not negotiated
      {kF_Indirect, 32, kIndirect | kNext, 0},   // not the last
      {kF_Indirect, 0, kIndirect, 0},            // empty
      {kF_Indirect, 15, kIndirect, 0},           // half an entry
      {kF_Indirect, 33, kIndirect, 0},           // two and a bit
      {kF_Indirect, 257 * 16, kIndirect, 0},     // longer than any queue
      {kF_Indirect, 0xffff'fff0, kIndirect, 0},  // much longer
      {kF_Indirect, 32, kIndirect, kIndirect},   // nested
  };
  for (const Case& c : cases) {
    CAPTURE(c.length);
    CAPTURE(c.own_flags);
    refuse_split(c.features, [&](Bench& b) {
      const std::uint64_t table = b.echo.driver.ram.take(64);
      b.descriptor(0, {table, c.length, c.own_flags, 1});
      b.put(table, 0, {b.buffer, 4, c.entry_flags, 0});
    });
    refuse_packed(c.features, [&](Bench& b) {
      const std::uint64_t table = b.echo.driver.ram.take(64);
      b.put(table, 0, {b.buffer, 4, 0, c.entry_flags});
      b.put(table, 1, {b.buffer, 4, 0, c.entry_flags});
      b.descriptor(0, {table, c.length, 7, static_cast<std::uint16_t>(c.own_flags | kAvail)});
    });
  }
  for (const std::uint64_t table : {std::uint64_t{0x1000}, ~std::uint64_t{0xf}}) {
    refuse_split(kF_Indirect, [&](Bench& b) { b.descriptor(0, {table, 32, kIndirect, 0}); });
    refuse_packed(kF_Indirect,
                  [&](Bench& b) { b.descriptor(0, {table, 32, 7, kIndirect | kAvail}); });
  }
}

TEST_CASE("split: chains in indirect tables stay there and end") {
  for (const std::uint64_t next : {0U, 1U, 2U, 0xffffU}) {
    refuse_split(kF_Indirect, [&](Bench& b) {
      const std::uint64_t table = b.echo.driver.ram.take(64);  // more than the table
      b.descriptor(0, {table, 32, kIndirect, 0});
      b.put(table, 0, {b.buffer, 4, kNext, static_cast<std::uint16_t>(next)});
      b.put(table, 1, {b.buffer, 4, kNext, static_cast<std::uint16_t>(next)});
    });
  }
}

TEST_CASE("packed: chains end, and writable buffers come last") {
  refuse_packed(0, [](Bench& b) {
    for (std::size_t i = 0; i < 4; ++i) b.descriptor(i, {b.buffer, 4, 7, kNext | kAvail});
  });
  refuse_packed(0, [](Bench& b) {
    b.descriptor(1, {b.buffer, 4, 7, kAvail});
    b.descriptor(0, {b.buffer, 4, 7, kNext | kWrite | kAvail});
  });
}

TEST_CASE("packed: buffers are memory and do not wrap") {
  refuse_packed(0, [](Bench& b) { b.descriptor(0, {0x1000, 4, 7, kAvail}); });
  refuse_packed(0, [](Bench& b) { b.descriptor(0, {~0ULL, 2, 7, kAvail}); });
}

TEST_CASE("packed: a descriptor with both flags, or none, is not available") {
  for (const std::uint16_t flags : {std::uint16_t{0}, static_cast<std::uint16_t>(kAvail | kUsed)}) {
    Bench bench(kF_Packed);
    bench.descriptor(0, {bench.buffer, 4, 7, flags});
    bench.echo.driver.notify(0);
    CHECK(bench.echo.device.seen.empty());
    CHECK_FALSE(bench.echo.driver.needs_reset());
  }
}

TEST_CASE("packed: the driver's event structure is memory") {
  Echo echo;
  const std::uint64_t at = echo.driver.ram.take(0x1000);
  REQUIRE(echo.driver.negotiate(kF_Version1 | kF_Packed));
  REQUIRE(echo.driver.place_queue(0, 4, at, 0x1000, at + 0x100));
  echo.driver.ram.store(at + 14, kAvail);
  echo.driver.set(Reg::Status, 15);
  CHECK(echo.driver.needs_reset());
}

TEST_CASE("notifications of queues that are not there or not ready do nothing") {
  Echo echo;
  echo.driver.start(0, 1, 4);
  for (const std::uint32_t queue : {1U, 2U, 0xffff'ffffU}) echo.driver.notify(queue);
  CHECK_FALSE(echo.driver.needs_reset());
  CHECK(echo.driver.get(Reg::InterruptStatus) == 0);
}

TEST_CASE("a damaged snapshot cannot make a device leave its queues' bounds") {
  struct Damage final : StateVisitor {
    void field(std::string_view name, std::uint64_t& value) override {
      if (name == what) value = to;
    }
    std::string_view what;
    std::uint64_t to = 0;
  };
  struct Look final : StateVisitor {  // at the first of the queues
    void field(std::string_view name, std::uint64_t& value) override {
      values.emplace(name, value);
    }
    std::map<std::string, std::uint64_t> values;
  };
  for (const std::uint64_t layout : {std::uint64_t{0}, kF_Packed}) {
    for (const std::string_view what :
         {"size", "next_available", "next_used", "unannounced", "queue_select", "driver_features",
          "descriptors", "driver", "device", "status", "unfinished"}) {
      for (const std::uint64_t value : {0ULL, 3ULL, 5ULL, 300ULL, 0xffffULL, ~0ULL}) {
        CAPTURE(what);
        CAPTURE(value);
        Echo echo;
        echo.driver.start(layout, 2, 4);
        Damage damage;
        damage.what = what;
        damage.to = value;
        echo.device.describe(damage);
        echo.driver.queue(0).add({echo.driver.lend({1})});
        echo.driver.notify(0);
        echo.device.poll();
        CHECK(echo.device.seen.size() <= 8);
        Look look;
        echo.device.describe(look);
        if (layout != 0 && what == "next_used" && look.values["is_ready"] != 0) {
          CHECK(look.values["next_used"] < look.values["size"]);
        }
      }
    }
  }
}
