#include <filesystem>
#include <lab/profile_file.hpp>
#include <tools/axvm/configuration.hpp>
#include <tools/axvm/timing_profile.hpp>
#include <utility>

namespace axvm::tool {

bool read_timing_profile(const std::string& name, std::optional<sim::timing::Profile>& profile) {
  std::filesystem::path file = name;
  if (!file.has_parent_path() && !file.has_extension()) {
    file = std::filesystem::path(AXVM_SOURCE_DIR "/configs/walk-lab/profiles") / (name + ".toml");
  }
  auto read = lab::load_profile(file);
  if (!read) {
    for (const hal_sim::Diagnostic& error : read.error()) complain("--timing: " + to_string(error));
    return false;
  }
  profile = std::move(*read);
  return true;
}

}  // namespace axvm::tool
