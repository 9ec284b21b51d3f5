#pragma once
// How bare-metal images of an instruction set are built and run.

#include <hal-sim/isa.hpp>
#include <string>
#include <string_view>

namespace axvm::tool {

struct MetalBoard {
  std::string_view mode;      ///< what the image runs in: "EL2"
  std::string_view folder;    ///< of its HAL, here and in the cross build: "hal-el2"
  std::string_view library;   ///< all of an image but its guests
  std::string_view built;     ///< folder of the cross build
  std::string_view compiler;  ///< empty when there was none
  std::string_view compiler_package;
  std::string_view compiler_options;  ///< as the toolchain file of the cross build has them
  std::string_view qemu;
  std::string_view qemu_package;
  std::string_view qemu_options;  ///< but for the machine
  /// Of QEMU's board: how many it has to have room for, however many there are.
  unsigned least_max_cpus;
  /// Whether firmware has its say on the console first.
  bool has_firmware;
};

[[nodiscard]] const MetalBoard& metal_board(hal_sim::Isa isa);

}  // namespace axvm::tool
