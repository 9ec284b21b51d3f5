#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <hal-sim/load/bytes.hpp>
#include <hal-sim/snapshot/snapshot_format.hpp>
#include <utility>

namespace axvm::hal_sim {
namespace {

constexpr std::string_view kMagic = "AXVMSNAP";
constexpr std::uint64_t kFormat = 1;
constexpr std::size_t kNameSize = 8;
constexpr std::size_t kHeadSize = kNameSize + 16;  // of a section
constexpr std::string_view kEnd = "end";
constexpr std::size_t kBuffer = 1 << 20;

std::array<std::byte, 8> bytes_of(std::uint64_t value) {
  std::array<std::byte, 8> bytes{};
  for (unsigned i = 0; i < 8; ++i) bytes[i] = static_cast<std::byte>(value >> (8 * i));
  return bytes;
}

std::string_view text_of(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.substr(0, text.find('\0'));
}

bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= 'a' && c <= 'z'; });
}

}  // namespace

SnapshotWriter::SnapshotWriter(std::FILE* file) : file_(file) {
  buffer_.reserve(kBuffer);
  put(std::as_bytes(std::span(kMagic)));
  put(kFormat);
}

void SnapshotWriter::put(std::span<const std::byte> bytes) {
  failed_ |= std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size();
}

void SnapshotWriter::put(std::uint64_t value) { put(bytes_of(value)); }

void SnapshotWriter::begin(std::string_view name) {
  std::array<std::byte, kNameSize> padded{};
  std::memcpy(padded.data(), name.data(), std::min(name.size(), kNameSize));
  put(padded);
  lengths_at_ = std::ftell(file_);
  failed_ |= lengths_at_ < 0;
  put(std::uint64_t{0});
  put(std::uint64_t{0});
  hasher_ = Hasher();
  hasher_.add_undelimited(padded);
  length_ = 0;
}

void SnapshotWriter::flush() {
  hasher_.add_undelimited(buffer_);
  put(buffer_);
  length_ += buffer_.size();
  buffer_.clear();
}

void SnapshotWriter::write(std::span<const std::byte> bytes) {
  if (buffer_.size() + bytes.size() > kBuffer) flush();
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

void SnapshotWriter::write(std::uint64_t value) { write(bytes_of(value)); }

void SnapshotWriter::write_tag(std::uint32_t value) {
  write(std::span<const std::byte>(bytes_of(value)).first(4));
}

void SnapshotWriter::end() {
  flush();
  failed_ |= std::fseek(file_, lengths_at_, SEEK_SET) != 0;
  put(length_);
  put(hasher_.digest());
  failed_ |= std::fseek(file_, 0, SEEK_END) != 0;
}

bool SnapshotWriter::finish() {
  begin(kEnd);
  end();
  return std::fflush(file_) == 0 && !failed_;
}

std::expected<std::vector<SnapshotSection>, std::string> parse_snapshot(
    std::span<const std::byte> file) {
  if (file.size() < kMagic.size() || text_of(file.first(kMagic.size())) != kMagic) {
    return std::unexpected("is no snapshot of a machine");
  }
  const std::string cut_short = "is cut short, expected its end";
  file = file.subspan(kMagic.size());
  if (file.size() < 8) return std::unexpected(cut_short);
  if (const auto format = little_endian<std::uint64_t>(file, 0); format != kFormat) {
    return std::unexpected(fmt::format("is of format {}, expected {}", format, kFormat));
  }
  file = file.subspan(8);
  std::vector<SnapshotSection> sections;
  for (;;) {
    if (file.size() < kHeadSize) return std::unexpected(cut_short);
    const auto head = file.first(kHeadSize);
    const std::string_view name = text_of(head.first(kNameSize));
    const auto length = little_endian<std::uint64_t>(file, kNameSize);
    const auto checksum = little_endian<std::uint64_t>(file, kNameSize + 8);
    file = file.subspan(kHeadSize);
    if (!is_name(name)) return std::unexpected("has a section without a name, expected letters");
    if (length > file.size()) return std::unexpected(cut_short);
    const auto contents = file.first(static_cast<std::size_t>(length));
    file = file.subspan(contents.size());
    Hasher hasher;
    hasher.add_undelimited(head.first(kNameSize));
    hasher.add_undelimited(contents);
    if (hasher.digest() != checksum) {
      return std::unexpected(
          fmt::format("is damaged: section \"{}\" has checksum {}, expected {:016x}", name,
                      hasher.hex(), checksum));
    }
    if (name != kEnd) {
      sections.push_back({name, contents});
      continue;
    }
    if (!contents.empty() || !file.empty()) {
      return std::unexpected("has bytes behind its end, expected none");
    }
    return sections;
  }
}

}  // namespace axvm::hal_sim
