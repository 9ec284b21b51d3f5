#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <hal-sim/config/size_text.hpp>
#include <hal-sim/config/toml_file.hpp>
#include <iterator>
#include <lab/alternative.hpp>
#include <lab/profile_file.hpp>
#include <lab/profile_variant.hpp>
#include <lab/trace/trace_reader.hpp>
#include <span>
#include <utility>

namespace axvm::lab {
namespace {

using sim::timing::Profile;
using sim::timing::TableFormat;

constexpr std::uint64_t kMillion = 1'000'000;
constexpr std::uint64_t kMostAccesses = 1ULL << 40;
constexpr std::uint64_t kLargestFootprint = 1ULL << 42;
// As much as the layout of guests' memory has room for (translation_tables.cpp).
constexpr unsigned kLargestLeafShift = 36;

enum Axis : std::uint8_t {
  kProfile,
  kStage1,
  kStage2,
  kFragmentation,
  kUpdates,
  kStream,
  kFootprint,
  kStride,
  kAccesses,
  kWarmUp,
  kSeed
};
constexpr std::array<std::string_view, kAxisCount> kDefaults{
    "", "off", "off", "0", "0", "random", "64M", "64", "100000", "0", "1"};

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

template <class Formats>
std::string names_of(const Formats& formats) {
  std::string names;
  for (const auto& format : formats) {
    names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", format.format->name);
  }
  return names;
}

// The height of the tables that hold leaves of this size.
Read<unsigned> leaf_height(const TableFormat& format, std::string_view text) {
  std::string sizes;
  const auto shift = page_shift(text);
  for (unsigned height = 0; height <= format.max_leaf_height; ++height) {
    const unsigned leaf = format.entry_shift(height);
    if (leaf > kLargestLeafShift) break;
    if (shift == leaf) return height;
    sizes += fmt::format("{}{}K", height == 0 ? "" : ", ", 1ULL << (leaf - 10));
  }
  return std::unexpected(Wrong{fmt::format("names leaves of \"{}\"", text),
                               fmt::format("for {} one of {}", format.name, sizes)});
}

Read<std::vector<LeafShare>> leaf_shares(const TableFormat& format, std::string_view text) {
  std::vector<LeafShare> shares;
  const auto parts = split(text, ',');
  unsigned sum = 0;
  for (const std::string_view part : parts) {
    const auto words = split(part, ':');
    const auto height = leaf_height(format, words[0]);
    if (!height) return std::unexpected(height.error());
    const auto percent = words.size() == 2   ? hal_sim::parse_number(words[1])
                         : parts.size() == 1 ? std::optional<std::uint64_t>(100)
                                             : std::nullopt;
    if (!percent || *percent > 100 || words.size() > 2) {
      return std::unexpected(Wrong{fmt::format("has \"{}\"", part), "for example \"2M:75,4K:25\""});
    }
    shares.push_back({*height, static_cast<unsigned>(*percent)});
    sum += shares.back().percent;
  }
  if (sum != 100) {
    return std::unexpected(Wrong{fmt::format("shares out {} percent", sum), "100 percent"});
  }
  return shares;
}

// "FORMAT/LEAF": the format, and what is behind the slash.
template <class Format>
Read<std::pair<const Format*, std::string_view>> read_format(std::string_view text,
                                                             std::span<const Format> formats,
                                                             std::string_view example) {
  const auto words = split(text, '/');
  const auto found =
      std::ranges::find(formats, words[0], [](const Format& f) { return f.format->name; });
  if (found != formats.end() && words.size() == 2) return std::pair{&*found, words[1]};
  return std::unexpected(Wrong{fmt::format("is \"{}\"", text),
                               fmt::format("\"off\" or FORMAT/LEAF, such as \"{}\"; formats are {}",
                                           example, names_of(formats))});
}

Read<void> read_stage1(std::string_view text, TablesSpec& tables) {
  if (text == "off") return {};
  const auto named = read_format(text, guest_formats(), "vmsa-4k-48/4K");
  if (!named) return std::unexpected(named.error());
  auto shares = leaf_shares(*named->first->format, named->second);
  if (!shares) return std::unexpected(shares.error());
  tables.guest = named->first;
  tables.guest_leaves = std::move(*shares);
  return {};
}

Read<void> read_stage2(std::string_view text, TablesSpec& tables) {
  if (text == "off") return {};
  const auto named = read_format(text, nested_formats(), "vmsa-4k-40/2M");
  if (!named) return std::unexpected(named.error());
  const auto height = leaf_height(*named->first->format, named->second);
  if (!height) return std::unexpected(height.error());
  tables.nested = named->first;
  tables.nested_height = *height;
  return {};
}

Read<std::uint64_t> read_size(std::string_view text, std::uint64_t unit, std::uint64_t most) {
  const auto size = hal_sim::parse_size(text);
  if (size && *size != 0 && *size % unit == 0 && *size <= most) return *size;
  return std::unexpected(Wrong{fmt::format("is \"{}\"", text),
                               fmt::format("a size such as \"64M\", a multiple of {}, at most {}",
                                           unit, hal_sim::format_size(most))});
}

Read<std::uint64_t> read_number(std::string_view text, std::uint64_t least, std::uint64_t most) {
  const auto number = hal_sim::parse_number(text);
  if (number && *number >= least && *number <= most) return *number;
  return std::unexpected(
      Wrong{fmt::format("is \"{}\"", text), fmt::format("a number from {} to {}", least, most)});
}

}  // namespace

std::string_view default_alternative(std::size_t axis) { return kDefaults.at(axis); }

Read<std::shared_ptr<const Profile>> Alternatives::profile(const std::string& text) {
  if (const auto known = known_.find(text); known != known_.end()) return known->second;
  const auto words = split(text, ' ');
  const std::string name(words[0]);
  auto base = profile_file(name);
  // What is wrong with a file is said already.
  if (!base || *base == nullptr || words.size() == 1) return base;
  auto changed = with_settings(**base, std::span(words).subspan(1));
  if (!changed) return std::unexpected(changed.error());
  return known_[text] = std::make_shared<const Profile>(std::move(*changed));
}

Read<std::shared_ptr<const Profile>> Alternatives::profile_file(const std::string& name) {
  if (const auto known = known_.find(name); known != known_.end()) return known->second;
  const std::filesystem::path file = folder_ / (name + ".toml");
  std::error_code error;
  if (name.empty() || name.find('/') != std::string::npos ||
      !std::filesystem::exists(file, error)) {
    return std::unexpected(Wrong{fmt::format("is \"{}\"", name),
                                 fmt::format("the name of a file in {}", folder_.string())});
  }
  fingerprint_.add(name);
  fingerprint_.add(hal_sim::read_text(file).value_or(""));
  std::shared_ptr<const Profile> found;
  if (auto loaded = load_profile(file)) {
    found = std::make_shared<const Profile>(std::move(*loaded));
  } else {
    std::ranges::move(loaded.error(), std::back_inserter(errors_));
  }
  return known_[name] = found;
}

Read<void> Alternatives::stream(StreamSpec& spec, const std::string& text) {
  if (const auto kind = stream_kind(text)) {
    spec.kind = *kind;
    return {};
  }
  if (trace_kind(text) == nullptr) {
    std::string suffixes;
    for (const TraceKind& kind : trace_kinds()) suffixes += fmt::format(", {}", kind.suffix);
    return std::unexpected(
        Wrong{fmt::format("is \"{}\"", text),
              fmt::format(
                  "one of \"sequential\", \"strided\", \"random\", \"chase\", \"zipf\", "
                  "\"graph\", or a trace, a file whose name ends in one of {}, perhaps with .gz or "
                  ".zst behind",
                  suffixes.substr(2))});
  }
  spec.kind = StreamKind::Trace;
  spec.trace = folder_.parent_path() / text;
  return know_trace(spec.trace, text);
}

// Another trace, another experiment.
Read<void> Alternatives::know_trace(const std::filesystem::path& file, const std::string& text) {
  if (!traces_.insert(text).second) return {};
  const auto bytes = open_file(file);
  if (bytes == nullptr) {
    return std::unexpected(Wrong{fmt::format("is \"{}\"", text),
                                 fmt::format("a file in {}", file.parent_path().string())});
  }
  fingerprint_.add(text);
  std::vector<std::byte> chunk(1U << 20);
  for (;;) {
    const auto size = bytes->read(chunk);
    if (!size)
      return std::unexpected(Wrong{fmt::format("is \"{}\"", text), "a file that can be read"});
    if (*size == 0) return {};
    fingerprint_.add(std::span(std::as_const(chunk)).first(*size));
  }
}

Read<void> Alternatives::set(Point& point, std::size_t axis, const std::string& text) {
  const auto put = [](auto& to, const auto& from) -> Read<void> {
    if (!from) return std::unexpected(from.error());
    to = static_cast<std::remove_reference_t<decltype(to)>>(*from);
    return {};
  };
  point.labels.at(axis) = text;
  switch (axis) {
    case kProfile: return put(point.profile, profile(text));
    case kStage1: return read_stage1(text, point.tables);
    case kStage2:
      point.shadow = text == "shadow";
      return point.shadow ? Read<void>() : read_stage2(text, point.tables);
    case kUpdates: return put(point.updates, read_number(text, 0, kMillion));
    case kFragmentation: return put(point.tables.fragmentation, read_number(text, 0, 100));
    case kStream: return stream(point.stream, text);
    case kFootprint: {
      const auto done = put(point.stream.footprint, read_size(text, 8192, kLargestFootprint));
      point.tables.footprint = point.stream.footprint;
      return done;
    }
    case kStride: return put(point.stream.stride, read_size(text, 8, kLargestFootprint));
    case kAccesses: return put(point.accesses, read_number(text, 1, kMostAccesses));
    case kWarmUp: return put(point.warm_up, read_number(text, 0, kMostAccesses));
    default: break;
  }
  const auto done = put(point.stream.seed, read_number(text, 0, ~0ULL >> 1));
  point.tables.seed = point.stream.seed;
  return done;
}

}  // namespace axvm::lab
