#include <doctest/doctest.h>
#include <libfdt.h>

#include <hal-sim/load/device_tree.hpp>
#include <string_view>

#include "device_tree_reader.hpp"
#include "image_builder.hpp"

using namespace axvm;
using namespace axvm::hal_sim;
using namespace axvm::hal_sim::test;

namespace {

VmFile board() {
  VmFile vm;
  vm.name = "vm";
  vm.cpu_num = 2;
  vm.phys_cpu_ids = {0, 0x1'0000'0001};
  vm.memory_regions = {{0x4000'0000, 64ULL << 20, 7, MapType::Alloc},
                       {0, 0x1000, 5, MapType::Alloc},
                       {0x1'0000'0000, 0x1000, 3, MapType::Alloc}};
  vm.emu_devices = {{"uart", 0x900'0000, 0x1000, 33, 2, {}},
                    {"flash", 0x400'0000, 0x2'0000, 0, 0xf0, {}}};
  vm.cmdline = "console=ttyAMA0";
  return vm;
}

}  // namespace

TEST_CASE("a tree made from the configuration describes what there is") {
  const auto made =
      make_device_tree(board(), GuestPhysRange{GuestPhysAddr(0x4100'0000), 0x800}, Isa::Aarch64);
  REQUIRE(made.has_value());
  const Bytes& tree = *made;
  CHECK(fdt_check_full(tree.data(), tree.size()) == 0);
  CHECK(cells(tree, "/memory@40000000", "reg") == Cells{0, 0x4000'0000, 0, 64U << 20});
  CHECK(cells(tree, "/memory@100000000", "reg") == Cells{1, 0, 0, 0x1000});
  CHECK(fdt_path_offset(tree.data(), "/memory@0") < 0);  // read only: no memory to use
  CHECK(text(tree, "/pl011@9000000", "compatible") == "arm,pl011,arm,primecell");
  CHECK(cells(tree, "/pl011@9000000", "reg") == Cells{0, 0x900'0000, 0, 0x1000});
  CHECK(cells(tree, "/pl011@9000000", "clocks").front() ==
        cells(tree, "/apb-pclk", "phandle").front());
  CHECK(cells(tree, "/flash@4000000", "bank-width") == Cells{2});
  CHECK(text(tree, "/cpus/cpu@0", "enable-method") == "psci");
  CHECK(cells(tree, "/cpus/cpu@100000001", "reg") == Cells{1, 1});
  CHECK(text(tree, "/psci", "method") == "hvc");
  CHECK(text(tree, "/timer", "compatible") == "arm,armv8-timer");
  CHECK(text(tree, "/chosen", "bootargs") == "console=ttyAMA0");
  CHECK(text(tree, "/chosen", "stdout-path") == "/pl011@9000000");
  CHECK(cells(tree, "/chosen", "linux,initrd-start") == Cells{0, 0x4100'0000});
  CHECK(cells(tree, "/chosen", "linux,initrd-end") == Cells{0, 0x4100'0800});
}

TEST_CASE("a tree describes the board of QEMU's virt machine") {
  VmFile vm = board();
  vm.cpu_num = 18;
  vm.phys_cpu_ids.clear();
  vm.emu_devices = {{"gic", 0x800'0000, 0x1'0000, 0, 0x1, {3, 0x80A'0000, 0x808'0000}},
                    {"uart", 0x900'0000, 0x1000, 33, 0x2, {}},
                    {"rtc", 0x901'0000, 0x1000, 34, 0xf1, {}},
                    {"fw_cfg", 0x902'0000, 0x18, 0, 0x3, {}},
                    {"disk", 0xA00'0000, 0x200, 48, 0xe1, {}},
                    {"random", 0xA00'0200, 0x200, 49, 0xe4, {}}};
  const auto made = make_device_tree(vm, std::nullopt, Isa::Aarch64);
  REQUIRE(made.has_value());
  const Bytes& tree = *made;
  CHECK(fdt_check_full(tree.data(), tree.size()) == 0);
  SUBCASE("a GICv3 with a redistributor per vCPU and an ITS") {
    const char* const gic = "/intc@8000000";
    CHECK(text(tree, gic, "compatible") == "arm,gic-v3");
    CHECK(cells(tree, gic, "reg") ==
          Cells{0, 0x800'0000, 0, 0x1'0000, 0, 0x80A'0000, 0, 18 * 0x2'0000});
    CHECK(cells(tree, gic, "#interrupt-cells") == Cells{3});
    CHECK(cells(tree, "/", "interrupt-parent") == cells(tree, gic, "phandle"));
    CHECK(text(tree, gic, "interrupt-controller").empty());
    CHECK(text(tree, "/intc@8000000/its@8080000", "compatible") == "arm,gic-v3-its");
    CHECK(cells(tree, "/intc@8000000/its@8080000", "reg") == Cells{0, 0x808'0000, 0, 0x2'0000});
  }
  SUBCASE("interrupts of timers and devices") {
    CHECK(cells(tree, "/timer", "interrupts") == Cells{1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4});
    CHECK(cells(tree, "/pl011@9000000", "interrupts") == Cells{0, 1, 4});
    CHECK(cells(tree, "/pl031@9010000", "interrupts") == Cells{0, 2, 4});
    CHECK(cells(tree, "/virtio_mmio@a000000", "interrupts") == Cells{0, 16, 1});
    CHECK(cells(tree, "/virtio_mmio@a000200", "interrupts") == Cells{0, 17, 1});
  }
  SUBCASE("devices") {
    CHECK(text(tree, "/pl031@9010000", "compatible") == "arm,pl031,arm,primecell");
    CHECK(text(tree, "/pl031@9010000", "clock-names") == "apb_pclk");
    CHECK(text(tree, "/fw-cfg@9020000", "compatible") == "qemu,fw-cfg-mmio");
    CHECK(cells(tree, "/fw-cfg@9020000", "reg") == Cells{0, 0x902'0000, 0, 0x18});
    CHECK(text(tree, "/virtio_mmio@a000000", "compatible") == "virtio,mmio");
    // Linux numbers what it finds in the order of the tree.
    CHECK(fdt_path_offset(tree.data(), "/virtio_mmio@a000000") <
          fdt_path_offset(tree.data(), "/virtio_mmio@a000200"));
  }
  SUBCASE("CPUs, 16 to a cluster, in order") {
    CHECK(cells(tree, "/cpus/cpu@f", "reg") == Cells{0, 0xf});
    CHECK(cells(tree, "/cpus/cpu@101", "reg") == Cells{0, 0x101});
    CHECK(fdt_path_offset(tree.data(), "/cpus/cpu@0") <
          fdt_path_offset(tree.data(), "/cpus/cpu@1"));
  }
  SUBCASE("a seed that is the same in every run and another for every VM") {
    CHECK(cells(tree, "/chosen", "rng-seed").size() == 8);
    CHECK(*make_device_tree(vm, std::nullopt, Isa::Aarch64) == tree);
    vm.id = 2;
    CHECK(cells(*make_device_tree(vm, std::nullopt, Isa::Aarch64), "/chosen", "rng-seed") !=
          cells(tree, "/chosen", "rng-seed"));
  }
}

TEST_CASE("a tree describes a GICv2") {
  VmFile vm = board();
  vm.emu_devices.push_back({"gic", 0x800'0000, 0x1'0000, 0, 0x1, {2, 0x801'0000}});
  const Bytes tree = *make_device_tree(vm, std::nullopt, Isa::Aarch64);
  CHECK(text(tree, "/intc@8000000", "compatible") == "arm,cortex-a15-gic");
  CHECK(cells(tree, "/intc@8000000", "reg") ==
        Cells{0, 0x800'0000, 0, 0x1'0000, 0, 0x801'0000, 0, 0x2000});
  // Its private interrupts name the CPUs that have them.
  CHECK(cells(tree, "/timer", "interrupts") ==
        Cells{1, 13, 0x304, 1, 14, 0x304, 1, 11, 0x304, 1, 10, 0x304});
  CHECK(cells(tree, "/pl011@9000000", "interrupts") == Cells{0, 1, 4});
}

TEST_CASE("a tree without an interrupt controller describes no interrupts") {
  const Bytes tree = *make_device_tree(board(), std::nullopt, Isa::Aarch64);
  CHECK(fdt_getprop(tree.data(), 0, "interrupt-parent", nullptr) == nullptr);
  CHECK(text(tree, "/pl011@9000000", "interrupts") == "-");
  CHECK(text(tree, "/timer", "interrupts") == "-");
}

TEST_CASE("a tree grows with what it describes") {
  VmFile vm = board();
  vm.cmdline = std::string(10'000, 'x');
  const auto made = make_device_tree(vm, std::nullopt, Isa::Aarch64);
  REQUIRE(made.has_value());
  CHECK(text(*made, "/chosen", "bootargs").size() == 10'000);
  vm.cmdline = std::string(5 << 20, 'x');
  CHECK(make_device_tree(vm, std::nullopt, Isa::Aarch64).error() ==
        "makes a device tree larger than 2 MiB");
}

TEST_CASE("a given tree keeps what it says, but for memory, command line and ramdisk") {
  VmFile other = board();
  other.memory_regions = {{0x8000'0000, 0x1000, 7, MapType::Alloc}};
  other.cmdline = "old";
  const Bytes given = *make_device_tree(other, std::nullopt, Isa::Aarch64);
  const auto patched =
      patch_device_tree(given, board(), GuestPhysRange{GuestPhysAddr(0x4100'0000), 0x800});
  REQUIRE(patched.has_value());
  CHECK(fdt_path_offset(patched->data(), "/memory@80000000") < 0);
  CHECK(fdt_path_offset(patched->data(), "/memory@40000000") > 0);
  CHECK(text(*patched, "/chosen", "bootargs") == "console=ttyAMA0");
  CHECK(text(*patched, "/chosen", "stdout-path") == "/pl011@9000000");
  CHECK(cells(*patched, "/chosen", "linux,initrd-end") == Cells{0, 0x4100'0800});
  VmFile silent = board();
  silent.cmdline.reset();
  CHECK(text(*patch_device_tree(given, silent, std::nullopt), "/chosen", "bootargs") == "old");
}

TEST_CASE("what is no device tree is refused with what it is") {
  const VmFile vm = board();
  Bytes tree = *make_device_tree(vm, std::nullopt, Isa::Aarch64);
  CHECK(patch_device_tree(bytes_of("tree"), vm, std::nullopt).error() ==
        "has 4 bytes, expected a device tree with a header of 40");
  CHECK(patch_device_tree(Bytes(64), vm, std::nullopt).error() ==
        "begins with 0x00000000, expected a device tree (0xd00dfeed)");
  Bytes cut = tree;
  cut.pop_back();
  CHECK(patch_device_tree(cut, vm, std::nullopt).error() ==
        "is a device tree of " + std::to_string(tree.size()) + " bytes, expected " +
            std::to_string(cut.size()) + " at most");
  Bytes old = tree;
  fdt_set_version(old.data(), 16);
  CHECK(patch_device_tree(old, vm, std::nullopt).error() ==
        "is a device tree of version 16, expected 17");
  fdt_set_off_dt_struct(tree.data(), 0xffff'fff0);
  CHECK(patch_device_tree(tree, vm, std::nullopt)
            .error()
            .starts_with("is a damaged device tree (FDT_ERR_"));
}

TEST_CASE("a tree whose cells are too small for an address is refused") {
  Bytes tree = *make_device_tree(board(), std::nullopt, Isa::Aarch64);
  const std::uint32_t one = __builtin_bswap32(1);
  REQUIRE(fdt_setprop_inplace(tree.data(), 0, "#address-cells", &one, sizeof(one)) == 0);
  CHECK(patch_device_tree(tree, board(), std::nullopt).error() ==
        "is a device tree that cannot be completed (FDT_ERR_BADNCELLS)");
}
