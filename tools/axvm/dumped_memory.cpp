#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <tools/axvm/dumped_memory.hpp>

namespace axvm::tool {

namespace {

using sim::PhysicalMemory;

constexpr std::uint64_t frames_of(std::uint64_t bytes) {
  return (bytes + PhysicalMemory::kFrameSize - 1) & ~(PhysicalMemory::kFrameSize - 1);
}

// Frame by frame, as the memory is contiguous no further.
bool read_into(const PhysicalMemory& memory, std::uint64_t pa, std::uint64_t size,
               std::ifstream& stream) {
  while (size != 0) {
    const std::uint64_t some = std::min(size, PhysicalMemory::kFrameSize);
    stream.read(reinterpret_cast<char*>(memory.at(pa)), static_cast<std::streamsize>(some));
    if (!stream) return false;
    pa += some;
    size -= some;
  }
  return true;
}

}  // namespace

bool DumpedMemory::holds(std::uint64_t pa) const noexcept {
  return std::ranges::any_of(extents, [pa](const Extent& extent) {
    return pa >= extent.begin && pa < extent.end && extent.end - pa >= 8;
  });
}

std::expected<DumpedMemory, std::string> read_dumps(
    const std::vector<explain::aarch64::MemoryDump>& dumps) {
  std::vector<PhysicalMemory::Bank> banks;
  std::vector<DumpedMemory::Extent> extents;
  for (const auto& dump : dumps) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(dump.file, error)) {
      return std::unexpected(fmt::format("{}: is no file that can be read", dump.file));
    }
    const std::uint64_t size = std::filesystem::file_size(dump.file, error);
    if (error || size == 0) return std::unexpected(fmt::format("{}: is empty", dump.file));
    if (dump.address >= PhysicalMemory::kAddressLimit ||
        size > PhysicalMemory::kAddressLimit - dump.address) {
      return std::unexpected(fmt::format("{}: ends beyond 2^52", dump.file));
    }
    banks.push_back({dump.address, frames_of(size)});
    extents.push_back({dump.address, dump.address + size});
  }
  auto memory = PhysicalMemory::create(banks);
  if (!memory) return std::unexpected("--memory: " + memory.error());
  for (std::size_t n = 0; n < dumps.size(); ++n) {
    std::ifstream stream(dumps[n].file, std::ios::binary);
    const auto& [begin, end] = extents[n];
    if (!stream || !read_into(*memory, begin, end - begin, stream)) {
      return std::unexpected(fmt::format("{}: cannot be read", dumps[n].file));
    }
  }
  return DumpedMemory{std::move(*memory), std::move(extents)};
}

}  // namespace axvm::tool
