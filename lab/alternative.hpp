#pragma once
// What an experiment may write for each of its axes.

#include <cstddef>
#include <expected>
#include <filesystem>
#include <hal-sim/config/diagnostic.hpp>
#include <hal-sim/state/hasher.hpp>
#include <lab/experiment.hpp>
#include <map>
#include <memory>
#include <set>
#include <sim/timing/profile.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace axvm::lab {

/// What is wrong with an alternative: what it is ("is \"5K\""), and what was expected.
struct Wrong {
  std::string what;
  std::string expected;
};
template <class T>
using Read = std::expected<T, Wrong>;

/// What an axis has that the experiment does not name; empty when it has to.
[[nodiscard]] std::string_view default_alternative(std::size_t axis);

class Alternatives {
 public:
  /// Profiles are files of `folder`, each read once and added to `fingerprint`; what is wrong with
  /// them goes to `errors`. Traces are files named from the folder above; they are added, too.
  Alternatives(std::filesystem::path folder, std::vector<hal_sim::Diagnostic>& errors,
               hal_sim::Hasher& fingerprint)
      : folder_(std::move(folder)), errors_(errors), fingerprint_(fingerprint) {}

  /// Sets what the alternative `text` of an axis stands for.
  Read<void> set(Point& point, std::size_t axis, const std::string& text);

 private:
  Read<std::shared_ptr<const sim::timing::Profile>> profile(const std::string& text);
  Read<std::shared_ptr<const sim::timing::Profile>> profile_file(const std::string& name);

  Read<void> stream(StreamSpec& spec, const std::string& text);
  Read<void> know_trace(const std::filesystem::path& file, const std::string& text);

  std::filesystem::path folder_;
  std::vector<hal_sim::Diagnostic>& errors_;
  hal_sim::Hasher& fingerprint_;
  std::map<std::string, std::shared_ptr<const sim::timing::Profile>> known_;
  std::set<std::string> traces_;  // that are known
};

}  // namespace axvm::lab
