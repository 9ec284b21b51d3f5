// [sim.disk.NAME], [sim.net.NAME], [sim.fw_cfg.NAME].
#include <fmt/format.h>

#include <array>
#include <core/devices/fw_cfg.hpp>
#include <hal-sim/config/vm_file_reader.hpp>

namespace axvm::hal_sim {
namespace {

constexpr std::uint64_t kSector = 512;
constexpr std::uint64_t kLargestDisk = 1ULL << 40;
constexpr std::array<std::string_view, 2> kFirmwareFile = {"name", "path"};

void report(ReadContext& context, const FieldReader& reader, std::string_view name,
            std::string what, std::string expected) {
  const std::string key = reader.path_of(name);
  const auto at = context.locations.find(key);
  const Location place = at != context.locations.end() ? at->second : context.locations["sim"];
  context.error(place, key, std::move(what), std::move(expected));
}

/// Calls `read(reader, name)` for each sub-table of the table `kind`.
template <class F>
void for_tables(ReadContext& context, FieldReader& sim, std::string_view kind, F&& read) {
  const toml::table* all = sim.table(kind, false);
  if (all == nullptr) return;
  for (const auto& [name, node] : *all) {
    const std::string key = fmt::format("{}.{}", sim.path_of(kind), name.str());
    const Location at = FieldReader::location_of(node);
    if (!node.is_table()) {
      context.error(at, key, "is no table", fmt::format("[{}]", key));
      continue;
    }
    const auto begin = name.source().begin;
    context.locations[key] = at.line != 0 ? at : Location{begin.line, begin.column};
    FieldReader reader(context, *node.as_table(), key);
    read(reader, std::string(name.str()));
    reader.finish();
  }
}

DiskOptions read_disk(ReadContext& context, FieldReader& reader, std::string device) {
  DiskOptions disk{.device = std::move(device), .file = reader.string("file")};
  const auto size = reader.size("size", {kSector, kLargestDisk});
  disk.size = size.value_or(0);
  disk.read_only = reader.boolean("read_only").value_or(false);
  const auto overlay = reader.boolean("overlay");
  disk.overlay = overlay.value_or(true);
  if (disk.file.has_value() == size.has_value()) {
    report(context, reader, "file", disk.file ? "is there beside size" : "is missing",
           "either file or size");
  }
  if (disk.size % kSector != 0) {
    report(context, reader, "size", fmt::format("is {}", disk.size), "a multiple of 512");
  }
  if (!disk.overlay && (disk.read_only || !disk.file)) {
    report(context, reader, "overlay", "is false for a disk that cannot be written",
           "true, or a file that is not read_only");
  }
  return disk;
}

std::optional<std::uint64_t> parse_mac(const std::string& text) {
  std::array<unsigned, 6> octets{};
  if (text.size() != 17) return std::nullopt;
  for (std::size_t i = 0; i < octets.size(); ++i) {
    if (i != 0 && text[3 * i - 1] != ':') return std::nullopt;
    for (std::size_t j = 0; j < 2; ++j) {
      const char c = text[3 * i + j];
      const bool digit = c >= '0' && c <= '9';
      const char low = static_cast<char>(c | 0x20);
      if (!digit && (low < 'a' || low > 'f')) return std::nullopt;
      octets[i] = octets[i] * 16 + static_cast<unsigned>(digit ? c - '0' : low - 'a' + 10);
    }
  }
  std::uint64_t mac = 0;
  for (std::size_t i = 0; i < octets.size(); ++i) mac |= std::uint64_t{octets[i]} << (8 * i);
  if ((mac & 1) != 0 || mac == 0) return std::nullopt;  // of a group, or of nobody
  return mac;
}

NetworkOptions read_network(ReadContext& context, FieldReader& reader, std::string device) {
  NetworkOptions network{.device = std::move(device)};
  network.network = reader.string("switch").value_or(network.network);
  if (const auto mac = reader.string("mac")) {
    network.mac = parse_mac(*mac);
    if (!network.mac) {
      report(context, reader, "mac", fmt::format("is \"{}\"", *mac),
             "the address of one card, as \"52:54:00:12:34:56\"");
    }
  }
  network.pcap = reader.string("pcap");
  return network;
}

FirmwareOptions read_firmware(ReadContext& context, FieldReader& reader, std::string device) {
  FirmwareOptions firmware{.device = std::move(device)};
  reader.rows("files", false, [&](const toml::node& node, const std::string& key) {
    FieldReader row(context, node, key, kFirmwareFile);
    FirmwareFileRow file{row.required_string("name"), row.required_string("path")};
    row.finish();
    if (file.name.size() > FwCfg::kMostNameBytes) {
      report(context, row, "name", fmt::format("has {} bytes", file.name.size()),
             fmt::format("{} at most", FwCfg::kMostNameBytes));
    }
    firmware.files.push_back(std::move(file));
  });
  if (firmware.files.size() > FwCfg::kMostFiles) {
    report(context, reader, "files", fmt::format("has {} rows", firmware.files.size()),
           fmt::format("{} at most", FwCfg::kMostFiles));
  }
  return firmware;
}

}  // namespace

BackendOptions read_backend_options(ReadContext& context, FieldReader& sim) {
  BackendOptions backends;
  for_tables(context, sim, "disk", [&](FieldReader& reader, std::string device) {
    backends.disks.push_back(read_disk(context, reader, std::move(device)));
  });
  for_tables(context, sim, "net", [&](FieldReader& reader, std::string device) {
    backends.networks.push_back(read_network(context, reader, std::move(device)));
  });
  for_tables(context, sim, "fw_cfg", [&](FieldReader& reader, std::string device) {
    backends.firmware.push_back(read_firmware(context, reader, std::move(device)));
  });
  return backends;
}

}  // namespace axvm::hal_sim
