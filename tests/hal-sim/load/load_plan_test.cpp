#include <doctest/doctest.h>

#include <array>
#include <filesystem>
#include <hal-sim/load/load_plan.hpp>
#include <tests/support/temporary_folder.hpp>

#include "image_builder.hpp"

using namespace axvm;
using namespace axvm::hal_sim;
using namespace axvm::hal_sim::test;
using axvm::test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kMemory = 0x4000'0000;

/// A VM of 64 MiB and its files.
struct Setup {
  TemporaryFolder folder;
  VmFile vm;
  Isa isa = Isa::Aarch64;

  Setup() {
    vm.file = (folder.path() / "vm.toml").string();
    vm.id = 1;
    vm.name = "vm";
    vm.memory_regions = {{kMemory, 64ULL << 20, 7, MapType::Alloc}};
    vm.emu_devices = {{"uart", 0x900'0000, 0x1000, 33, 2, {}}};
    vm.kernel_path = "kernel";
    vm.kernel_load_addr = kMemory + 0x8'0000;
  }
  void kernel(ByteView bytes) const { static_cast<void>(folder.file("kernel", text_of(bytes))); }
  void kernel(const ElfBuilder& elf) const { kernel(elf.build()); }
  void ramdisk(std::string_view contents) {
    static_cast<void>(folder.file("ramdisk", std::string(contents)));
    vm.ramdisk = ImageRow{"ramdisk", std::nullopt};
  }
  [[nodiscard]] auto plan() const { return plan_load(vm, {}, isa); }
  /// What follows the file's place, or "" when it can be loaded.
  [[nodiscard]] std::string error() const {
    const auto planned = plan();
    if (planned) return "";
    std::string text = planned.error().key + ": " + planned.error().what;
    if (!planned.error().expected.empty()) text += ", expected " + planned.error().expected;
    const std::string prefix = folder.path().string() + "/";
    if (const auto at = text.find(prefix); at != std::string::npos) text.erase(at, prefix.size());
    return text;
  }
};

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

TEST_CASE("a raw image goes to its address and is entered there, or where the file says") {
  Setup setup;
  setup.kernel(bytes_of("raw!"));
  auto plan = setup.plan();
  REQUIRE(plan.has_value());
  CHECK(plan->entry == kMemory + 0x8'0000);
  CHECK_FALSE(plan->dtb.has_value());
  REQUIRE(plan->pieces.size() == 1);
  CHECK(plan->pieces[0].gpa == kMemory + 0x8'0000);
  CHECK(text_of(plan->pieces[0].bytes) == "raw!");
  setup.vm.entry_point = kMemory + 0x1000;
  CHECK(setup.plan()->entry == kMemory + 0x1000);
  setup.vm.kernel_load_addr.reset();
  CHECK(setup.error() ==
        "kernel.kernel_load_addr: is missing, expected the address where a raw image goes");
}

TEST_CASE("an ELF file brings its addresses along; bss is written as zeroes") {
  Setup setup;
  setup.vm.kernel_load_addr.reset();
  ElfBuilder elf;
  elf.add(kMemory + 0x1000, "code", 4);
  elf.add(kMemory + 0x2000, "data", 0x100);
  setup.kernel(elf);
  const auto plan = setup.plan();
  REQUIRE(plan.has_value());
  CHECK(plan->entry == kMemory + 0x1000);
  REQUIRE(plan->pieces.size() == 2);
  CHECK(text_of(plan->pieces[1].bytes) == "data");
  CHECK(plan->pieces[1].size == 0x100);
  setup.vm.kernel_load_addr = kMemory;
  CHECK(setup.error() ==
        "kernel.kernel_load_addr: kernel is linked to 0x40001000, expected this address or none");
}

TEST_CASE("a position-independent ELF file moves to the address that the file says") {
  Setup setup;
  ElfBuilder elf;
  elf.header.e_type = ET_DYN;
  elf.add(0, "code", 4);
  elf.add(0x2000, "data", 4);
  elf.header.e_entry = 0;
  setup.kernel(elf);
  const auto plan = setup.plan();
  REQUIRE(plan.has_value());
  CHECK(plan->entry == kMemory + 0x8'0000);
  CHECK(plan->pieces[1].gpa == kMemory + 0x8'2000);
}

TEST_CASE("an arm64 Image goes to the start of memory, with a device tree above it") {
  Setup setup;
  setup.vm.kernel_load_addr.reset();
  setup.ramdisk("disk");
  for (const auto pack :
       {+[](ByteView b) { return Bytes(b.begin(), b.end()); }, +gzipped, +zstd_compressed}) {
    setup.kernel(pack(arm64_image(0x8'0000, 0x20'0000)));
    const auto plan = setup.plan();
    REQUIRE(plan.has_value());
    CHECK(plan->entry == kMemory + 0x8'0000);
    CHECK(plan->pieces[0].size == 4096);
    CHECK(plan->pieces[0].reserved == 0x20'0000);
    CHECK(plan->pieces[1].gpa == kMemory + (62ULL << 20));
    CHECK(plan->dtb == kMemory + (60ULL << 20));
  }
}

TEST_CASE("an arm64 Image goes where its header permits") {
  Setup setup;
  setup.kernel(arm64_image(0, 4096));
  CHECK(setup.error() ==
        "kernel.kernel_load_addr: kernel is an arm64 Image, expected at 0x0 from a multiple of "
        "2 MiB, not at 0x40080000");
  setup.vm.kernel_load_addr = kMemory + (4ULL << 20);
  CHECK(setup.plan()->entry == kMemory + (4ULL << 20));
}

TEST_CASE("a RISC-V Image goes behind the firmware's place at the start of memory") {
  Setup setup;
  setup.isa = Isa::Riscv64;
  setup.vm.kernel_load_addr.reset();
  for (const auto pack :
       {+[](ByteView b) { return Bytes(b.begin(), b.end()); }, +gzipped, +zstd_compressed}) {
    setup.kernel(pack(riscv_image(0x20'0000, 0x40'0000)));
    const auto plan = setup.plan();
    REQUIRE(plan.has_value());
    CHECK(plan->entry == kMemory + 0x20'0000);
    CHECK(plan->pieces[0].size == 4096);
    CHECK(plan->pieces[0].reserved == 0x40'0000);
    CHECK(plan->dtb == kMemory + (62ULL << 20));
  }
  setup.vm.kernel_load_addr = kMemory + 0x8'0000;
  CHECK(
      setup.error() ==
      "kernel.kernel_load_addr: kernel is a RISC-V Image, expected at 0x200000 from a multiple of "
      "2 MiB, not at 0x40080000");
}

TEST_CASE("an Image for another architecture is refused, and no raw image") {
  Setup setup;
  setup.kernel(riscv_image(0x20'0000, 0x40'0000));
  CHECK(setup.error() == "kernel.kernel_path: kernel is a RISC-V Image, expected an arm64 Image");
  setup.isa = Isa::Riscv64;
  setup.kernel(arm64_image(0, 4096));
  CHECK(setup.error() == "kernel.kernel_path: kernel is an arm64 Image, expected a RISC-V Image");
}

TEST_CASE("an entry point is where an instruction may be") {
  Setup setup;
  setup.kernel(bytes_of("raw!"));
  setup.vm.entry_point = kMemory + 2;
  CHECK(setup.error() ==
        "kernel.kernel_path: kernel has the entry point 0x40000002, expected a multiple of 4");
  setup.isa = Isa::Riscv64;
  CHECK(setup.plan()->entry == kMemory + 2);
  setup.vm.entry_point = kMemory + 1;
  CHECK(setup.error() ==
        "kernel.kernel_path: kernel has the entry point 0x40000001, expected a multiple of 2");
}

TEST_CASE("a device tree is made when only its address is given") {
  Setup setup;
  setup.kernel(bytes_of("raw!"));
  setup.vm.dtb_load_addr = kMemory;
  const auto plan = setup.plan();
  REQUIRE(plan.has_value());
  CHECK(plan->dtb == kMemory);
  CHECK(plan->pieces[1].gpa == kMemory);
  setup.vm.dtb_load_addr = kMemory + 4;
  CHECK(setup.error() ==
        "kernel.dtb_load_addr: the device tree made from the configuration goes to 0x40000004, "
        "expected a multiple of 8");
}

TEST_CASE("what does not fit or overlaps is refused before anything is loaded") {
  Setup setup;
  setup.kernel(bytes_of("raw!"));
  setup.vm.kernel_load_addr = kMemory + (64ULL << 20) - 2;
  setup.vm.entry_point = kMemory;
  CHECK(setup.error() ==
        "kernel.kernel_path: kernel (4 B) does not fit at 0x43fffffe: part of the range is no "
        "memory");
  setup.vm.memory_regions.push_back({kMemory + (64ULL << 20), 0x1000, 7, MapType::Alloc});
  CHECK(setup.error().empty());  // regions may adjoin
  setup.ramdisk("disk");
  setup.vm.ramdisk->load_addr = kMemory + (64ULL << 20) - 4;
  CHECK(setup.error().starts_with("kernel.ramdisk_path: ramdisk (4 B) at 0x43fffffc overlaps "));
  setup.vm.memory_regions = {{kMemory, 0x1000, 7, MapType::Alloc}};
  setup.vm.kernel_load_addr = kMemory;
  setup.vm.ramdisk->load_addr.reset();
  CHECK(setup.error() == "kernel.ramdisk_path: ramdisk (4 B) finds no room in memory");
}

TEST_CASE("what cannot be read or is nothing is one line") {
  Setup setup;
  CHECK(setup.error().starts_with("kernel.kernel_path: \"kernel\" is neither in "));
  setup.kernel(Bytes());
  CHECK(setup.error() == "kernel.kernel_path: kernel is empty");
  setup.kernel(gzipped(bytes_of("something")));
  CHECK(setup.error() ==
        "kernel.kernel_path: kernel is compressed, but neither an ELF file nor an arm64 Image");
  ElfBuilder elf;
  elf.add(kMemory + 2, "code", 4);
  setup.kernel(elf);
  setup.vm.kernel_load_addr.reset();
  CHECK(setup.error() ==
        "kernel.kernel_path: kernel has the entry point 0x40000002, expected a multiple of 4");
  setup.kernel(
      bytes_of("\x7f"
               "ELF"));
  CHECK(setup.error() ==
        "kernel.kernel_path: kernel is an ELF file of 4 bytes, expected a header of 64");
}

TEST_CASE("a piece is written span by span, and zeroes behind it") {
  TinyVm vm;
  vm.low.fill(std::byte{0xff});
  vm.high.fill(std::byte{0xff});
  LoadPlan plan;
  plan.pieces.push_back({"kernel.kernel_path", "kernel", 0x1000, bytes_of("abcdef"), 7, 8});
  REQUIRE(load(vm, plan).has_value());
  CHECK(text_of(vm.low) == "abcd");
  CHECK(text_of(vm.high) == std::string("ef\0\xff", 4));
  plan.pieces[0].size = 9;
  CHECK(load(vm, plan).error().kind == ErrorKind::BadAddress);
}
