#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <hal-sim/snapshot/snapshot.hpp>

namespace axvm::hal_sim {

std::expected<std::unique_ptr<Snapshot>, std::string> Snapshot::open(
    const std::string& file, const MachineIdentity& machine) {
  std::unique_ptr<Snapshot> snapshot(new Snapshot(file));
  auto error = snapshot->map();
  if (!error) error = snapshot->check(machine);
  if (error) return std::unexpected(fmt::format("{} {}", file, *error));
  return snapshot;
}

Snapshot::~Snapshot() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

std::optional<std::string> Snapshot::map() {
  const int descriptor = ::open(file_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return fmt::format("cannot be read: {}", std::strerror(errno));
  struct stat status{};
  std::optional<std::string> error;
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    error = "is not a regular file";
  } else if (status.st_size == 0) {
    error = "is empty";
  } else {
    const auto size = static_cast<std::size_t>(status.st_size);
    void* const bytes = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (bytes == MAP_FAILED) {
      error = fmt::format("cannot be read: {}", std::strerror(errno));
    } else {
      bytes_ = {static_cast<const std::byte*>(bytes), size};
    }
  }
  ::close(descriptor);
  return error;
}

std::optional<std::string> Snapshot::check(const MachineIdentity& machine) {
  auto sections = parse_snapshot(bytes_);
  if (!sections) return sections.error();
  sections_ = std::move(*sections);
  const auto identity = section("identity");
  if (!identity) return "has no section \"identity\"";
  const auto saved =
      parse_identity({reinterpret_cast<const char*>(identity->data()), identity->size()});
  if (!saved) return "has an identity that cannot be read";
  const auto difference = first_difference(*saved, machine);
  if (!difference) return std::nullopt;
  return fmt::format("is of another machine: {}, with which it was saved", difference->what);
}

std::optional<std::span<const std::byte>> Snapshot::section(std::string_view name) const noexcept {
  for (const SnapshotSection& section : sections_) {
    if (section.name == name) return section.contents;
  }
  return std::nullopt;
}

std::string Snapshot::digest() const {
  Hasher hasher;
  hasher.add(bytes_);
  return hasher.hex();
}

}  // namespace axvm::hal_sim
