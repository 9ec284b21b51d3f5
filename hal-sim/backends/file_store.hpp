#pragma once
// A raw image in a file of the host.

#include <axvm/backend.hpp>
#include <expected>
#include <filesystem>
#include <memory>
#include <string>

namespace axvm::hal_sim {

/// Reads and writes the file itself: what a run writes, the next one finds.
class FileStore final : public BlockStore {
 public:
  /// Errors, one line without the file's name: cannot be opened, no regular file, empty or not of
  /// whole sectors.
  [[nodiscard]] static std::expected<std::unique_ptr<FileStore>, std::string> open(
      const std::filesystem::path& file, bool read_only);
  ~FileStore();
  FileStore(const FileStore&) = delete;
  FileStore& operator=(const FileStore&) = delete;

  [[nodiscard]] std::uint64_t size() const noexcept override { return size_; }
  [[nodiscard]] bool is_read_only() const noexcept override { return read_only_; }
  Result<> read(std::uint64_t offset, std::span<std::byte> bytes) override;
  Result<> write(std::uint64_t offset, std::span<const std::byte> bytes) override;
  Result<> flush() override;

 private:
  FileStore(int descriptor, std::uint64_t size, bool read_only) noexcept
      : descriptor_(descriptor), size_(size), read_only_(read_only) {}

  int descriptor_;
  std::uint64_t size_;
  bool read_only_;
};

}  // namespace axvm::hal_sim
