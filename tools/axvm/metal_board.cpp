#include <tools/axvm/metal_board.hpp>

namespace axvm::tool {
namespace {

constexpr MetalBoard kEl2{
    .mode = "EL2",
    .folder = "hal-el2",
    .library = "libaxvm_el2.a",
    .built = AXVM_EL2_DIR,
    .compiler = AXVM_EL2_CXX,
    .compiler_package = "g++-aarch64-linux-gnu",
    .compiler_options = "-mgeneral-regs-only -mstrict-align",
    .qemu = "qemu-system-aarch64",
    .qemu_package = "qemu-system-arm",
    .qemu_options = "-cpu cortex-a72",
    .least_max_cpus = 1,
    .has_firmware = false,
};

constexpr MetalBoard kHs{
    .mode = "HS",
    .folder = "hal-hs",
    .library = "libaxvm_hs.a",
    .built = AXVM_HS_DIR,
    .compiler = AXVM_HS_CXX,
    .compiler_package = "g++-riscv64-linux-gnu",
    .compiler_options =
        "-march=rv64imac_zicsr_zifencei -mabi=lp64 -mcmodel=medany "
        "-U__riscv_float_abi_soft -D__riscv_float_abi_double",
    .qemu = "qemu-system-riscv64",
    .qemu_package = "qemu-system-misc, opensbi",
    .qemu_options = "-cpu rv64,h=true -bios default",
    // Of a board for one hart an AMO is a load and a store, and traps as a load.
    .least_max_cpus = 2,
    .has_firmware = true,
};

}  // namespace

const MetalBoard& metal_board(hal_sim::Isa isa) {
  return isa == hal_sim::Isa::Aarch64 ? kEl2 : kHs;
}

}  // namespace axvm::tool
