#include <fmt/format.h>

#include <fstream>
#include <hal-sim/config/size_text.hpp>
#include <hal-sim/config/toml_file.hpp>
#include <iterator>

namespace axvm::hal_sim {
namespace {

constexpr std::uint64_t kLargestFile = 1ULL << 20;

// toml++ says of integers beyond 64 bits with sign only that they are not representable.
std::string expected_by(std::string_view parse_error) {
  if (parse_error.find("not representable in 64 bits") == std::string_view::npos) return {};
  return "an integer from 0 to 0x7fffffffffffffff";
}

}  // namespace

// Devices and pipes may have no end.
std::expected<std::string, std::string> read_text(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    return std::unexpected("is not a regular file");
  }
  const std::uint64_t size = std::filesystem::file_size(path, error);
  if (!error && size > kLargestFile) {
    return std::unexpected(fmt::format("is larger than {}", format_size(kLargestFile)));
  }
  std::ifstream stream(path, std::ios::binary);
  std::string text;
  if (stream) text.assign(std::istreambuf_iterator<char>(stream), {});
  if (!stream) return std::unexpected("cannot be read");
  return text;
}

std::optional<toml::table> parse_toml(ReadContext& context, const std::string& text) {
  try {
    return toml::parse(text, std::string_view(context.file));
  } catch (const toml::parse_error& error) {
    const auto at = error.source().begin;
    context.error({at.line, at.column}, {}, std::string(error.description()),
                  expected_by(error.description()));
    return std::nullopt;
  }
}

}  // namespace axvm::hal_sim
