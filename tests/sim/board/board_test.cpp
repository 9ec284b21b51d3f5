#include <doctest/doctest.h>

#include <sim/board/board.hpp>

namespace axvm::sim::test {

namespace {

class Latch final : public BoardDevice {
 public:
  explicit Latch(std::string_view name) : name_(name) {}
  [[nodiscard]] std::string_view name() const override { return name_; }
  std::uint64_t read(std::uint64_t offset, unsigned) override { return offset == 0 ? value_ : 0; }
  void write(std::uint64_t offset, unsigned, std::uint64_t value) override {
    if (offset == 0) value_ = value;
  }
  [[nodiscard]] bool irq() const override { return value_ != 0; }

 private:
  std::string_view name_;
  std::uint64_t value_ = 0;
};

}  // namespace

TEST_CASE("an address finds its device and the offset in it") {
  Board board;
  Latch uart("uart");
  Latch gic("gic");
  REQUIRE(board.add(0x0900'0000, 0x1000, &uart));
  REQUIRE(board.add(0x0800'0000, 0x10000, &gic));
  CHECK(board.find(0x0900'0000).device == &uart);
  CHECK(board.find(0x0900'0fff).offset == 0xfff);
  CHECK(board.find(0x0900'1000).device == nullptr);
  CHECK(board.find(0x08ff'ffff).device == nullptr);
  CHECK(board.find(0).device == nullptr);
  CHECK(board.find(~std::uint64_t{0}).device == nullptr);
  CHECK(board.windows().size() == 2);
  CHECK(board.windows().front().device == &gic);
  board.find(0x0900'0000).device->write(0, 4, 3);
  CHECK(uart.irq());
  CHECK(uart.read(0, 4) == 3);
}

TEST_CASE("windows that cannot be are refused by name") {
  Board board;
  Latch one("one");
  Latch two("two");
  REQUIRE(board.add(0x1000, 0x1000, &one));
  CHECK(board.add(0x1fff, 1, &two).error() == "two at 0x1fff, size 0x1: overlaps one at 0x1000");
  CHECK(board.add(0x0, 0x1001, &two).error() == "two at 0x0, size 0x1001: overlaps one at 0x1000");
  CHECK(board.add(0x0, 0x10000, &two).error() ==
        "two at 0x0, size 0x10000: overlaps one at 0x1000");
  CHECK(board.add(0x3000, 0, &two).error() == "two at 0x3000, size 0x0: the window is empty");
  CHECK(board.add(~std::uint64_t{0}, 2, &two).error() ==
        "two at 0xffffffffffffffff, size 0x2: the window wraps around");
  CHECK(board.add(0x3000, 0x1000, nullptr).error() == "window at 0x3000: no device");
  CHECK(board.add(0x0, 0x1000, &two));
  CHECK(board.add(0x2000, 0x1000, &two));
  CHECK(board.windows().size() == 3);
}

TEST_CASE("the last byte of the address space can belong to a device") {
  Board board;
  Latch top("top");
  REQUIRE(board.add(~std::uint64_t{0} - 0xfff, 0x1000, &top));
  CHECK(board.find(~std::uint64_t{0}).offset == 0xfff);
}

}  // namespace axvm::sim::test
