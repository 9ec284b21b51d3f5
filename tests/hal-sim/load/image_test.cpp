#include <doctest/doctest.h>

#include <filesystem>
#include <hal-sim/load/image.hpp>
#include <tests/support/temporary_folder.hpp>
#include <vector>

using namespace axvm;
using namespace axvm::hal_sim;
using axvm::test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

// Memory of 8 bytes in two pieces at 0x1000.
class TinyVm final : public VmBase {
 public:
  TinyVm() : VmBase(VmId(1)) {}
  Result<> get_image_load_region(GuestPhysAddr gpa, std::uint64_t size,
                                 GuestSpanVisitor visit) override {
    if (gpa.value != 0x1000 || size > 8) {
      return fail(ErrorKind::BadAddress, "get_image_load_region", "not memory of the guest");
    }
    visit(std::span(low).first(std::min<std::size_t>(size, 4)));
    if (size > 4) visit(std::span(high).first(size - 4));
    return {};
  }

  std::array<std::byte, 4> low{};
  std::array<std::byte, 4> high{};
};

}  // namespace

TEST_CASE("an image is found beside its configuration, above it, in images/, or where told") {
  const TemporaryFolder folder;
  const fs::path config = folder.path() / "configs" / "deep" / "vm.toml";
  fs::create_directories(config.parent_path());
  const fs::path beside = folder.file("configs/deep/a.bin", "a");
  const fs::path above = folder.file("guests/b.bin", "b");
  const fs::path images = folder.file("images/c.bin", "c");
  const fs::path built = folder.file("build/d.bin", "d");
  const ImageSearch search{{folder.path() / "build"}};
  CHECK(find_image("a.bin", config, search) == beside);
  CHECK(find_image("guests/b.bin", config, search) == above);
  CHECK(find_image("c.bin", config, search) == images);
  CHECK(find_image("d.bin", config, search) == built);
  CHECK(find_image(built.string(), config, {}) == built);
}

TEST_CASE("an image that is nowhere is one line that says where it was looked for") {
  const auto none = find_image("no-such.bin", "/tmp/vm.toml", {{"/build/guests"}});
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error() ==
        "\"no-such.bin\" is neither in /tmp and the folders above it, /build/guests");
  CHECK(find_image("/no/such.bin", "/tmp/vm.toml", {}).error() == "no such file: /no/such.bin");
}

TEST_CASE("what is no regular file is called so, unless there is a file further on") {
  const TemporaryFolder folder;
  const fs::path config = folder.path() / "configs" / "vm.toml";
  fs::create_directories(config.parent_path() / "kernel");
  CHECK(find_image("kernel", config, {}).error() ==
        (config.parent_path() / "kernel").string() + " is not a regular file");
  CHECK(find_image("/dev/zero", config, {}).error() == "/dev/zero is not a regular file");
  const fs::path above = folder.file("kernel", "k");
  CHECK(find_image("kernel", config, {}) == above);
}

TEST_CASE("an image is copied piece by piece") {
  const TemporaryFolder folder;
  TinyVm vm;
  REQUIRE(load_image(vm, folder.file("x.bin", "abcdef"), GuestPhysAddr(0x1000)).has_value());
  CHECK(static_cast<char>(vm.low[3]) == 'd');
  CHECK(static_cast<char>(vm.high[1]) == 'f');
  CHECK(vm.high[2] == std::byte{0});
}

TEST_CASE("what cannot be loaded is one line") {
  const TemporaryFolder folder;
  TinyVm vm;
  const fs::path big = folder.file("big.bin", std::string(4096, 'x'));
  CHECK(load_image(vm, big, GuestPhysAddr(0x1000)).error() ==
        big.string() + " (4 KiB) does not fit at 0x1000: not memory of the guest");
  const fs::path empty = folder.file("empty.bin", "");
  CHECK(load_image(vm, empty, GuestPhysAddr(0x1000)).error() == empty.string() + " is empty");
  CHECK(load_image(vm, "/no/such", GuestPhysAddr(0x1000)).error() == "/no/such cannot be read");
}
