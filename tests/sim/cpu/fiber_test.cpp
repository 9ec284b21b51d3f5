#include <doctest/doctest.h>

#include <sim/cpu/fiber.hpp>
#include <thread>
#include <vector>

namespace axvm::sim {
namespace {

/// Appends 0, 10, 20 … to a list, one at a time.
struct Counter {
  std::vector<int> numbers;
  Fiber fiber{[](void* self) {
                auto& counter = *static_cast<Counter*>(self);
                for (int local = 0;; local += 10) {
                  counter.numbers.push_back(local);
                  counter.fiber.suspend();
                }
              },
              this};
};

TEST_CASE("a fiber goes on where it suspended, with its local variables") {
  Counter counter;
  CHECK(counter.numbers.empty());
  counter.fiber.resume();
  CHECK(counter.numbers == std::vector{0});
  counter.fiber.resume();
  counter.fiber.resume();
  CHECK(counter.numbers == std::vector{0, 10, 20});
}

TEST_CASE("a fiber may resume another one") {
  struct Outer {
    Counter inner;
    int rounds = 0;
    Fiber fiber{[](void* self) {
                  auto& outer = *static_cast<Outer*>(self);
                  for (;;) {
                    outer.inner.fiber.resume();
                    ++outer.rounds;
                    outer.fiber.suspend();
                  }
                },
                this};
  } outer;
  outer.fiber.resume();
  outer.inner.fiber.resume();  // in between, from somewhere else
  outer.fiber.resume();
  CHECK(outer.rounds == 2);
  CHECK(outer.inner.numbers == std::vector{0, 10, 20});
}

TEST_CASE("a fiber may be resumed by one thread after another") {
  Counter counter;
  counter.fiber.resume();
  std::thread([&] { counter.fiber.resume(); }).join();
  counter.fiber.resume();
  CHECK(counter.numbers == std::vector{0, 10, 20});
}

}  // namespace
}  // namespace axvm::sim
