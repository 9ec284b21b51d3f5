#pragma once
// Where the files are that a VM boots with.

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

/// An image of a VM, as its configuration names it.
struct ImageUse {
  std::string key;   ///< "kernel.kernel_path"
  std::string path;  ///< as written
};

/// The images that a VM boots with: the kernel, and a device tree and ramdisk if configured.
[[nodiscard]] std::vector<ImageUse> images_of(const VmFile& file);

}  // namespace axvm::hal_sim
