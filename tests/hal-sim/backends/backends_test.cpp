// From a configuration to what is behind its devices.
#include <doctest/doctest.h>
#include <unistd.h>
#include <array>
#include <filesystem>
#include <fstream>
#include <hal-sim/backends/backends.hpp>
#include <map>
#include <string>

#include "../config/config_text.hpp"

using namespace axvm;
using namespace axvm::hal_sim;

namespace {

/// Files in a folder that is gone with the object.
struct Folder {
  Folder()
      : path(std::filesystem::temp_directory_path() /
             ("axvm-backends-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  void add(const std::string& name, const std::string& contents) const {
    std::ofstream(path / name, std::ios::binary) << contents;
  }
  std::filesystem::path path;
};

struct Made {
  explicit Made(const std::string& sim, const std::string& rows) {
    auto config = parse_config({{(folder.path / "vm.toml").string(),
                                 hal_sim::test::replaced(hal_sim::test::kValid, "emu_devices = []",
                                                         "emu_devices = [" + rows + "]") +
                                     sim}});
    REQUIRE(config.has_value());
    folder.add("disk.img", std::string(1024, 'd'));
    folder.add("odd.img", std::string(1000, 'd'));
    folder.add("a.bin", "contents of a");
    auto made = Backends::create(*config, {}, choices, [] { return 0; });
    if (!made) {
      for (const Diagnostic& finding : made.error()) {
        findings += finding.key + " " + std::to_string(finding.at.line) + "\n";
      }
      return;
    }
    backends = std::move(*made);
    backends->for_each([&](VmId vm, std::size_t row, const DeviceBackend& backend) {
      CHECK(vm == VmId(1));
      rows_made[row] = backend;
    });
  }
  Folder folder;
  DeterministicChoices choices{100};
  std::unique_ptr<Backends> backends;
  std::map<std::size_t, DeviceBackend> rows_made;
  std::string findings;
};

const std::string kDisk = R"(["d", 0xa000000, 0x200, 48, 0xe1, []])";
const std::string kCard = R"(["n", 0xa000200, 0x200, 49, 0xe2, []])";
const std::string kRng = R"(["r", 0xa000400, 0x200, 50, 0xe4, []])";
const std::string kFirmware = R"(["f", 0x9020000, 0x18, 0, 0x3, []])";

}  // namespace

TEST_CASE("disks are files, overlays or zeroes") {
  for (const auto& [sim, writable] : {std::pair("file = \"disk.img\"", true),
                                      {"file = \"disk.img\"\nread_only = true", false},
                                      {"size = 1024", true},
                                      {"size = 1024\nread_only = true", false},
                                      {"file = \"disk.img\"\noverlay = false", true}}) {
    CAPTURE(sim);
    Made made(std::string("[sim.disk.d]\n") + sim + "\n", kDisk);
    REQUIRE(made.rows_made.contains(0));
    BlockStore* store = made.rows_made[0].store;
    REQUIRE(store != nullptr);
    CHECK(store->size() == 1024);
    CHECK(store->is_read_only() != writable);
    std::array<std::byte, 1> byte{};
    REQUIRE(store->read(1023, byte).has_value());
    const bool is_file = std::string(sim).starts_with("file");
    CHECK(byte[0] == std::byte{static_cast<unsigned char>(is_file ? 'd' : 0)});
  }
}

TEST_CASE("files that are not there, or no disk images, are named with their line") {
  CHECK(Made("[sim.disk.d]\nfile = \"nothing.img\"\n", kDisk).findings == "sim.disk.d.file 17\n");
  CHECK(Made("[sim.disk.d]\nfile = \"odd.img\"\n", kDisk).findings == "sim.disk.d.file 17\n");
  CHECK(Made("[sim.net.n]\npcap = \"/nowhere/at/all\"\n", kCard).findings == "sim.net.n.pcap 17\n");
  CHECK(Made("[sim.fw_cfg.f]\nfiles = [[\"opt/a\", \"nothing\"]]\n", kFirmware).findings ==
        "sim.fw_cfg.f.files[0].path 17\n");
}

TEST_CASE("a card has an address of its own, or the one it is given") {
  Made own("", kRng + ", " + kCard);
  REQUIRE(own.rows_made[1].network != nullptr);
  CHECK(own.rows_made[1].mac == 0x0101'0000'5452);  // 52:54:00:00:01:01
  Made given("[sim.net.n]\nmac = \"02:00:00:00:00:09\"\n", kCard);
  CHECK(given.rows_made[0].mac == 0x0900'0000'0002);
}

TEST_CASE("entropy is the same in every run, and goes on where it was") {
  const auto bytes = [](Made& made, std::size_t size) {
    std::vector<std::byte> filled(size);
    made.rows_made[0].entropy->fill(filled);
    return filled;
  };
  Made first("", kRng);
  Made second("", kRng);
  REQUIRE(first.rows_made[0].entropy != nullptr);
  const auto a = bytes(first, 20);
  CHECK(a == bytes(second, 20));
  CHECK(a != bytes(first, 20));
}

TEST_CASE("files for firmware keep their order and contents") {
  Made made("[sim.fw_cfg.f]\nfiles = [[\"opt/z\", \"a.bin\"], [\"opt/a\", \"disk.img\"]]\n",
            kFirmware);
  const auto files = made.rows_made[0].files;
  REQUIRE(files.size() == 2);
  CHECK(files[0].name == "opt/z");
  CHECK(files[0].bytes.size() == 13);
  CHECK(files[1].name == "opt/a");
  CHECK(files[1].bytes.size() == 1024);
}
