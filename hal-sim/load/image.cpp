#include <fmt/format.h>

#include <hal-sim/load/image.hpp>
#include <system_error>

namespace axvm::hal_sim {
namespace {

namespace fs = std::filesystem;

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// A folder, a device, a pipe.
bool is_no_file(const fs::path& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  return fs::exists(status) && !fs::is_regular_file(status);
}

}  // namespace

std::expected<fs::path, std::string> find_image(const std::string& name,
                                                const fs::path& config_file,
                                                const ImageSearch& search) {
  fs::path wanted(name);
  if (wanted.is_absolute()) {
    if (is_file(wanted)) return wanted;
    if (is_no_file(wanted)) return std::unexpected(name + " is not a regular file");
    return std::unexpected(fmt::format("no such file: {}", name));
  }
  fs::path no_file;  // the first thing of that name that is none
  std::error_code ignored;
  const fs::path start = fs::absolute(config_file, ignored).lexically_normal().parent_path();
  for (fs::path folder = start;; folder = folder.parent_path()) {
    for (const fs::path& candidate : {folder / wanted, folder / "images" / wanted}) {
      if (is_file(candidate)) return candidate;
      if (no_file.empty() && is_no_file(candidate)) no_file = candidate;
    }
    if (folder == folder.parent_path()) break;
  }
  std::string places = fmt::format("{} and the folders above it", start.string());
  for (const fs::path& folder : search.directories) {
    if (is_file(folder / wanted)) return folder / wanted;
    if (no_file.empty() && is_no_file(folder / wanted)) no_file = folder / wanted;
    places += ", " + folder.string();
  }
  if (!no_file.empty()) return std::unexpected(no_file.string() + " is not a regular file");
  return std::unexpected(fmt::format("\"{}\" is neither in {}", name, places));
}

std::vector<ImageUse> images_of(const VmFile& file) {
  std::vector<ImageUse> images{{"kernel.kernel_path", file.kernel_path}};
  if (file.dtb_path) images.push_back({"kernel.dtb_path", *file.dtb_path});
  if (file.ramdisk) images.push_back({"kernel.ramdisk_path", file.ramdisk->path});
  return images;
}

}  // namespace axvm::hal_sim
