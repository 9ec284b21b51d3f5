#include <doctest/doctest.h>

#include <filesystem>
#include <hal-sim/load/image.hpp>
#include <tests/support/temporary_folder.hpp>

using namespace axvm::hal_sim;
using axvm::test::TemporaryFolder;
namespace fs = std::filesystem;

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
