#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <hal-sim/backends/file_store.hpp>

namespace axvm::hal_sim {
namespace {

constexpr std::uint64_t kSector = 512;

// `transfer(data, size, offset)` as pread and pwrite, until all bytes have gone.
template <class Byte, class F>
bool transfer_all(std::uint64_t offset, std::span<Byte> bytes, F&& transfer) {
  while (!bytes.empty()) {
    const ssize_t done = transfer(bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    offset += static_cast<std::uint64_t>(done);
  }
  return true;
}

}  // namespace

std::expected<std::unique_ptr<FileStore>, std::string> FileStore::open(
    const std::filesystem::path& file, bool read_only) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg)
  const int descriptor = ::open(file.c_str(), (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
  if (descriptor < 0) {
    return std::unexpected(fmt::format("cannot be opened: {}", std::strerror(errno)));
  }
  struct stat info{};
  const bool known = ::fstat(descriptor, &info) == 0;
  const auto size = static_cast<std::uint64_t>(known ? info.st_size : 0);
  std::unique_ptr<FileStore> store(new FileStore(descriptor, size, read_only));
  if (!known || !S_ISREG(info.st_mode)) return std::unexpected("is not a regular file");
  if (size == 0 || size % kSector != 0) {
    return std::unexpected(fmt::format("has {} bytes, expected a multiple of 512", size));
  }
  return store;
}

FileStore::~FileStore() { ::close(descriptor_); }

Result<> FileStore::read(std::uint64_t offset, std::span<std::byte> bytes) {
  const bool done = transfer_all(offset, bytes, [this](std::byte* to, std::size_t n, off_t at) {
    return ::pread(descriptor_, to, n, at);
  });
  if (!done) return fail(ErrorKind::BadState, "disk read"sv, "the file cannot be read"sv);
  return {};
}

Result<> FileStore::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  const bool done =
      transfer_all(offset, bytes, [this](const std::byte* from, std::size_t n, off_t at) {
        return ::pwrite(descriptor_, from, n, at);
      });
  if (!done) return fail(ErrorKind::BadState, "disk write"sv, "the file cannot be written"sv);
  return {};
}

Result<> FileStore::flush() {
  if (!read_only_ && ::fdatasync(descriptor_) != 0) {
    return fail(ErrorKind::BadState, "disk flush"sv, "the file cannot be synced"sv);
  }
  return {};
}

}  // namespace axvm::hal_sim
