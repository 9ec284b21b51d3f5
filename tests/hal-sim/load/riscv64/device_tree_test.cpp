#include <doctest/doctest.h>

#include <hal-sim/load/device_tree.hpp>
#include <tests/hal-sim/load/device_tree_reader.hpp>

using namespace axvm;
using namespace axvm::hal_sim;
using namespace axvm::hal_sim::test;

namespace {

VmFile board() {
  VmFile vm;
  vm.name = "vm";
  vm.cpu_num = 2;
  vm.memory_regions = {{0x8000'0000, 64ULL << 20, 7, MapType::Alloc}};
  vm.emu_devices = {
      {"plic", 0xc00'0000, 0x60'0000, 0, 0x1, {}}, {"uart", 0x1000'0000, 0x100, 10, 0x2, {}},
      {"rtc", 0x10'1000, 0x1000, 11, 0xf1, {}},    {"flash", 0x2000'0000, 0x2'0000, 0, 0xf0, {}},
      {"fw_cfg", 0x1010'0000, 0x18, 0, 0x3, {}},   {"disk", 0x1000'1000, 0x200, 1, 0xe1, {}},
      {"random", 0x1000'2000, 0x200, 2, 0xe4, {}}};
  vm.cmdline = "console=ttyS0";
  return vm;
}

Bytes tree_of(const VmFile& vm, std::optional<GuestPhysRange> initrd = std::nullopt) {
  auto made = make_device_tree(vm, initrd, Isa::Riscv64);
  REQUIRE(made.has_value());
  REQUIRE(fdt_check_full(made->data(), made->size()) == 0);
  return std::move(*made);
}

constexpr const char* kPlic = "/soc/plic@c000000";

}  // namespace

TEST_CASE("a tree describes harts: what they can do, and their interrupt controllers") {
  const Bytes tree = tree_of(board());
  CHECK(text(tree, "/", "compatible") == "riscv-virtio");
  CHECK(cells(tree, "/cpus", "timebase-frequency") == Cells{10'000'000});
  for (const char* const hart : {"/cpus/cpu@0", "/cpus/cpu@1"}) {
    CAPTURE(hart);
    CHECK(text(tree, hart, "device_type") == "cpu");
    CHECK(text(tree, hart, "compatible") == "riscv");
    CHECK(text(tree, hart, "riscv,isa") == "rv64imafdc_zicsr_zifencei_sstc");
    CHECK(text(tree, hart, "riscv,isa-base") == "rv64i");
    CHECK(text(tree, hart, "riscv,isa-extensions") == "i,m,a,f,d,c,zicsr,zifencei,sstc");
    CHECK(text(tree, hart, "mmu-type") == "riscv,sv57");
    const std::string intc = std::string(hart) + "/interrupt-controller";
    CHECK(text(tree, intc.c_str(), "compatible") == "riscv,cpu-intc");
    CHECK(cells(tree, intc.c_str(), "#interrupt-cells") == Cells{1});
    CHECK(cells(tree, intc.c_str(), "#address-cells") == Cells{0});
    CHECK(text(tree, intc.c_str(), "interrupt-controller").empty());
  }
  CHECK(cells(tree, "/cpus/cpu@1", "reg") == Cells{1});
  CHECK(fdt_path_offset(tree.data(), "/cpus/cpu@0") < fdt_path_offset(tree.data(), "/cpus/cpu@1"));
  CHECK(fdt_path_offset(tree.data(), "/psci") < 0);
}

TEST_CASE("a PLIC interrupts M-mode and S-mode of each hart, in turn") {
  const Bytes tree = tree_of(board());
  CHECK(text(tree, kPlic, "compatible") == "sifive,plic-1.0.0,riscv,plic0");
  CHECK(cells(tree, kPlic, "reg") == Cells{0, 0xc00'0000, 0, 0x60'0000});
  CHECK(cells(tree, kPlic, "riscv,ndev") == Cells{95});
  CHECK(text(tree, kPlic, "interrupt-controller").empty());
  const auto first = cells(tree, "/cpus/cpu@0/interrupt-controller", "phandle");
  const auto second = cells(tree, "/cpus/cpu@1/interrupt-controller", "phandle");
  REQUIRE(first.size() == 1);
  REQUIRE(second.size() == 1);
  CHECK(first != second);
  CHECK(cells(tree, kPlic, "interrupts-extended") ==
        Cells{first[0], 11, first[0], 9, second[0], 11, second[0], 9});
}

TEST_CASE("upstream's name for a PLIC is one, too") {
  VmFile vm = board();
  vm.emu_devices[0].emu_type = 0x30;
  CHECK(tree_of(vm) == tree_of(board()));
}

TEST_CASE("devices lie where QEMU's virt board has them, with their interrupts") {
  const Bytes tree = tree_of(board());
  const char* const uart = "/soc/serial@10000000";
  CHECK(text(tree, "/soc", "compatible") == "simple-bus");
  CHECK(text(tree, "/soc", "ranges").empty());
  CHECK(text(tree, uart, "compatible") == "ns16550a");
  CHECK(cells(tree, uart, "reg") == Cells{0, 0x1000'0000, 0, 0x100});
  CHECK(cells(tree, uart, "interrupts") == Cells{10});
  CHECK(cells(tree, uart, "interrupt-parent") == cells(tree, kPlic, "phandle"));
  CHECK(cells(tree, uart, "clock-frequency") == Cells{3'686'400});
  CHECK(text(tree, "/chosen", "stdout-path") == uart);
  CHECK(text(tree, "/soc/rtc@101000", "compatible") == "google,goldfish-rtc");
  CHECK(cells(tree, "/soc/rtc@101000", "interrupts") == Cells{11});
  CHECK(text(tree, "/soc/virtio_mmio@10001000", "compatible") == "virtio,mmio");
  CHECK(cells(tree, "/soc/virtio_mmio@10002000", "interrupts") == Cells{2});
  // Linux numbers what it finds in the order of the tree.
  CHECK(fdt_path_offset(tree.data(), "/soc/virtio_mmio@10001000") <
        fdt_path_offset(tree.data(), "/soc/virtio_mmio@10002000"));
  CHECK(text(tree, "/flash@20000000", "compatible") == "cfi-flash");
  CHECK(text(tree, "/flash@20000000", "interrupts") == "-");
  CHECK(cells(tree, "/fw-cfg@10100000", "reg") == Cells{0, 0x1010'0000, 0, 0x18});
}

TEST_CASE("memory, command line and ramdisk are where those of other boards are") {
  const Bytes tree = tree_of(board(), GuestPhysRange{GuestPhysAddr(0x8200'0000), 0x800});
  CHECK(cells(tree, "/memory@80000000", "reg") == Cells{0, 0x8000'0000, 0, 64U << 20});
  CHECK(text(tree, "/chosen", "bootargs") == "console=ttyS0");
  CHECK(cells(tree, "/chosen", "linux,initrd-start") == Cells{0, 0x8200'0000});
  CHECK(cells(tree, "/chosen", "rng-seed").size() == 8);
}

TEST_CASE("a RISC-V board without a PLIC describes no interrupts") {
  VmFile vm = board();
  vm.emu_devices.erase(vm.emu_devices.begin());
  const Bytes tree = tree_of(vm);
  CHECK(fdt_path_offset(tree.data(), kPlic) < 0);
  CHECK(text(tree, "/soc/serial@10000000", "interrupts") == "-");
  CHECK(text(tree, "/soc/serial@10000000", "interrupt-parent") == "-");
}

TEST_CASE("an APLIC has two cells for an interrupt, and the harts' external interrupts") {
  VmFile vm = board();
  vm.emu_devices[0] = {"aplic", 0xd00'0000, 0x8000, 0, 0x1, {2}};
  const Bytes tree = tree_of(vm);
  const char* const aplic = "/soc/aplic@d000000";
  CHECK(text(tree, aplic, "compatible") == "riscv,aplic");
  CHECK(cells(tree, aplic, "reg") == Cells{0, 0xd00'0000, 0, 0x8000});
  CHECK(cells(tree, aplic, "riscv,num-sources") == Cells{96});
  CHECK(cells(tree, aplic, "#interrupt-cells") == Cells{2});
  CHECK(text(tree, aplic, "interrupt-controller").empty());
  CHECK(text(tree, aplic, "msi-parent") == "-");
  const auto first = cells(tree, "/cpus/cpu@0/interrupt-controller", "phandle");
  const auto second = cells(tree, "/cpus/cpu@1/interrupt-controller", "phandle");
  CHECK(cells(tree, aplic, "interrupts-extended") == Cells{first.at(0), 9, second.at(0), 9});
  CHECK(cells(tree, "/soc/serial@10000000", "interrupts") == Cells{10, 4});
  CHECK(cells(tree, "/soc/serial@10000000", "interrupt-parent") == cells(tree, aplic, "phandle"));
  CHECK(text(tree, "/cpus/cpu@0", "riscv,isa") == "rv64imafdc_zicsr_zifencei_sstc");
  CHECK(fdt_path_offset(tree.data(), kPlic) < 0);
}

TEST_CASE("with interrupt files an APLIC sends them messages, and harts have their registers") {
  VmFile vm = board();
  vm.emu_devices[0] = {"aplic", 0xd00'0000, 0x8000, 0, 0x1, {2, 0x2800'0000}};
  const Bytes tree = tree_of(vm);
  const char* const aplic = "/soc/aplic@d000000";
  const char* const imsics = "/soc/imsics@28000000";
  CHECK(text(tree, imsics, "compatible") == "riscv,imsics");
  CHECK(cells(tree, imsics, "reg") == Cells{0, 0x2800'0000, 0, 0x2000});
  CHECK(cells(tree, imsics, "riscv,num-ids") == Cells{255});
  CHECK(cells(tree, imsics, "#interrupt-cells") == Cells{0});
  CHECK(cells(tree, imsics, "#msi-cells") == Cells{0});
  CHECK(text(tree, imsics, "interrupt-controller").empty());
  CHECK(text(tree, imsics, "msi-controller").empty());
  const auto first = cells(tree, "/cpus/cpu@0/interrupt-controller", "phandle");
  const auto second = cells(tree, "/cpus/cpu@1/interrupt-controller", "phandle");
  CHECK(cells(tree, imsics, "interrupts-extended") == Cells{first.at(0), 9, second.at(0), 9});
  CHECK(cells(tree, aplic, "msi-parent") == cells(tree, imsics, "phandle"));
  CHECK(cells(tree, imsics, "phandle") != second);
  CHECK(text(tree, aplic, "interrupts-extended") == "-");
  CHECK(text(tree, "/cpus/cpu@1", "riscv,isa") == "rv64imafdc_zicsr_zifencei_ssaia_sstc");
  CHECK(text(tree, "/cpus/cpu@1", "riscv,isa-extensions") ==
        "i,m,a,f,d,c,zicsr,zifencei,ssaia,sstc");
}

TEST_CASE("an SSWI is beside the controller that devices have") {
  VmFile vm = board();
  vm.emu_devices.insert(vm.emu_devices.begin(), {"sswi", 0x2f0'0000, 0x4000, 0, 0x1, {3}});
  const Bytes tree = tree_of(vm);
  const char* const sswi = "/soc/sswi@2f00000";
  CHECK(text(tree, sswi, "compatible") == "riscv,aclint-sswi");
  CHECK(cells(tree, sswi, "reg") == Cells{0, 0x2f0'0000, 0, 0x4000});
  const auto first = cells(tree, "/cpus/cpu@0/interrupt-controller", "phandle");
  const auto second = cells(tree, "/cpus/cpu@1/interrupt-controller", "phandle");
  CHECK(cells(tree, sswi, "interrupts-extended") == Cells{first.at(0), 1, second.at(0), 1});
  CHECK(text(tree, kPlic, "compatible") == "sifive,plic-1.0.0,riscv,plic0");
}
