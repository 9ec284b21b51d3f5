// Which ports and MSRs exit: APM Vol. 2 15.10.1 and 15.11.

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <core/arch/x86_64/io_permission_map.hpp>
#include <core/arch/x86_64/msr_permission_map.hpp>
#include <map>
#include <vector>

namespace axvm::x86_64::test {
namespace {

constexpr AccessWidth kWidths[] = {AccessWidth::Byte, AccessWidth::Word, AccessWidth::Dword};

struct IoMap {
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(IoPermissionMap::kSize);
  IoPermissionMap map{std::span<std::uint8_t, IoPermissionMap::kSize>(bytes)};
};
struct MsrMap {
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(MsrPermissionMap::kSize);
  MsrPermissionMap map{std::span<std::uint8_t, MsrPermissionMap::kSize>(bytes)};
};

}  // namespace

TEST_CASE("a port is a bit, in the order of ports") {
  IoMap io;
  io.map.intercept(0x3f8, 8);
  CHECK(io.bytes[0x3f8 / 8] == 0xff);
  CHECK(std::count(io.bytes.begin(), io.bytes.end(), 0) ==
        std::ptrdiff_t{IoPermissionMap::kSize} - 1);
  io.map.intercept(0x3fb, 1, false);
  CHECK(io.bytes[0x3f8 / 8] == 0b1111'0111);
}

TEST_CASE("an access exits if any of its ports does, also beyond the last") {
  IoMap io;
  io.map.intercept(0xcfb, 1);
  CHECK_FALSE(io.map.intercepts(0xcf8, AccessWidth::Byte));
  CHECK_FALSE(io.map.intercepts(0xcf9, AccessWidth::Word));
  CHECK(io.map.intercepts(0xcf8, AccessWidth::Dword));
  CHECK(io.map.intercepts(0xcfa, AccessWidth::Word));
  CHECK_FALSE(io.map.intercepts(0xcfc, AccessWidth::Dword));
  CHECK_FALSE(io.map.intercepts(0xffff, AccessWidth::Dword));
  io.map.intercept(0x1'0002, 100);
  CHECK(io.bytes[0x2000] == 0b100);
  CHECK(io.map.intercepts(0xffff, AccessWidth::Dword));
  CHECK_FALSE(io.map.intercepts(0xffff, AccessWidth::Word));
}

TEST_CASE("ports: what was said last holds, for every port") {
  CHECK(rc::check([] {
    IoMap io;
    std::vector<bool> model(IoPermissionMap::kBits);
    if (*rc::gen::arbitrary<bool>()) {
      io.map.intercept_all();
      model.assign(model.size(), true);
    }
    const unsigned changes = *rc::gen::inRange(0U, 6U);
    for (unsigned n = 0; n < changes; ++n) {
      const auto first = *rc::gen::inRange<std::uint32_t>(0, 0x1'0010);
      const auto count = *rc::gen::element<std::uint32_t>(0, 1, 7, 8, 0x100, 0x1'0000, ~0U);
      const bool wanted = *rc::gen::arbitrary<bool>();
      io.map.intercept(first, count, wanted);
      for (std::size_t bit = first; bit < model.size() && bit - first < count; ++bit) {
        model[bit] = wanted;
      }
    }
    for (std::size_t port = 0; port < 0x1'0000; ++port) {
      for (const AccessWidth width : kWidths) {
        const auto begin = model.begin() + static_cast<std::ptrdiff_t>(port);
        const bool expected = std::find(begin, begin + bytes(width), true) != begin + bytes(width);
        RC_ASSERT(io.map.intercepts(static_cast<std::uint16_t>(port), width) == expected);
      }
    }
  }));
}

TEST_CASE("an MSR is two bits, the lower one for reading, in three ranges") {
  MsrMap msr;
  CHECK(msr.map.intercept(0x10, MsrIntercept::Write));        // TSC
  CHECK(msr.map.intercept(0xc000'0081, MsrIntercept::Both));  // STAR
  CHECK(msr.map.intercept(0xc001'0117, MsrIntercept::Read));  // VM_HSAVE_PA
  CHECK(msr.bytes[0x10 / 4] == 0b10);
  CHECK(msr.bytes[0x800 + 0x81 / 4] == 0b11 << 2);
  CHECK(msr.bytes[0x1000 + 0x117 / 4] == 0b01 << 6);
  CHECK(std::count(msr.bytes.begin(), msr.bytes.end(), 0) ==
        std::ptrdiff_t{MsrPermissionMap::kSize} - 3);
}

TEST_CASE("MSRs that the map has not always exit") {
  MsrMap msr;
  for (const std::uint32_t n : {0x2000U, 0x4000'0000U, 0xbfff'ffffU, 0xc000'2000U, 0xc001'2000U,
                                0xc002'0000U, 0xffff'ffffU}) {
    CHECK_FALSE(msr.map.intercept(n, MsrIntercept::None));
    CHECK(msr.map.intercepted(n) == MsrIntercept::Both);
  }
  CHECK(std::count(msr.bytes.begin(), msr.bytes.end(), 0) ==
        std::ptrdiff_t{MsrPermissionMap::kSize});
}

TEST_CASE("MSRs: what was said last holds, and each has bits of its own") {
  CHECK(rc::check([] {
    MsrMap msr;
    const bool all = *rc::gen::arbitrary<bool>();
    if (all) msr.map.intercept_all();
    std::map<std::uint32_t, MsrIntercept> model;
    const unsigned changes = *rc::gen::inRange(0U, 40U);
    for (unsigned n = 0; n < changes; ++n) {
      const auto number = *rc::gen::element<std::uint32_t>(0, 0xc000'0000, 0xc001'0000) +
                          *rc::gen::inRange<std::uint32_t>(0, 16) * 0x1ff + n % 3;
      const auto what = static_cast<MsrIntercept>(*rc::gen::inRange(0, 4));
      if (msr.map.intercept(number, what)) model[number] = what;
    }
    for (const std::uint32_t first : {0U, 0xc000'0000U, 0xc001'0000U}) {
      for (std::uint32_t number = first; number < first + 0x2000; ++number) {
        const auto said = model.find(number);
        const auto untouched = all ? MsrIntercept::Both : MsrIntercept::None;
        RC_ASSERT(msr.map.intercepted(number) == (said != model.end() ? said->second : untouched));
      }
    }
  }));
}

}  // namespace axvm::x86_64::test
