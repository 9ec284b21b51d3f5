#include <doctest/doctest.h>
#include <axvm/memory.hpp>
#include <tests/core/fake_hal.hpp>

using namespace axvm;
using namespace axvm::test;

namespace {

struct Base {
  virtual ~Base() { ++destroyed; }
  static void operator delete(void*) noexcept {}
  static inline int destroyed = 0;
};
struct Derived : Base {
  explicit Derived(int v) : value(v) {}
  int value;
  char padding[100] = {};
};

struct Shared : RefCounted {
  explicit Shared(bool& gone) : gone_(gone) {}
  ~Shared() { gone_ = true; }
  bool& gone_;
};

}  // namespace

TEST_CASE("a Box gives back exactly what it took, also as a box of its base") {
  FakeHal hal;
  Base::destroyed = 0;
  {
    auto derived = Box<Derived>::try_make(Allocator::of(hal), 7);
    REQUIRE(derived.has_value());
    CHECK((*derived)->value == 7);
    Box<Base> base = std::move(*derived);
    CHECK(hal.objects.size() == 1);
  }
  CHECK(Base::destroyed == 1);
  CHECK(hal.balanced());
}

TEST_CASE("exhausted memory is an error, not an exception") {
  FakeHal hal;
  hal.budget = 0;
  bool gone = false;
  CHECK(Box<int>::try_make(Allocator::of(hal), 1).error().kind == ErrorKind::NoMemory);
  CHECK(Array<int>::try_make(Allocator::of(hal), 1).error().kind == ErrorKind::NoMemory);
  CHECK(Ref<Shared>::try_make(Allocator::of(hal), gone).error().kind == ErrorKind::NoMemory);
  CHECK(Array<int>::try_make(Allocator::of(hal), 0).has_value());
  CHECK(Array<int>::try_make(Allocator::of(hal), SIZE_MAX).error().kind == ErrorKind::OutOfRange);
}

TEST_CASE("an Array keeps order through insertion and removal") {
  FakeHal hal;
  auto array = Array<int>::try_make(Allocator::of(hal), 4);
  REQUIRE(array.has_value());
  array->insert(0, 3);
  array->insert(0, 1);
  array->insert(1, 2);
  array->emplace_back(4);
  CHECK(array->full());
  CHECK(std::vector<int>(array->begin(), array->end()) == std::vector{1, 2, 3, 4});
  array->erase(1);
  CHECK(std::vector<int>(array->begin(), array->end()) == std::vector{1, 3, 4});
  CHECK(array->room() == 1);
}

TEST_CASE("the last Ref destroys the object") {
  FakeHal hal;
  bool gone = false;
  {
    auto first = Ref<Shared>::try_make(Allocator::of(hal), gone);
    REQUIRE(first.has_value());
    std::optional<Ref<Shared>> second = *first;
    Ref<Shared> third = std::move(*first);
    second.reset();
    CHECK_FALSE(gone);
  }
  CHECK(gone);
  CHECK(hal.balanced());
}
