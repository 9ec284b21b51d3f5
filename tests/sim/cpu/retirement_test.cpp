#include <doctest/doctest.h>

#include <sim/cpu/retirement.hpp>

namespace axvm::sim {
namespace {

TEST_CASE("a block is counted at its beginning and corrected where it stops") {
  Retirement r;
  r.begin_block(0x1000, 8);
  CHECK(r.total() == 8);
  CHECK(r.total_at(0x1000) == 0);
  CHECK(r.total_at(0x100c) == 3);
  CHECK(r.total_at(0x1020) == 8);
  r.stop_at(0x100c);
  CHECK(r.total() == 3);
  CHECK(r.successor() == 0x100c);
}

TEST_CASE("an address outside the running block says that the block retired as a whole") {
  Retirement r;
  r.begin_block(0x1000, 4);
  CHECK(r.total_at(0x2000) == 4);
  CHECK(r.total_at(0xffc) == 4);
}

TEST_CASE("a closed block is not corrected when control comes back into it") {
  Retirement r;
  r.begin_block(0x1000, 4);
  r.close();
  r.stop_at(0x1004);
  CHECK(r.total() == 4);
}

TEST_CASE("an instruction that traps after its block ended is taken back") {
  Retirement r;
  r.begin_block(0x1000, 4);
  r.stop_at(0x1010);
  r.take_back(0x100c);
  CHECK(r.total() == 3);
  CHECK(r.successor() == 0x100c);
}

TEST_CASE("after an exception nothing is a sequential successor") {
  Retirement r;
  r.begin_block(0x1000, 4);
  r.discontinue();
  CHECK(r.total() == 4);
  CHECK((r.successor() & 3) != 0);
}

}  // namespace
}  // namespace axvm::sim
