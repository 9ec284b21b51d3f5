#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <tools/axvm/dumped_memory.hpp>

namespace axvm::tool {

namespace {

using explain::MemoryDump;
using sim::PhysicalMemory;
using Extent = DumpedMemory::Extent;

constexpr std::uint64_t kFrame = PhysicalMemory::kFrameSize;

Extent frames_of(const Extent& extent) {
  return {extent.begin & ~(kFrame - 1), (extent.end + kFrame - 1) & ~(kFrame - 1)};
}

std::expected<Extent, std::string> extent_of(const MemoryDump& dump) {
  std::uint64_t size = dump.words.size() * 8;
  if (dump.words.empty()) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(dump.file, error)) {
      return std::unexpected(fmt::format("{}: is no file that can be read", dump.file));
    }
    size = std::filesystem::file_size(dump.file, error);
    if (error || size == 0) return std::unexpected(fmt::format("{}: is empty", dump.file));
  }
  constexpr std::uint64_t kLimit = PhysicalMemory::kAddressLimit;
  if (dump.address >= kLimit || size > kLimit - dump.address) {
    return std::unexpected(
        fmt::format("{}: ends beyond 2^52", dump.file.empty() ? "memory" : dump.file.c_str()));
  }
  return Extent{dump.address, dump.address + size};
}

// The frames of all dumps, as banks that do not touch.
std::vector<PhysicalMemory::Bank> banks_of(std::vector<Extent> extents) {
  for (Extent& extent : extents) extent = frames_of(extent);
  std::ranges::sort(extents, {}, &Extent::begin);
  std::vector<PhysicalMemory::Bank> banks;
  for (const auto& [begin, end] : extents) {
    if (!banks.empty() && begin <= banks.back().base + banks.back().size) {
      PhysicalMemory::Bank& last = banks.back();
      last.size = std::max(last.base + last.size, end) - last.base;
    } else {
      banks.push_back({begin, end - begin});
    }
  }
  return banks;
}

// Frame by frame, as the memory is contiguous no further.
bool read_into(const PhysicalMemory& memory, Extent to, std::ifstream& stream) {
  while (to.begin != to.end) {
    const std::uint64_t some = std::min(to.end - to.begin, kFrame - to.begin % kFrame);
    stream.read(reinterpret_cast<char*>(memory.at(to.begin)), static_cast<std::streamsize>(some));
    if (!stream) return false;
    to.begin += some;
  }
  return true;
}

bool fill(const PhysicalMemory& memory, const MemoryDump& dump, const Extent& extent) {
  if (dump.words.empty()) {
    std::ifstream stream(dump.file, std::ios::binary);
    return stream && read_into(memory, extent, stream);
  }
  std::uint64_t pa = extent.begin;
  for (const std::uint64_t word : dump.words) {
    std::memcpy(memory.at(pa), &word, sizeof word);
    pa += sizeof word;
  }
  return true;
}

}  // namespace

bool DumpedMemory::holds(std::uint64_t pa) const noexcept {
  return std::ranges::any_of(extents, [pa](const Extent& extent) {
    return pa >= extent.begin && pa < extent.end && extent.end - pa >= 8;
  });
}

std::expected<DumpedMemory, std::string> read_dumps(const std::vector<MemoryDump>& dumps) {
  std::vector<Extent> extents;
  for (const MemoryDump& dump : dumps) {
    const auto extent = extent_of(dump);
    if (!extent) return std::unexpected(extent.error());
    extents.push_back(*extent);
  }
  auto memory = PhysicalMemory::create(banks_of(extents));
  if (!memory) return std::unexpected("--memory: " + memory.error());
  for (std::size_t n = 0; n < dumps.size(); ++n) {
    if (!fill(*memory, dumps[n], extents[n])) {
      return std::unexpected(fmt::format("{}: cannot be read", dumps[n].file));
    }
    // Who types in some entries of a table means that the others are 0.
    if (!dumps[n].words.empty()) extents[n] = frames_of(extents[n]);
  }
  return DumpedMemory{std::move(*memory), std::move(extents)};
}

}  // namespace axvm::tool
