#pragma once
// What a VM boots with, and where: read from files and checked before anything is loaded.

#include <core/vm/vm_base.hpp>
#include <cstdint>
#include <expected>
#include <hal-sim/config/diagnostic.hpp>
#include <hal-sim/config/vm_file.hpp>
#include <hal-sim/isa.hpp>
#include <hal-sim/load/bytes.hpp>
#include <hal-sim/load/image.hpp>
#include <optional>
#include <string>
#include <vector>

namespace axvm::hal_sim {

/// A run of guest memory: `bytes`, then zeroes up to `size`, then what the image uses itself.
struct LoadPiece {
  std::string key;     ///< of the configuration: "kernel.ramdisk_path"
  std::string origin;  ///< the file, or what made it
  std::uint64_t gpa = 0;
  Bytes bytes;
  std::uint64_t size = 0;      ///< written; at least that of `bytes`
  std::uint64_t reserved = 0;  ///< taken from others; at least `size`

  [[nodiscard]] GuestPhysRange range() const noexcept { return {GuestPhysAddr(gpa), reserved}; }
};

struct LoadPlan {
  std::uint64_t entry = 0;
  std::optional<std::uint64_t> dtb;  ///< what the first vCPU finds in x0 (AArch64), a1 (RISC-V)
  std::vector<LoadPiece> pieces;     ///< disjoint, in memory of the VM
};

/// Reads and checks the kernel (raw, or for `isa` as an ELF file or a Linux Image; the latter two
/// also as gzip or zstd), the ramdisk and the device tree. A tree is made when `dtb_load_addr` is
/// given without `dtb_path`, or when the kernel is an Image. What has no address of its own goes to
/// the top of memory.
[[nodiscard]] std::expected<LoadPlan, Diagnostic> plan_load(const VmFile& vm,
                                                            const ImageSearch& search, Isa isa);

/// Writes every piece; may be repeated when the VM's memory is new. Errors: as
/// VmBase::get_image_load_region.
[[nodiscard]] Result<> load(VmBase& vm, const LoadPlan& plan);

}  // namespace axvm::hal_sim
