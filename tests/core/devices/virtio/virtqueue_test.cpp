// Both layouts of virtqueues, as long as the driver keeps to the rules: VIRTIO 1.2, 2.7 and 2.8.
#include <doctest/doctest.h>
#include <rapidcheck.h>
#include <tests/core/devices/virtio/echo_device.hpp>

using namespace axvm;
using namespace axvm::test::virtio;

namespace {

constexpr std::uint64_t kLayouts[] = {0, kF_Packed};
constexpr std::uint64_t kInput = 1;

Bytes reversed(const Bytes& bytes) { return {bytes.rbegin(), bytes.rend()}; }

// One byte to the device, without an answer.
void add_byte(Echo& echo, std::uint8_t byte) {
  echo.driver.queue(0).add({echo.driver.lend({byte})});
}

// Whether the device interrupts when it has used what is available.
bool interrupts(Echo& echo) {
  echo.driver.notify(0);
  return (echo.driver.take_interrupts() & 1) != 0;
}

}  // namespace

TEST_CASE("a chain's buffers are one sequence of bytes to each side") {
  for (const std::uint64_t layout : kLayouts) {
    CAPTURE(layout);
    Echo echo;
    echo.driver.start(layout, 1, 8);
    const Segment a = echo.driver.lend({1, 2, 3});
    const Segment nothing = echo.driver.lend({});
    const Segment b = echo.driver.lend({4});
    const Segment x = echo.driver.lend_room(1);
    const Segment y = echo.driver.lend_room(4);
    const std::uint16_t id = echo.driver.queue(0).add({a, nothing, b, x, y});
    echo.driver.notify(0);
    CHECK(echo.device.seen == std::vector<Bytes>{{1, 2, 3, 4}});
    CHECK(echo.driver.bytes_of(x) == Bytes{4});
    CHECK(echo.driver.bytes_of(y) == Bytes{3, 2, 1, 0});
    const auto used = echo.driver.queue(0).take_used();
    REQUIRE(used.has_value());
    CHECK(used->id == id);
    CHECK(used->written == 4);
    CHECK_FALSE(echo.driver.queue(0).take_used().has_value());
  }
}

TEST_CASE("a chain without buffers of one side is legal") {
  for (const std::uint64_t layout : kLayouts) {
    Echo echo;
    echo.driver.start(layout, 1, 8);
    echo.driver.queue(0).add({echo.driver.lend({9})});
    echo.driver.queue(0).add({echo.driver.lend_room(9)});
    echo.driver.notify(0);
    CHECK(echo.device.seen == std::vector<Bytes>{{9}, {}});
    CHECK(echo.driver.queue(0).take_used()->written == 0);
    CHECK(echo.driver.queue(0).take_used()->written == 0);
  }
}

TEST_CASE("a ring may be filled to its last place, and one chain may take all of them") {
  for (const std::uint64_t layout : kLayouts) {
    CAPTURE(layout);
    Echo echo;
    echo.driver.start(layout, 1, 4);
    for (int round = 0; round < 5; ++round) {
      for (std::uint8_t i = 0; i < 4; ++i) add_byte(echo, i);
      echo.driver.notify(0);
      for (int i = 0; i < 4; ++i) REQUIRE(echo.driver.queue(0).take_used().has_value());
      echo.driver.queue(0).add({echo.driver.lend({1}), echo.driver.lend({2}), echo.driver.lend({3}),
                                echo.driver.lend({4})});
      echo.driver.notify(0);
      REQUIRE(echo.driver.queue(0).take_used().has_value());
      CHECK(echo.device.seen.back() == Bytes{1, 2, 3, 4});
    }
    CHECK_FALSE(echo.driver.needs_reset());
  }
}

TEST_CASE("an indirect table stands for its buffers, alone or behind others") {
  for (const std::uint64_t layout : kLayouts) {
    CAPTURE(layout);
    Echo echo;
    echo.driver.start(layout | kF_Indirect, 1, 4);
    const Segment room = echo.driver.lend_room(3);
    const Segments chain = {echo.driver.lend({1}), echo.driver.lend({2}), echo.driver.lend({3}),
                            room};
    echo.driver.queue(0).add(chain, 0);
    // The packed layout knows no chain with a table at its end (2.8.7).
    if (layout == 0) echo.driver.queue(0).add(chain, 2);
    echo.driver.notify(0);
    for (const Bytes& seen : echo.device.seen) CHECK(seen == Bytes{1, 2, 3});
    CHECK(echo.device.seen.size() == (layout == 0 ? 2 : 1));
    CHECK(echo.driver.bytes_of(room) == Bytes{3, 2, 1});
    CHECK_FALSE(echo.driver.needs_reset());
  }
}

TEST_CASE("an indirect table may be longer than the ring, up to the largest queue") {
  for (const std::uint64_t layout : kLayouts) {
    Echo echo;
    echo.driver.start(layout | kF_Indirect, 1, 2);
    Segments chain(256, echo.driver.lend({5}));
    echo.driver.queue(0).add(chain, 0);
    echo.driver.notify(0);
    CHECK(echo.device.seen == std::vector<Bytes>{Bytes(256, 5)});
    chain.push_back(chain.front());
    echo.driver.queue(0).add(chain, 0);
    echo.driver.notify(0);
    CHECK(echo.driver.needs_reset());
  }
}

TEST_CASE("a driver that wants no interrupt gets none") {
  for (const std::uint64_t layout : kLayouts) {
    CAPTURE(layout);
    Echo echo;
    echo.driver.start(layout, 1, 4);
    add_byte(echo, 1);
    CHECK(interrupts(echo));
    echo.driver.queue(0).want_interrupts(false);
    add_byte(echo, 2);
    CHECK_FALSE(interrupts(echo));
    echo.driver.queue(0).want_interrupts(true);
    add_byte(echo, 3);
    CHECK(interrupts(echo));
    CHECK_FALSE(interrupts(echo));  // nothing was used
  }
}

TEST_CASE("event-idx: the interrupt comes with the chain that the driver waits for") {
  for (const std::uint64_t layout : kLayouts) {
    CAPTURE(layout);
    Echo echo;
    echo.driver.start(layout | kF_EventIdx, 1, 4);
    // Often enough to go round the ring at each offset.
    for (std::uint16_t skip = 0; skip < 4; ++skip) {
      for (int round = 0; round < 7; ++round) {
        CAPTURE(skip);
        CAPTURE(round);
        echo.driver.queue(0).want_interrupt_after(skip);
        for (std::uint16_t i = 0; i < skip; ++i) {
          add_byte(echo, 1);
          CHECK_FALSE(interrupts(echo));
        }
        add_byte(echo, 1);
        CHECK(interrupts(echo));
        for (std::uint16_t i = 0; i <= skip; ++i) REQUIRE(echo.driver.queue(0).take_used());
      }
    }
    // Many at once, of which the driver waits for one in the middle.
    echo.driver.queue(0).want_interrupt_after(1);
    for (int i = 0; i < 4; ++i) add_byte(echo, 1);
    CHECK(interrupts(echo));
  }
}

TEST_CASE("event-idx: the device wants to hear of the next chain, whatever it has taken") {
  Echo echo;
  echo.driver.start(kF_EventIdx, 1, 4);
  CHECK(echo.driver.queue(0).notification_index() == 0);
  add_byte(echo, 1);
  add_byte(echo, 2);
  echo.driver.notify(0);
  CHECK(echo.driver.queue(0).notification_index() == 2);
}

TEST_CASE("an input queue keeps its chains until the host has something") {
  for (const std::uint64_t layout : kLayouts) {
    Echo echo;
    echo.driver.start(layout, 2, 4);
    echo.device.inputs.push_back({1, 2});
    echo.device.poll();
    CHECK(echo.device.inputs.size() == 1);  // no chain to put it into
    const Segment first = echo.driver.lend_room(8);
    const Segment second = echo.driver.lend_room(8);
    echo.driver.queue(kInput).add({first});
    echo.driver.queue(kInput).add({second});
    echo.driver.notify(kInput);
    CHECK(echo.driver.queue(kInput).take_used()->written == 2);
    CHECK_FALSE(echo.driver.queue(kInput).take_used().has_value());
    CHECK(echo.driver.take_interrupts() == 1);
    echo.device.poll();
    CHECK(echo.driver.take_interrupts() == 0);
    echo.device.inputs.push_back({3});
    echo.device.poll();
    CHECK(echo.driver.queue(kInput).take_used()->written == 1);
    CHECK(echo.driver.bytes_of(second)[0] == 3);
    CHECK(echo.host.lines[EchoDevice::kInterrupt]);
  }
}

TEST_CASE("one access serves no more chains than the ring could hold, and polls go on") {
  for (const std::uint64_t layout : kLayouts) {
    CAPTURE(layout);
    Echo echo;
    echo.driver.start(layout, 1, 4);
    // Another CPU adds a chain whenever one is handled.
    int left = 100;
    echo.device.meanwhile = [&] {
      static_cast<void>(echo.driver.queue(0).take_used());
      if (left-- > 0) add_byte(echo, 1);
    };
    add_byte(echo, 1);
    CHECK_FALSE(echo.device.deadline().has_value());
    echo.host.now = 5;
    echo.driver.notify(0);
    CHECK(echo.device.seen.size() <= 8);
    echo.host.now = 9;
    CHECK(echo.device.deadline() == 10'005);  // 10 us later, whenever it is asked
    int polls = 0;
    while (echo.device.deadline() && polls < 100) echo.device.poll(), ++polls;
    CHECK(polls >= 12);
    CHECK(echo.device.seen.size() == 101);
  }
}

TEST_CASE("what was left over is forgotten with its queue") {
  for (const bool resets : {false, true}) {
    Echo echo;
    echo.driver.start(kF_RingReset, 1, 4);
    echo.device.meanwhile = [&] {
      static_cast<void>(echo.driver.queue(0).take_used());
      add_byte(echo, 1);
    };
    add_byte(echo, 1);
    echo.driver.notify(0);
    CHECK(echo.device.deadline().has_value());
    echo.driver.set(Reg::QueueSel, 0);
    echo.driver.set(resets ? Reg::QueueReset : Reg::QueueReady, resets ? 1 : 0);
    echo.device.poll();
    CHECK_FALSE(echo.device.deadline().has_value());
  }
}

TEST_CASE("one access goes on for no more than 1 GiB, and polls go on") {
  for (const std::uint64_t layout : kLayouts) {
    Echo echo;
    echo.driver.start(layout, 1, 8);
    const Segment data = echo.driver.lend({1});
    const Segment room = echo.driver.lend_room(1);
    for (int i = 0; i < 4; ++i) {
      echo.driver.queue(0).add({data, {room.address, 1 << 29, true}});
    }
    echo.driver.notify(0);
    CHECK(echo.device.seen.size() == 2);
    CHECK(echo.device.deadline().has_value());
    echo.device.poll();
    CHECK(echo.device.seen.size() == 4);
    echo.device.poll();
    CHECK_FALSE(echo.device.deadline().has_value());
    CHECK_FALSE(echo.driver.needs_reset());
  }
}

TEST_CASE("the device sees exactly the bytes that the driver put, however they are cut") {
  CHECK(rc::check("bytes pass unchanged", [] {
    const std::uint64_t layout = *rc::gen::element(std::uint64_t{0}, kF_Packed);
    const bool event_idx = *rc::gen::arbitrary<bool>();
    const auto size = static_cast<std::uint16_t>(layout == 0 ? 1 << *rc::gen::inRange(0, 6)
                                                             : *rc::gen::inRange(1, 40));
    Echo echo;
    echo.driver.start(layout | kF_Indirect | (event_idx ? kF_EventIdx : 0), 1, size);
    DriverQueue& queue = echo.driver.queue(0);
    struct Sent {
      std::uint16_t id;
      Bytes bytes;
      Segments rooms;
    };
    std::deque<Sent> under_way;
    for (int step = *rc::gen::inRange(1, 60); step > 0; --step) {
      const auto pieces =
          *rc::gen::container<std::vector<Bytes>>(rc::gen::scale(0.3, rc::gen::arbitrary<Bytes>()));
      const auto room_sizes = *rc::gen::scale(
          0.3, rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange(0U, 30U)));
      Sent sent{};
      Segments chain;
      for (const Bytes& piece : pieces) {
        chain.push_back(echo.driver.lend(piece));
        sent.bytes.insert(sent.bytes.end(), piece.begin(), piece.end());
      }
      for (const std::uint32_t room : room_sizes) {
        sent.rooms.push_back(echo.driver.lend_room(room));
        chain.push_back(sent.rooms.back());
      }
      if (chain.empty() || chain.size() > 256) continue;
      auto direct = *rc::gen::inRange<std::size_t>(0, chain.size() + 1);
      if (layout != 0 && direct < chain.size()) direct = 0;
      const std::size_t places = DriverQueue::places(chain, direct);
      if (places <= queue.free_places()) {
        sent.id = queue.add(chain, direct);
        under_way.push_back(std::move(sent));
      }
      if (*rc::gen::arbitrary<bool>() || places > queue.free_places()) {
        echo.driver.notify(0);
        RC_ASSERT(echo.device.seen.size() == under_way.size());
        for (const Bytes& seen : echo.device.seen) {
          const Sent expected = std::move(under_way.front());
          under_way.pop_front();
          RC_ASSERT(seen == expected.bytes);
          const auto used = queue.take_used();
          RC_ASSERT(used.has_value());
          RC_ASSERT(used->id == expected.id);
          Bytes answer;
          for (const Segment& room : expected.rooms) {
            const Bytes part = echo.driver.bytes_of(room);
            answer.insert(answer.end(), part.begin(), part.end());
          }
          RC_ASSERT(used->written == std::min(answer.size(), seen.size()));
          Bytes wanted = reversed(seen);
          wanted.resize(answer.size());  // zeroes behind, as memory was
          RC_ASSERT(answer == wanted);
        }
        echo.device.seen.clear();
        RC_ASSERT_FALSE(queue.take_used().has_value());
      }
    }
    RC_ASSERT_FALSE(echo.driver.needs_reset());
  }));
}

TEST_CASE("a device restored from its description goes on in the middle") {
  struct Fields final : StateVisitor {
    void field(std::string_view, std::uint64_t& value) override {
      if (restoring) {
        value = saved.at(next++);
      } else {
        saved.push_back(value);
      }
    }
    std::vector<std::uint64_t> saved;
    std::size_t next = 0;
    bool restoring = false;
  };
  for (const std::uint64_t layout : kLayouts) {
    Echo echo;
    echo.driver.start(layout, 1, 4);
    for (int i = 0; i < 7; ++i) {  // past the ring's end
      add_byte(echo, 1);
      echo.driver.notify(0);
      REQUIRE(echo.driver.queue(0).take_used());
    }
    Fields fields;
    echo.device.describe(fields);
    echo.device.reset();
    fields.restoring = true;
    echo.device.describe(fields);
    CHECK(fields.next == fields.saved.size());
    add_byte(echo, 9);
    echo.driver.notify(0);
    CHECK(echo.device.seen.back() == Bytes{9});
    CHECK(echo.driver.queue(0).take_used().has_value());
  }
}
