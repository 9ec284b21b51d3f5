// The file of a snapshot, and the state in it.
#include <doctest/doctest.h>

#include <cstdio>
#include <hal-sim/memory/frame_allocator.hpp>
#include <hal-sim/snapshot/state_stream.hpp>
#include <string>
#include <vector>

using namespace axvm::hal_sim;
using Core = axvm::StateVisitor;

namespace {

using File = std::vector<std::byte>;

template <class F>
File written(F&& write) {
  std::FILE* const stream = std::tmpfile();
  REQUIRE(stream != nullptr);
  SnapshotWriter writer(stream);
  write(writer);
  REQUIRE(writer.finish());
  File file(static_cast<std::size_t>(std::ftell(stream)));
  std::rewind(stream);
  REQUIRE(std::fread(file.data(), 1, file.size(), stream) == file.size());
  std::fclose(stream);
  return file;
}

File two_sections() {
  return written([](SnapshotWriter& writer) {
    writer.begin("first");
    writer.write(std::uint64_t{7});
    writer.end();
    writer.begin("second");
    writer.end();
  });
}

template <class T>
File saved(T& object) {
  return written([&](SnapshotWriter& writer) {
    writer.begin("object");
    SaveVisitor<Core> save(writer);
    object.describe(save);
    writer.end();
  });
}

struct Pair {
  std::uint64_t number = 1;
  bool flag = true;
  std::uint64_t last = 3;
  void describe(Core& visitor) {
    visitor.field("number", number);
    visitor.value("flag", flag);
    visitor.field("last", last);
  }
};

// As Pair was in another version.
struct OtherPair : Pair {
  void describe(Core& visitor) {
    visitor.field("number", number);
    visitor.field("size", last);
  }
};

}  // namespace

TEST_CASE("snapshot: sections come back as they were written") {
  const File file = two_sections();
  const auto sections = parse_snapshot(file);
  REQUIRE(sections.has_value());
  REQUIRE(sections->size() == 2);
  CHECK((*sections)[0].name == "first");
  CHECK((*sections)[0].contents.size() == 8);
  CHECK((*sections)[1].name == "second");
  CHECK((*sections)[1].contents.empty());
}

TEST_CASE("snapshot: a file that is cut short anywhere is refused") {
  const File file = two_sections();
  for (std::size_t size = 0; size < file.size(); ++size) {
    const auto sections = parse_snapshot(std::span(file).first(size));
    REQUIRE_FALSE(sections.has_value());
    CHECK(sections.error() ==
          (size < 8 ? "is no snapshot of a machine" : "is cut short, expected its end"));
  }
}

TEST_CASE("snapshot: each byte that changes is noticed") {
  const File file = two_sections();
  for (std::size_t at = 0; at < file.size(); ++at) {
    CAPTURE(at);
    File damaged = file;
    damaged[at] ^= std::byte{4};
    CHECK_FALSE(parse_snapshot(damaged).has_value());
  }
}

TEST_CASE("snapshot: fields get the values they were saved with") {
  Pair object{.number = 99, .flag = false, .last = ~0ULL};
  const File file = saved(object);
  LoadVisitor<Core> load(parse_snapshot(file)->front().contents);
  Pair restored;
  restored.describe(load);
  CHECK(load.error().empty());
  CHECK(restored.number == 99);
  CHECK_FALSE(restored.flag);
  CHECK(restored.last == ~0ULL);
}

TEST_CASE("snapshot: a state that is described in another way stops at the first difference") {
  Pair object{.number = 99, .flag = false, .last = 5};
  const File file = saved(object);
  LoadVisitor<Core> load(parse_snapshot(file)->front().contents);
  OtherPair restored;
  restored.describe(load);
  CHECK(load.error() == "has no \"size\" where it is expected");
  CHECK(restored.number == 99);
  CHECK(restored.last == 3);
  LoadVisitor<Core> shorter(parse_snapshot(file)->front().contents);
  std::uint64_t number = 0;
  shorter.field("number", number);
  CHECK(shorter.error() == "has more than is described");
}

TEST_CASE("snapshot: an allocator of frames goes on as the one that was saved") {
  const std::vector<FrameRange> banks{{0x4000'0000, 1 << 20}, {0x8000'0000, 1 << 20}};
  const auto make = [&] {
    FrameAllocator frames(banks);
    frames.set_aside({0x4008'0000, 0x4000});
    return frames;
  };
  FrameAllocator frames = make();
  for (int i = 0; i < 9; ++i) static_cast<void>(frames.allocate());
  static_cast<void>(frames.allocate(4, 0x8000));
  REQUIRE(frames.allocate_range({0x4008'0000, 0x1000}));
  REQUIRE(frames.deallocate({0x4000'2000, 0x2000}));
  FrameAllocator restored = make();
  const File file = saved(frames);
  LoadVisitor<Core> load(parse_snapshot(file)->front().contents);
  restored.describe(load);
  CHECK(load.error().empty());
  CHECK(restored.taken() == frames.taken());
  for (int i = 0; i < 500; ++i) CHECK(restored.allocate() == frames.allocate());
  CHECK_FALSE(restored.allocate_range({0x4008'0000, 0x1000}));
  CHECK(restored.allocate_range({0x4008'1000, 0x1000}));
}
