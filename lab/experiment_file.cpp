#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <hal-sim/config/nearest_name.hpp>
#include <hal-sim/config/size_text.hpp>
#include <hal-sim/config/toml_file.hpp>
#include <hal-sim/state/hasher.hpp>
#include <iterator>
#include <lab/experiment.hpp>
#include <lab/metric.hpp>
#include <lab/profile_file.hpp>
#include <map>
#include <numeric>
#include <utility>

namespace axvm::lab {
namespace {

using hal_sim::Diagnostic;
using hal_sim::FieldReader;
using hal_sim::Location;
using hal_sim::ReadContext;
using sim::timing::Profile;
using sim::timing::TableFormat;

// What is wrong with one alternative: what it is, and what was expected.
struct Wrong {
  std::string what;
  std::string expected;
};
template <class T>
using Read = std::expected<T, Wrong>;

constexpr std::size_t kMostPoints = 1'000'000;
constexpr std::uint64_t kMostAccesses = 1ULL << 40;
constexpr std::uint64_t kLargestFootprint = 1ULL << 42;
// As much as the layout of guests' memory has room for (translation_tables.cpp).
constexpr unsigned kLargestLeafShift = 36;

enum Axis : std::uint8_t {
  kProfile,
  kStage1,
  kStage2,
  kStream,
  kFootprint,
  kStride,
  kAccesses,
  kWarmUp,
  kSeed
};
constexpr std::array<std::string_view, kAxisCount> kDefaults{"",   "off",    "off", "random", "64M",
                                                             "64", "100000", "0",   "1"};

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

Read<void> read_stage1(std::string_view text, TablesSpec& tables) {
  if (text == "off") return {};
  const auto words = split(text, '/');
  tables.guest = find_guest_format(words[0]);
  if (tables.guest == nullptr || words.size() != 2) {
    return std::unexpected(
        Wrong{fmt::format("is \"{}\"", text),
              fmt::format("\"off\" or FORMAT/LEAF, such as \"vmsa-4k-48/4K\"; formats are {}",
                          names_of(guest_formats()))});
  }
  auto shares = leaf_shares(*tables.guest->format, words[1]);
  if (!shares) return std::unexpected(shares.error());
  tables.guest_leaves = std::move(*shares);
  return {};
}

Read<void> read_stage2(std::string_view text, TablesSpec& tables) {
  if (text == "off") return {};
  const auto words = split(text, '/');
  tables.nested = find_nested_format(words[0]);
  if (tables.nested == nullptr || words.size() != 2) {
    return std::unexpected(
        Wrong{fmt::format("is \"{}\"", text),
              fmt::format("\"off\" or FORMAT/LEAF, such as \"vmsa-4k-40/2M\"; formats are {}",
                          names_of(nested_formats()))});
  }
  const auto height = leaf_height(*tables.nested->format, words[1]);
  if (!height) return std::unexpected(height.error());
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

std::size_t column_count(const TableSpec& table, const Experiment& experiment) {
  return table.rows == table.columns ? 1 : experiment.axes.at(table.columns).size();
}

// Profiles by name, read once.
class Profiles {
 public:
  Profiles(std::filesystem::path folder, std::vector<Diagnostic>& errors,
           hal_sim::Hasher& fingerprint)
      : folder_(std::move(folder)), errors_(errors), fingerprint_(fingerprint) {}

  Read<std::shared_ptr<const Profile>> get(const std::string& name) {
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
    std::shared_ptr<const Profile> profile;
    if (auto loaded = load_profile(file)) {
      profile = std::make_shared<const Profile>(std::move(*loaded));
    } else {
      std::ranges::move(loaded.error(), std::back_inserter(errors_));
    }
    return known_[name] = profile;
  }

 private:
  std::filesystem::path folder_;
  std::vector<Diagnostic>& errors_;
  hal_sim::Hasher& fingerprint_;
  std::map<std::string, std::shared_ptr<const Profile>> known_;
};

// Sets what the alternative `text` of an axis stands for.
Read<void> set(Point& point, std::size_t axis, const std::string& text, Profiles& profiles) {
  const auto put = [](auto& to, const auto& from) -> Read<void> {
    if (!from) return std::unexpected(from.error());
    to = *from;
    return {};
  };
  point.labels.at(axis) = text;
  switch (axis) {
    case kProfile: return put(point.profile, profiles.get(text));
    case kStage1: return read_stage1(text, point.tables);
    case kStage2: return read_stage2(text, point.tables);
    case kStream: {
      const auto kind = stream_kind(text);
      if (!kind) {
        return std::unexpected(Wrong{
            fmt::format("is \"{}\"", text),
            "one of \"sequential\", \"strided\", \"random\", \"chase\", \"zipf\", \"graph\""});
      }
      point.stream.kind = *kind;
      return {};
    }
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

class ExperimentReader {
 public:
  ExperimentReader(ReadContext& context, std::filesystem::path folder, hal_sim::Hasher& fingerprint)
      : context_(context), profiles_(std::move(folder), context.diagnostics.errors, fingerprint) {}

  Experiment read(const toml::table& root) {
    FieldReader reader(context_, root, "");
    Experiment experiment;
    experiment.title = reader.required_string("title");
    experiment.about = reader.string("about").value_or("");
    if (const toml::table* const sweep = reader.table("sweep", true)) {
      read_axes(*sweep, experiment);
    }
    reader.rows("table", false, [&](const toml::node& node, const std::string& path) {
      if (node.is_table()) {
        experiment.tables.push_back(read_table(*node.as_table(), path, experiment));
      } else {
        context_.error(FieldReader::location_of(node), path, "is no table", "[[table]]");
      }
    });
    reader.finish();
    if (context_.diagnostics.errors.empty()) combine(experiment);
    return experiment;
  }

 private:
  void wrong(FieldReader& reader, std::string_view name, const Wrong& wrong) {
    const std::string key = reader.path_of(name);
    const auto at = context_.locations.find(key);
    context_.error(at == context_.locations.end() ? Location{} : at->second, key, wrong.what,
                   wrong.expected);
  }

  void read_axes(const toml::table& sweep, Experiment& experiment) {
    FieldReader reader(context_, sweep, "sweep");
    for (std::size_t axis = 0; axis < kAxisCount; ++axis) {
      auto& alternatives = experiment.axes.at(axis);
      alternatives = reader.alternatives(kAxes.at(axis));
      if (alternatives.empty()) alternatives.emplace_back(kDefaults.at(axis));
      for (const std::string& text : alternatives) {
        Point tried;
        if (auto done = set(tried, axis, text, profiles_); !done) {
          wrong(reader, kAxes.at(axis), done.error());
        }
      }
    }
    reader.finish();
  }

  std::size_t read_axis(FieldReader& reader, std::string_view name) {
    const std::string axis = reader.required_string(name);
    const auto number = axis_number(axis);
    if (!number && !axis.empty()) {
      wrong(reader, name,
            {fmt::format("is \"{}\"", axis), fmt::format("one of {}", fmt::join(kAxes, ", "))});
    }
    return number.value_or(0);
  }

  TableSpec read_table(const toml::table& table, const std::string& path,
                       const Experiment& experiment) {
    FieldReader reader(context_, table, path);
    TableSpec spec;
    spec.title = reader.required_string("title");
    spec.rows = read_axis(reader, "rows");
    spec.columns = read_axis(reader, "columns");
    spec.metric = reader.required_string("metric");
    spec.source = reader.string("source").value_or("");
    if (!spec.metric.empty() && find_metric(spec.metric) == nullptr) {
      std::vector<std::string_view> names;
      for (const Metric& metric : metrics()) names.push_back(metric.name);
      wrong(reader, "metric",
            {fmt::format("is \"{}\"", spec.metric),
             fmt::format("one of {}", fmt::join(names, ", "))});
    }
    reader.rows("published", false, [&](const toml::node& node, const std::string& key) {
      spec.published.emplace_back();
      const toml::array* const row = node.as_array();
      for (std::size_t i = 0; row != nullptr && i < row->size(); ++i) {
        if (const auto value = (*row)[i].value<double>()) spec.published.back().push_back(*value);
      }
      if (row == nullptr || spec.published.back().size() != row->size()) {
        context_.error(FieldReader::location_of(node), key, "is no row", "an array of numbers");
      }
    });
    if (!fits(spec, experiment)) {
      wrong(reader, "published",
            {"does not fit the axes",
             fmt::format("{} rows of {} numbers", experiment.axes.at(spec.rows).size(),
                         column_count(spec, experiment))});
    }
    reader.finish();
    return spec;
  }

  void combine(Experiment& experiment) {
    const auto count = point_count(experiment);
    if (!count) {
      context_.error(context_.locations["sweep"], "sweep", "has too many combinations",
                     fmt::format("at most {}", kMostPoints));
      return;
    }
    for (std::size_t number = 0; number < *count; ++number) {
      Point point;
      point.number = number;
      std::size_t rest = number;
      for (std::size_t axis = kAxisCount; axis-- > 0;) {
        const auto& alternatives = experiment.axes.at(axis);
        // Each has been tried.
        if (!set(point, axis, alternatives[rest % alternatives.size()], profiles_)) return;
        rest /= alternatives.size();
      }
      experiment.points.push_back(std::move(point));
    }
  }

  ReadContext& context_;
  Profiles profiles_;
};

}  // namespace

std::optional<std::size_t> axis_number(std::string_view name) {
  const auto* const found = std::ranges::find(kAxes, name);
  if (found == kAxes.end()) return std::nullopt;
  return static_cast<std::size_t>(found - kAxes.begin());
}

std::optional<std::size_t> point_count(const Experiment& experiment) {
  std::size_t count = 1;
  for (const auto& alternatives : experiment.axes) {
    // Both factors are below 2^32: a file has no more alternatives than bytes.
    count *= alternatives.size();
    if (count > kMostPoints) return std::nullopt;
  }
  return count;
}

bool fits(const TableSpec& table, const Experiment& experiment) {
  if (table.published.empty()) return true;
  return table.published.size() == experiment.axes.at(table.rows).size() &&
         std::ranges::all_of(table.published, [&](const std::vector<double>& row) {
           return row.size() == column_count(table, experiment) &&
                  std::ranges::all_of(row, [](double value) { return std::isfinite(value); });
         });
}

std::expected<Experiment, std::vector<Diagnostic>> load_experiment(
    const std::filesystem::path& file) {
  hal_sim::Diagnostics diagnostics;
  hal_sim::Locations locations;
  ReadContext context{file.string(), diagnostics, locations};
  Experiment experiment;
  if (const auto text = hal_sim::read_text(file); !text) {
    context.error({}, {}, text.error(), "an experiment in TOML");
  } else if (const auto root = hal_sim::parse_toml(context, *text)) {
    hal_sim::Hasher fingerprint;
    fingerprint.add(*text);
    ExperimentReader reader(context, file.parent_path() / "profiles", fingerprint);
    experiment = reader.read(*root);
    experiment.fingerprint = fingerprint.hex();
  }
  if (!diagnostics.errors.empty()) return std::unexpected(std::move(diagnostics.errors));
  return experiment;
}

}  // namespace axvm::lab
