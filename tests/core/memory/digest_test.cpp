// What the digest of a table depends on, and what it does not.
#include <tests/core/memory/space_fixture.hpp>

using namespace axvm;
using namespace axvm::test;

namespace {

struct DigestFixture : SpaceFixture {
  MappingDigest digest() {
    auto now = space.take_changed_digest();
    REQUIRE(now.has_value());
    return *now;
  }
  void map_linear(std::uint64_t hpa, std::uint64_t size = 2 * k2M,
                  MappingFlags flags = kReadWrite) {
    REQUIRE(space.map_linear(range(kBase, size), HostPhysAddr(hpa), flags, tlb).has_value());
  }
  void touch_page(std::uint64_t n) {
    REQUIRE(touch(GuestPhysAddr(kBase + n * kPageSize), MappingFlags::Write).has_value());
  }
};

}  // namespace

TEST_CASE("digest: blocks, pages and the host's addresses make no difference") {
  DigestFixture blocks;
  blocks.map_linear(0x4000'0000);
  REQUIRE(blocks.leaf_size(GuestPhysAddr(kBase)) == k2M);
  DigestFixture pages_only;
  pages_only.map_linear(0x1'4000'5000);
  REQUIRE(pages_only.leaf_size(GuestPhysAddr(kBase)) == kPageSize);
  const MappingDigest digest = blocks.digest();
  CHECK(digest == pages_only.digest());
  CHECK(digest.mapped == 2 * k2M);
  CHECK(digest.runs == 1);
}

TEST_CASE("digest: lazy pages count once they are there, whichever frames they get") {
  DigestFixture a;
  DigestFixture b;
  const auto other = b.hal.allocate_frame();
  REQUIRE(other.has_value());
  for (DigestFixture* f : {&a, &b}) {
    REQUIRE(f->space.map_alloc(pages(0, 8), kReadWrite, false, f->tlb).has_value());
  }
  for (const std::uint64_t n : {1U, 2U, 5U}) a.touch_page(n);
  for (const std::uint64_t n : {5U, 2U, 1U}) b.touch_page(n);
  const MappingDigest digest = a.digest();
  CHECK(digest == b.digest());
  CHECK(digest.mapped == 3 * kPageSize);
  CHECK(digest.runs == 2);
  a.touch_page(3);
  CHECK(a.digest() != digest);
  b.hal.deallocate_frame(*other);
}

TEST_CASE("digest: it depends on addresses, sizes, permissions and the part of the region") {
  std::set<std::uint64_t> hashes;
  const auto add = [&hashes](auto&& map) {
    DigestFixture f;
    map(f);
    hashes.insert(f.digest().hash);
  };
  add([](DigestFixture& f) { f.map_linear(0x4000'0000); });
  add([](DigestFixture& f) { f.map_linear(0x4000'0000, k2M); });
  add([](DigestFixture& f) { f.map_linear(0x4000'0000, 2 * k2M, MappingFlags::Read); });
  add([](DigestFixture& f) {
    f.map_linear(0x4000'0000, 2 * k2M, kReadWrite | MappingFlags::Device);
  });
  add([](DigestFixture& f) {
    f.map_linear(0x4000'0000);
    REQUIRE(f.space.unmap(pages(3, 1), f.tlb).has_value());
  });
  add([](DigestFixture& f) {
    f.map_linear(0x4000'0000);
    REQUIRE(f.space.protect(pages(3, 1), MappingFlags::Read, f.tlb).has_value());
  });
  add([](DigestFixture& f) {  // the same permissions for frames of no order
    REQUIRE(f.space.map_alloc(range(kBase, 2 * k2M), kReadWrite, false, f.tlb).has_value());
    f.touch_page(0);
  });
  CHECK(hashes.size() == 7);
  // Leaves that lead to the wrong part of their region are told apart, too.
  const auto of_leaves = [](std::initializer_list<std::uint64_t> offsets) {
    MappingDigester digester;
    std::uint64_t n = 0;
    for (const std::uint64_t offset : offsets) digester.add(pages(n++, 1), kReadWrite, offset);
    return digester.finish();
  };
  CHECK(of_leaves({0, 0x1000}) != of_leaves({0x1000, 0}));
  CHECK(of_leaves({0, 0x1000}) != of_leaves({0x1000, 0x2000}));
  CHECK(of_leaves({0, 0x1000}).runs == 1);
}

TEST_CASE("digest: it is told only when it has changed") {
  DigestFixture f;
  REQUIRE(f.space.map_alloc(pages(0, 8), kReadWrite, false, f.tlb).has_value());
  f.touch_page(0);
  const MappingDigest one = f.digest();
  CHECK_FALSE(f.space.take_changed_digest().has_value());
  REQUIRE(f.space.protect(pages(0, 1), MappingFlags::Read, f.tlb).has_value());
  REQUIRE(f.space.protect(pages(0, 1), kReadWrite, f.tlb).has_value());
  CHECK_FALSE(f.space.take_changed_digest().has_value());
  f.touch_page(1);
  CHECK(f.digest() != one);
}
