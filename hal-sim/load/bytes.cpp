#include <fmt/format.h>

#include <fstream>
#include <hal-sim/config/size_text.hpp>
#include <hal-sim/load/bytes.hpp>

namespace axvm::hal_sim {

std::expected<Bytes, std::string> read_file(const std::filesystem::path& file,
                                            std::uint64_t limit) {
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(file, error);
  std::ifstream stream(file, std::ios::binary);
  if (error || !stream) return std::unexpected("cannot be read");
  if (size == 0) return std::unexpected("is empty");
  if (size > limit) {
    return std::unexpected(
        fmt::format("has {}, expected {} at most", format_size(size), format_size(limit)));
  }
  Bytes bytes(static_cast<std::size_t>(size));
  stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (!stream) return std::unexpected("cannot be read");
  return bytes;
}

}  // namespace axvm::hal_sim
