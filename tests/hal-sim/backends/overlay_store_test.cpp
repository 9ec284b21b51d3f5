#include <doctest/doctest.h>
#include <rapidcheck.h>
#include <unistd.h>
#include <filesystem>
#include <fstream>
#include <hal-sim/backends/file_store.hpp>
#include <hal-sim/backends/overlay_store.hpp>
#include <string>

using namespace axvm;
using namespace axvm::hal_sim;

namespace {

using Bytes = std::vector<std::byte>;

/// A file that is gone with the object.
struct TemporaryFile {
  explicit TemporaryFile(std::size_t size) {
    static int number = 0;
    path = std::filesystem::temp_directory_path() /
           ("axvm-store-" + std::to_string(::getpid()) + "-" + std::to_string(number++));
    std::ofstream stream(path, std::ios::binary);
    for (std::size_t i = 0; i < size; ++i) stream.put(static_cast<char>(i / 512 + 1));
  }
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  std::filesystem::path path;
};

Bytes read(BlockStore& store, std::uint64_t offset, std::size_t size) {
  Bytes bytes(size);
  REQUIRE(store.read(offset, bytes).has_value());
  return bytes;
}

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
};

}  // namespace

TEST_CASE("a file is read and written in place, and found again") {
  const TemporaryFile file(1024);
  {
    auto store = FileStore::open(file.path, false);
    REQUIRE(store.has_value());
    CHECK((*store)->size() == 1024);
    CHECK_FALSE((*store)->is_read_only());
    CHECK(read(**store, 510, 4) == Bytes{std::byte{1}, std::byte{1}, std::byte{2}, std::byte{2}});
    CHECK((*store)->write(511, Bytes(2, std::byte{9})).has_value());
    CHECK((*store)->flush().has_value());
  }
  auto again = FileStore::open(file.path, true);
  REQUIRE(again.has_value());
  CHECK((*again)->is_read_only());
  CHECK(read(**again, 510, 4) == Bytes{std::byte{1}, std::byte{9}, std::byte{9}, std::byte{2}});
  CHECK_FALSE((*again)->write(0, Bytes(1)).has_value());
}

TEST_CASE("what is no disk image is refused with a reason") {
  CHECK(FileStore::open("/nowhere/at/all", true).error().starts_with("cannot be opened"));
  CHECK(FileStore::open("/", true).error() == "is not a regular file");
  const TemporaryFile odd(513);
  CHECK(FileStore::open(odd.path, true).error() == "has 513 bytes, expected a multiple of 512");
  const TemporaryFile empty(0);
  CHECK(FileStore::open(empty.path, true).error() == "has 0 bytes, expected a multiple of 512");
}

TEST_CASE("an overlay keeps what is written from the file below") {
  const TemporaryFile file(10 * 512);  // a block and a part of one
  auto below = FileStore::open(file.path, true);
  REQUIRE(below.has_value());
  OverlayStore overlay(std::shared_ptr<BlockStore>(std::move(*below)));
  CHECK_FALSE(overlay.is_read_only());
  CHECK(overlay.write(9 * 512, Bytes(512, std::byte{0xaa})).has_value());
  CHECK(overlay.changed_blocks() == 1);
  CHECK(read(overlay, 9 * 512, 1)[0] == std::byte{0xaa});
  CHECK(read(overlay, 8 * 512, 1)[0] == std::byte{9});  // in the same block, copied
  auto untouched = FileStore::open(file.path, true);
  CHECK(read(**untouched, 9 * 512, 1)[0] == std::byte{10});
}

TEST_CASE("an overlay is as if it were memory, and restored from its description the same") {
  CHECK(rc::check("overlay", [] {
    const auto sectors = *rc::gen::inRange<std::size_t>(1, 40);
    Bytes model(512 * sectors);
    OverlayStore overlay(model.size());
    for (int i = *rc::gen::inRange(0, 20); i > 0; --i) {
      const auto at = *rc::gen::inRange<std::size_t>(0, model.size());
      const auto size = *rc::gen::inRange<std::size_t>(0, model.size() - at + 1);
      const Bytes data(size, static_cast<std::byte>(*rc::gen::arbitrary<std::uint8_t>()));
      RC_ASSERT(overlay.write(at, data).has_value());
      std::ranges::copy(data, model.begin() + static_cast<std::ptrdiff_t>(at));
    }
    RC_ASSERT(read(overlay, 0, model.size()) == model);
    Fields fields;
    overlay.describe(fields);
    RC_ASSERT(read(overlay, 0, model.size()) == model);
    OverlayStore restored(model.size());
    RC_ASSERT(restored.write(0, Bytes(model.size(), std::byte{1})).has_value());
    fields.restoring = true;
    restored.describe(fields);
    RC_ASSERT(read(restored, 0, model.size()) == model);
  }));
}

TEST_CASE("a damaged snapshot makes no block outside the disk, and no more of them than it has") {
  struct Damage final : StateVisitor {
    void field(std::string_view, std::uint64_t& value) override { value = ~0ULL; }
  } damage;
  OverlayStore overlay(8192);
  overlay.describe(damage);
  CHECK(overlay.changed_blocks() == 0);
  CHECK(read(overlay, 0, 8192) == Bytes(8192));
}
