// Guests that drive virtio devices, and what the host finds behind them afterwards.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "guest_run.hpp"

using namespace axvm;
using namespace axvm::test;
using hal_sim::StopKind;

namespace {

/// A disk of 1 MiB of zeroes, gone with the object.
struct Image {
  Image()
      : path(std::filesystem::temp_directory_path() / ("axvm-disk-" + std::to_string(getpid()))) {
    std::ofstream(path, std::ios::binary) << std::string(kSize, '\0');
  }
  ~Image() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;
  [[nodiscard]] std::string contents() const {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  static constexpr std::size_t kSize = 1 << 20;
  std::filesystem::path path;
};

Outcome run_with_disk(const hal_sim::DiskOptions& disk) {
  const GuestRun guest{.name = "virtio"};
  auto config = config_of(guest);
  config.sim.backends.disks = {disk};
  config.sim.max_resets = 0;  // how a guest says that it has failed
  Outcome outcome;
  const auto host = boot(config, guest, outcome);
  REQUIRE(host != nullptr);
  collect(*host, host->run(), outcome);
  return outcome;
}

// Both VMs to their ends.
Outcome run_network(unsigned pcpus, std::uint64_t turn, std::uint64_t chaos = 0) {
  const GuestRun first{
      .name = "network-left", .chaos = chaos, .turn_instructions = turn, .pcpus = pcpus};
  auto config = config_of(first);
  config.vms.push_back(config_of({.name = "network-right"}).vms.front());
  Outcome outcome;
  const auto host = boot(config, first, outcome);
  REQUIRE(host != nullptr);
  collect(*host, host->run({.instructions = 500'000'000}), outcome);
  for (const std::uint32_t vm : {1U, 2U}) {
    const std::string console = host->console(VmId(vm)).output();
    INFO(console);
    CHECK(console.ends_with("network: PASS\r\n"));
  }
  return outcome;
}

}  // namespace

TEST_CASE("virtio: what a guest writes is found in the file of a disk without overlay") {
  const Image image;
  const std::string untouched(2040 * 512, '\0');
  const std::string written(8 * 512, '\2');
  const hal_sim::DiskOptions disk{
      .device = "virtio-disk", .file = image.path.string(), .overlay = false};
  CHECK(run_with_disk(disk).reason.kind == StopKind::PoweredOff);
  CHECK(image.contents() == untouched + written);
}

TEST_CASE("virtio: an overlay leaves the file as it was, and ends like a disk of zeroes") {
  const Image image;
  const Outcome over = run_with_disk({.device = "virtio-disk", .file = image.path.string()});
  CHECK(over.reason.kind == StopKind::PoweredOff);
  CHECK(image.contents() == std::string(Image::kSize, '\0'));
  const Outcome plain = run_with_disk({.device = "virtio-disk", .size = Image::kSize});
  CHECK(over.hash == plain.hash);
  CHECK(over.instructions == plain.instructions);
}

TEST_CASE("virtio: what is on an overlay is part of the state") {
  const GuestRun guest{.name = "virtio"};
  Outcome outcome;
  const auto host = boot(guest, outcome);
  REQUIRE(host != nullptr);
  const std::string before = host->state_hash();
  const DeviceBackend backend = host->hal().backend(VmId(1), 2);
  REQUIRE(backend.store != nullptr);
  REQUIRE(backend.store->write(0, std::array{std::byte{1}}).has_value());
  CHECK(host->state_hash() != before);
}

TEST_CASE("virtio: a guest that writes to a read-only disk is told so") {
  const Outcome outcome =
      run_with_disk({.device = "virtio-disk", .size = Image::kSize, .read_only = true});
  CHECK(outcome.reason.kind == StopKind::ResetRequested);
  CHECK(outcome.console.find("status of a request") != std::string::npos);
}

TEST_CASE("network: two VMs exchange frames, on any number of pCPUs, with turns of any length") {
  for (const unsigned pcpus : {1U, 2U}) {
    for (const std::uint64_t turn : {1'000ULL, 100'000ULL}) {
      CAPTURE(pcpus);
      CAPTURE(turn);
      const Outcome outcome = run_network(pcpus, turn);
      CHECK(outcome.reason.kind == StopKind::PoweredOff);
      CHECK(run_network(pcpus, turn).hash == outcome.hash);
    }
  }
}

TEST_CASE("chaos: frames arrive when they do, whatever the engine has cached") {
  const Outcome quiet = run_network(2, 5'000);
  const Outcome shaken = run_network(2, 5'000, 7);
  CHECK(quiet.hash == shaken.hash);
  CHECK(quiet.instructions == shaken.instructions);
}
