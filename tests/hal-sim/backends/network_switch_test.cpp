#include <doctest/doctest.h>
#include <unistd.h>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <hal-sim/backends/network_switch.hpp>
#include <iterator>
#include <string>

using namespace axvm;
using namespace axvm::hal_sim;

namespace {

using Bytes = std::vector<std::byte>;

constexpr std::uint8_t kEverybody = 0xff;

/// From the card `source` to the card `target`, with one byte of contents.
Bytes frame(std::uint8_t source, std::uint8_t target, std::uint8_t contents) {
  Bytes bytes(60);
  for (std::size_t i = 0; i < 6; ++i)
    bytes[i] = std::byte{target == kEverybody ? target : std::uint8_t{0}};
  bytes[5] = std::byte{target};
  bytes[11] = std::byte{source};
  bytes[14] = std::byte{contents};
  return bytes;
}

struct Lan {
  explicit Lan(std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) ports.push_back(&between.add_port());
  }
  std::vector<std::size_t> deliver() {
    std::vector<std::size_t> news;
    between.deliver([&](std::size_t port) { news.push_back(port); });
    return news;
  }
  /// The contents of each frame that waits at a port.
  std::vector<int> take(std::size_t port) {
    std::vector<int> contents;
    while (ports[port]->next_size()) {
      Bytes bytes(1600);
      REQUIRE(ports[port]->receive(bytes) == 60);
      contents.push_back(std::to_integer<int>(bytes[14]));
    }
    return contents;
  }
  std::uint64_t now = 0;
  NetworkSwitch between{[this] { return now; }};
  std::vector<NetworkPort*> ports;
};

using List = std::vector<int>;

}  // namespace

TEST_CASE("frames wait until they are delivered") {
  Lan lan(2);
  CHECK_FALSE(lan.between.has_frames());
  lan.ports[0]->send(frame(1, 2, 7));
  CHECK(lan.between.has_frames());
  CHECK_FALSE(lan.ports[1]->next_size().has_value());
  CHECK(lan.deliver() == std::vector<std::size_t>{1});
  CHECK_FALSE(lan.between.has_frames());
  CHECK(lan.ports[1]->next_size() == 60);
  CHECK(lan.take(1) == List{7});
  CHECK(lan.take(0).empty());
}

TEST_CASE("frames come in the order of time, source and sequence, whoever sent first") {
  Lan lan(3);
  lan.now = 50;
  lan.ports[1]->send(frame(2, kEverybody, 1));
  lan.ports[1]->send(frame(2, kEverybody, 2));
  lan.ports[0]->send(frame(1, kEverybody, 3));
  lan.now = 20;  // another CPU, which is behind
  lan.ports[1]->send(frame(2, kEverybody, 4));
  lan.deliver();
  CHECK(lan.take(2) == List{4, 3, 1, 2});
}

TEST_CASE("addresses are learnt: a card that is known is the only one that gets its frames") {
  Lan lan(3);
  lan.ports[0]->send(frame(1, 2, 1));
  CHECK(lan.deliver() == std::vector<std::size_t>{1, 2});  // nobody knows card 2 yet
  lan.ports[1]->send(frame(2, 1, 2));
  CHECK(lan.deliver() == std::vector<std::size_t>{0});
  lan.ports[0]->send(frame(1, 2, 3));
  CHECK(lan.deliver() == std::vector<std::size_t>{1});
  lan.ports[0]->send(frame(1, kEverybody, 4));
  CHECK(lan.deliver() == std::vector<std::size_t>{1, 2});
  lan.ports[2]->send(frame(2, 1, 5));  // it has moved
  lan.ports[0]->send(frame(1, 2, 6));
  lan.deliver();
  lan.take(1), lan.take(2);
  lan.ports[0]->send(frame(1, 2, 7));
  CHECK(lan.deliver() == std::vector<std::size_t>{2});
  lan.ports[0]->send(frame(1, 1, 8));  // to itself: nowhere
  CHECK(lan.deliver().empty());
}

TEST_CASE("queues are bounded, and what they drop is counted") {
  Lan lan(2);
  for (std::size_t i = 0; i < NetworkSwitch::kMostWaiting + 3; ++i)
    lan.ports[0]->send(frame(1, 2, 0));
  CHECK(lan.between.statistics().dropped == 3);
  lan.deliver();
  lan.ports[0]->send(frame(1, 2, 0));  // nobody has taken any
  CHECK(lan.deliver().empty());
  CHECK(lan.between.statistics().dropped == 4);
  CHECK(lan.between.statistics().sent == NetworkSwitch::kMostWaiting + 4);
  CHECK(lan.between.statistics().delivered == NetworkSwitch::kMostWaiting);
  CHECK(lan.take(1).size() == NetworkSwitch::kMostWaiting);
}

TEST_CASE("what is no frame goes nowhere") {
  Lan lan(2);
  lan.ports[0]->send(Bytes(13));
  lan.ports[0]->send(Bytes(1519));
  CHECK_FALSE(lan.between.has_frames());
}

TEST_CASE("a dump has every frame that a card sends or gets, with its time") {
  const auto path =
      std::filesystem::temp_directory_path() / ("axvm-pcap-" + std::to_string(::getpid()));
  {
    std::uint64_t now = 3'000'000'004;
    NetworkSwitch between([&] { return now; });
    auto pcap = PcapWriter::create(path);
    REQUIRE(pcap.has_value());
    NetworkPort& a = between.add_port(std::move(*pcap));
    NetworkPort& b = between.add_port();
    a.send(frame(1, 2, 7));
    now = 3'000'000'005;
    b.send(frame(2, 1, 8));
    between.deliver([](std::size_t) {});
  }
  std::ifstream stream(path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(stream), {});
  std::filesystem::remove(path);
  REQUIRE(text.size() == 24 + 2 * (16 + 60));
  const auto word = [&](std::size_t at) {
    std::uint32_t value = 0;
    std::memcpy(&value, text.data() + at, 4);
    return value;
  };
  CHECK(word(0) == 0xa1b23c4d);
  CHECK(word(20) == 1);
  CHECK(word(24) == 3);
  CHECK(word(28) == 4);
  CHECK(word(32) == 60);
  CHECK(text[40 + 14] == 7);
  CHECK(word(100 + 4) == 5);
  CHECK(text[100 + 16 + 14] == 8);
  CHECK_FALSE(PcapWriter::create("/nowhere/at/all").has_value());
}

TEST_CASE("a switch restored from its description delivers the same") {
  struct Fields final : StateVisitor {
    void field(std::string_view, std::uint64_t& value) override {
      if (restoring)
        value = numbers.at(next_number++);
      else
        numbers.push_back(value);
    }
    void bytes(std::string_view, std::span<std::byte> value) override {
      if (restoring)
        std::ranges::copy(texts.at(next_text++), value.begin());
      else
        texts.emplace_back(value.begin(), value.end());
    }
    std::vector<std::uint64_t> numbers;
    std::vector<Bytes> texts;
    std::size_t next_number = 0, next_text = 0;
    bool restoring = false;
  } fields;
  Lan lan(3);
  lan.ports[2]->send(frame(3, 1, 1));
  lan.deliver();
  lan.ports[0]->send(frame(1, 3, 2));
  lan.between.describe(fields);
  Lan restored(3);
  fields.restoring = true;
  restored.between.describe(fields);
  for (Lan* each : {&lan, &restored}) {
    CHECK(each->deliver() == std::vector<std::size_t>{2});
    CHECK(each->take(0) == List{1});
    CHECK(each->take(2) == List{2});
  }
}

TEST_CASE("a damaged snapshot leads to no port that is not there") {
  struct Damage final : StateVisitor {
    void field(std::string_view, std::uint64_t& value) override { value = ~0ULL; }
  } damage;
  Lan lan(2);
  lan.between.describe(damage);
  lan.deliver();
  lan.ports[0]->send(frame(1, 2, 7));
  lan.deliver();
  for (NetworkPort* port : lan.ports) {
    Bytes bytes(1600);
    while (port->next_size()) CHECK(port->receive(bytes) <= NetworkSwitch::kMostFrame);
  }
}
