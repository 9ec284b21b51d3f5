#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <hal-sim/record/json_text.hpp>
#include <hal-sim/record/machine_identity.hpp>
#include <hal-sim/state/hasher.hpp>
#include <span>

namespace axvm::hal_sim {
namespace {

class Collector {
 public:
  Collector(const MachineConfig& config, const ImageSearch& images)
      : config_(config), images_(images) {}

  void add(std::string what, std::string is) {
    identity_.push_back({std::move(what), std::move(is)});
  }
  void add_file(std::string what, const std::filesystem::path& file) {
    if (auto digest = digest_of_file(file)) return add(std::move(what), std::move(*digest));
    fail(fmt::format("{}: {} cannot be read", what, file.string()));
  }
  // Named by a key of `vm`.
  void add_image(std::string what, const std::string& name, const VmFile& vm) {
    if (auto found = find_image(name, vm.file, images_)) {
      add_file(std::move(what), *found);
    } else {
      fail(fmt::format("{}: {}", what, found.error()));
    }
  }
  // Named by a key of [sim], which one of the files has.
  void add_image_of_sim(const std::string& what, const std::string& name) {
    for (const VmFile& vm : config_.vms) {
      if (vm.locations.contains("sim")) return add_image(what, name, vm);
    }
  }

  std::expected<MachineIdentity, std::string> finish() {
    if (!error_.empty()) return std::unexpected(std::move(error_));
    return std::move(identity_);
  }

 private:
  void fail(std::string what) {
    if (error_.empty()) error_ = std::move(what);
  }

  const MachineConfig& config_;
  const ImageSearch& images_;
  MachineIdentity identity_;
  std::string error_;
};

}  // namespace

std::optional<std::string> digest_of_file(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return std::nullopt;
  Hasher hasher;
  std::vector<std::byte> piece(1 << 20);
  for (;;) {
    stream.read(reinterpret_cast<char*>(piece.data()), static_cast<std::streamsize>(piece.size()));
    const auto count = static_cast<std::size_t>(stream.gcount());
    hasher.add(std::span<const std::byte>(piece).first(count));
    if (stream.eof()) return hasher.hex();
    if (!stream) return std::nullopt;
  }
}

std::expected<MachineIdentity, std::string> identify(const MachineConfig& config,
                                                     const ImageSearch& images) {
  Collector parts(config, images);
  for (const VmFile& vm : config.vms) {
    const std::string name = fmt::format("vm{}", vm.id);
    parts.add_file(fmt::format("{} configuration", name), vm.file);
    parts.add(fmt::format("{} vCPUs", name), fmt::format("{}", vm.cpu_num));
    std::uint64_t memory = 0;
    for (const MemoryRegionRow& region : vm.memory_regions) memory += region.size;
    parts.add(fmt::format("{} memory", name), fmt::format("{}", memory));
    for (const ImageUse& image : images_of(vm)) {
      parts.add_image(fmt::format("{} {}", name, image.key), image.path, vm);
    }
  }
  for (const DiskOptions& disk : config.sim.backends.disks) {
    if (disk.file) parts.add_image_of_sim(fmt::format("sim.disk.{}.file", disk.device), *disk.file);
  }
  for (const FirmwareOptions& firmware : config.sim.backends.firmware) {
    for (const FirmwareFileRow& row : firmware.files) {
      parts.add_image_of_sim(fmt::format("sim.fw_cfg.{} {}", firmware.device, row.name), row.path);
    }
  }
  return parts.finish();
}

std::string to_lines(const MachineIdentity& identity) {
  std::string text;
  for (const IdentityPart& part : identity) {
    text += fmt::format("{{\"machine\":{},\"is\":{}}}\n", as_json(part.what), as_json(part.is));
  }
  return text;
}

std::optional<IdentityPart> parse_identity_part(std::string_view line) {
  if (!skip(line, "{\"machine\":")) return std::nullopt;
  auto what = take_string(line);
  if (!what || !skip(line, ",\"is\":")) return std::nullopt;
  auto is = take_string(line);
  if (!is || line != "}") return std::nullopt;
  return IdentityPart{std::move(*what), std::move(*is)};
}

std::optional<MachineIdentity> parse_identity(std::string_view text) {
  MachineIdentity identity;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    auto part = parse_identity_part(text.substr(0, end));
    if (!part) return std::nullopt;
    identity.push_back(std::move(*part));
    text.remove_prefix(end + 1);
  }
  return identity;
}

std::optional<IdentityDifference> first_difference(const MachineIdentity& expected,
                                                   const MachineIdentity& is) {
  static const IdentityPart kNone{"nothing more", ""};
  for (std::size_t i = 0; i < std::max(expected.size(), is.size()); ++i) {
    const IdentityPart& wanted = i < expected.size() ? expected[i] : kNone;
    const IdentityPart& found = i < is.size() ? is[i] : kNone;
    if (wanted == found) continue;
    if (wanted.what == found.what) {
      return IdentityDifference{
          i, fmt::format("{} is {}, expected {}", found.what, found.is, wanted.is)};
    }
    const auto show = [](const IdentityPart& part) {
      return part.is.empty() ? part.what : fmt::format("{} {}", part.what, part.is);
    };
    return IdentityDifference{
        i, fmt::format("the machine has {}, expected {}", show(found), show(wanted))};
  }
  return std::nullopt;
}

}  // namespace axvm::hal_sim
