#pragma once
// A disk whose changes are kept in memory.

#include <array>
#include <axvm/backend.hpp>
#include <axvm/state.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace axvm::hal_sim {

/// Copy on write, in blocks. What lies below is never written and not part of the state: whoever
/// restores one brings the same disk.
class OverlayStore final : public BlockStore {
 public:
  static constexpr std::size_t kBlockSize = 4096;

  /// Over `below`.
  explicit OverlayStore(std::shared_ptr<BlockStore> below, bool read_only = false);
  /// Over zeroes: `size` bytes, a multiple of 512.
  explicit OverlayStore(std::uint64_t size, bool read_only = false);

  [[nodiscard]] std::uint64_t size() const noexcept override { return size_; }
  [[nodiscard]] bool is_read_only() const noexcept override { return read_only_; }
  Result<> read(std::uint64_t offset, std::span<std::byte> bytes) override;
  Result<> write(std::uint64_t offset, std::span<const std::byte> bytes) override;

  /// Blocks that have been written.
  [[nodiscard]] std::size_t changed_blocks() const noexcept { return blocks_.size(); }
  void describe(StateVisitor& visitor);

 private:
  using Block = std::vector<std::byte>;

  Result<> read_below(std::uint64_t offset, std::span<std::byte> bytes);

  std::shared_ptr<BlockStore> below_;
  std::uint64_t size_;
  bool read_only_;
  std::map<std::uint64_t, Block> blocks_;  ///< by offset / kBlockSize
};

}  // namespace axvm::hal_sim
