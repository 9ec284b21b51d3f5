#pragma once
// Where text goes, and whether it got there.

#include <fmt/format.h>

#include <cstdio>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace axvm::tool {

/// A file or the standard output. Writing to it never fails where it is done; what was lost is told
/// at the end.
class Output {
 public:
  /// The standard output; there is one.
  [[nodiscard]] static std::unique_ptr<Output> standard();
  /// A new file, empty; why it cannot be written otherwise.
  [[nodiscard]] static std::expected<std::unique_ptr<Output>, std::string> create(
      const std::string& file);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void write(std::string_view text);
  void flush();
  template <class... Args>
  void print(fmt::format_string<Args...> format, Args&&... args) {
    write(fmt::format(format, std::forward<Args>(args)...));
  }

  /// Writes what is still on its way. One line when anything was lost: "cannot write FILE: why".
  [[nodiscard]] std::optional<std::string> finish();

 private:
  Output(std::FILE* file, std::string name) : file_(file), name_(std::move(name)) {}

  std::FILE* file_;
  std::string name_;
  int error_ = 0;  // errno of the first failure
};

/// Finishes `output`; when something of it was lost, says so and turns success into failure.
[[nodiscard]] int settle(Output& output, int status);

}  // namespace axvm::tool
