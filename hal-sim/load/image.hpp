#pragma once
// Images from files into guest memory.

#include <core/vm/vm_base.hpp>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <hal-sim/config/vm_file.hpp>
#include <string>
#include <vector>

namespace axvm::hal_sim {

/// Where relative image paths are looked for, in this order: the folder of the configuration file
/// and each folder above it, the folder `images` in each of those, `directories`.
struct ImageSearch {
  std::vector<std::filesystem::path> directories;
};

/// The file that `name` in a configuration file stands for, or one line that lists where it was
/// looked for.
[[nodiscard]] std::expected<std::filesystem::path, std::string> find_image(
    const std::string& name, const std::filesystem::path& config_file, const ImageSearch& search);

/// An image of a VM: what it is for, the key that names it, and its place in guest memory.
struct ImageUse {
  std::string key;   ///< "kernel.kernel_path"
  std::string path;  ///< as written
  std::uint64_t load_addr = 0;
};

/// The images that a VM boots with: the kernel, and a device tree and ramdisk if configured.
[[nodiscard]] std::vector<ImageUse> images_of(const VmFile& file);

/// Copies the file's bytes to `load_addr`. The error is one line.
[[nodiscard]] std::expected<void, std::string> load_image(VmBase& vm,
                                                          const std::filesystem::path& file,
                                                          GuestPhysAddr load_addr);

}  // namespace axvm::hal_sim
