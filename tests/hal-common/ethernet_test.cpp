#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <hal-common/ethernet.hpp>
#include <map>
#include <utility>
#include <vector>

using namespace axvm::hal_common;

TEST_CASE("address table: knows the last port of each card, and none of groups") {
  CHECK(rc::check([] {
    const auto frames = *rc::gen::container<std::vector<std::pair<unsigned, unsigned>>>(
        rc::gen::pair(rc::gen::inRange(0U, 40U), rc::gen::inRange(0U, 8U)));
    AddressTable table;
    std::map<EthernetAddress, std::size_t> model;
    for (const auto& [address, port] : frames) {
      table.learn(address, port);
      if (address % 2 == 0) model[address] = port;
    }
    for (EthernetAddress address = 0; address < 40; ++address) {
      const auto known = model.find(address);
      const auto found = table.find(address);
      RC_ASSERT(found.has_value() == (known != model.end()));
      if (found) RC_ASSERT(*found == known->second);
    }
    auto next = model.begin();
    RC_ASSERT(table.entries().size() == model.size());
    for (const auto& [address, port] : table.entries()) {
      RC_ASSERT(address == next->first);
      RC_ASSERT(port == next->second);
      ++next;
    }
  }));
}

TEST_CASE("address table: learns no new cards when it is full, and where old ones have gone") {
  AddressTable table;
  for (EthernetAddress n = 0; n <= AddressTable::kCapacity; ++n) table.learn(2 * n, 1);
  CHECK(table.entries().size() == AddressTable::kCapacity);
  CHECK_FALSE(table.find(2 * AddressTable::kCapacity));
  table.learn(0, 2);
  CHECK(table.find(0) == 2);
}
