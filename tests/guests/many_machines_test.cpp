// Machines that are destroyed in mid-run leave nothing behind in the process, one after the other
// or many side by side.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <tests/support/temporary_folder.hpp>
#include <vector>

#include "guest_run.hpp"

using namespace axvm;
using namespace axvm::test;
using hal_sim::Host;
using hal_sim::Isa;
using hal_sim::StopKind;

namespace {

constexpr unsigned kMachines = 10;

// A sanitizer keeps for a while what is freed; it looks for what is lost by itself.
#ifdef AXVM_SANITIZED
constexpr bool kShowsFreed = false;
#else
constexpr bool kShowsFreed = true;
#endif

/// What this process holds of the kernel's.
struct Held {
  std::ptrdiff_t files = 0;
  std::ptrdiff_t mappings = 0;
  std::uint64_t pages = 0;  ///< of all mappings
};

Held held() {
  Held held;
  const std::filesystem::directory_iterator files("/proc/self/fd");
  held.files = std::distance(begin(files), end(files));
  std::ifstream maps("/proc/self/maps");
  held.mappings = std::count(std::istreambuf_iterator<char>(maps), {}, '\n');
  std::ifstream("/proc/self/statm") >> held.pages;
  return held;
}

/// A machine, and what its first VM has written when it is destroyed.
struct Subject {
  std::string name;
  hal_sim::MachineConfig config;
  std::string_view written = "\n";
};

Subject hello(Isa isa) {
  return {.name = "hello", .config = config_of({.name = "hello", .isa = isa})};
}

/// With a disk that is a file, between two requests.
Subject with_disk(Isa isa, const TemporaryFolder& folder) {
  Subject made{.name = "virtio",
               .config = config_of({.name = "virtio", .isa = isa}),
               .written = "split queues"};
  const std::string file = folder.file("disk", std::string(1 << 20, '\0')).string();
  made.config.sim.backends.disks = {{.device = "virtio-disk", .file = file}};
  return made;
}

/// Two VMs on two pCPUs that send each other frames, of which a file is kept.
Subject with_network(Isa isa, const TemporaryFolder& folder) {
  Subject made{.name = "network", .config = config_of({.name = "network-left", .isa = isa})};
  made.config.vms.push_back(config_of({.name = "network-right", .isa = isa}).vms.front());
  made.config.vms.front().emu_devices.back().name = "left";
  made.config.sim.backends.networks = {
      {.device = "left", .pcap = (folder.path() / "frames").string()}};
  return made;
}

/// Debian's kernel, with an interrupt controller.
Subject linux_kernel() {
  Subject made{.name = "linux", .config = config_of({.name = "linux"})};
  hal_sim::VmFile& vm = made.config.vms.front();
  for (std::string* path : {&vm.kernel_path, &vm.ramdisk->path}) {
    *path = (std::filesystem::path(AXVM_IMAGES) / *path).string();
  }
  return made;
}

std::unique_ptr<Host> in_mid_run(const Subject& subject) {
  Outcome outcome;
  auto host = boot(subject.config, {.name = subject.name}, outcome);
  REQUIRE(host != nullptr);
  hal_sim::StopCondition until;
  until.instructions = 50'000'000;
  until.console = {host->vm(0).id(), [&](std::string_view output) {
                     return output.find(subject.written) != std::string_view::npos;
                   }};
  CHECK(host->run(until).kind == StopKind::ConsoleMatched);
  return host;
}

// Heap that is kept for later is less than what any machine would leave of its engine or its RAM.
void check_nothing_is_left(const Held& before) {
  constexpr std::uint64_t kSlack = (8 << 20) / 4096;
  const Held now = held();
  CHECK(now.files == before.files);
  if (!kShowsFreed) return;
  CHECK(now.mappings <= before.mappings);
  CHECK(now.pages <= before.pages + kSlack);
}

void one_after_the_other(const Subject& subject) {
  CAPTURE(subject.name);
  // The first makes what there is once in a process, and teaches malloc which sizes come again.
  for (unsigned i = 0; i < 2; ++i) static_cast<void>(in_mid_run(subject));
  const Held before = held();
  for (unsigned i = 0; i < kMachines; ++i) {
    {
      const auto host = in_mid_run(subject);
      if (kShowsFreed) CHECK(held().mappings > before.mappings);
    }
    check_nothing_is_left(before);
  }
}

void side_by_side(const Subject& subject) {
  CAPTURE(subject.name);
  Held before;
  for (unsigned round = 0; round < 3; ++round) {
    {
      std::vector<std::unique_ptr<Host>> hosts;
      for (unsigned i = 0; i < kMachines; ++i) hosts.push_back(in_mid_run(subject));
    }
    if (round == 0) before = held();
    check_nothing_is_left(before);
  }
}

}  // namespace

TEST_CASE("resources: ten machines, each destroyed in mid-run, leave nothing behind") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    const TemporaryFolder folder;
    one_after_the_other(hello(isa));
    one_after_the_other(with_disk(isa, folder));
    one_after_the_other(with_network(isa, folder));
  }
}

TEST_CASE("resources: ten machines side by side, destroyed in mid-run, leave nothing behind") {
  for (const Isa isa : kIsas) {
    CAPTURE(to_string(isa));
    const TemporaryFolder folder;
    side_by_side(hello(isa));
    side_by_side(with_disk(isa, folder));
    side_by_side(with_network(isa, folder));
  }
}

// Slow: CMakeLists.txt has a test of its own for it.
TEST_CASE("resources: ten Linux kernels, destroyed as they boot, leave nothing behind" *
          doctest::skip()) {
  const std::string kernel = linux_kernel().config.vms.front().kernel_path;
  if (!std::filesystem::exists(kernel)) {
    MESSAGE("skipped: there is no ", kernel, "; ./x guest linux-aarch64 fetches it");
    return;
  }
  one_after_the_other(linux_kernel());
  side_by_side(linux_kernel());
}
