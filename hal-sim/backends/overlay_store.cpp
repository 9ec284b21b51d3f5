#include <algorithm>
#include <cstring>
#include <hal-sim/backends/overlay_store.hpp>
#include <utility>

namespace axvm::hal_sim {

OverlayStore::OverlayStore(std::shared_ptr<BlockStore> below, bool read_only)
    : below_(std::move(below)), size_(below_->size()), read_only_(read_only) {}

OverlayStore::OverlayStore(std::uint64_t size, bool read_only)
    : size_(size), read_only_(read_only) {}

Result<> OverlayStore::read_below(std::uint64_t offset, std::span<std::byte> bytes) {
  if (below_) return below_->read(offset, bytes);
  std::ranges::fill(bytes, std::byte{0});
  return {};
}

Result<> OverlayStore::read(std::uint64_t offset, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const std::uint64_t inside = offset % kBlockSize;
    const std::size_t length = std::min<std::size_t>(bytes.size(), kBlockSize - inside);
    const auto part = bytes.first(length);
    const auto block = blocks_.find(offset / kBlockSize);
    if (block == blocks_.end()) {
      if (auto done = read_below(offset, part); !done) return done;
    } else {
      std::memcpy(part.data(), block->second.data() + inside, length);
    }
    bytes = bytes.subspan(length);
    offset += length;
  }
  return {};
}

Result<> OverlayStore::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const std::uint64_t index = offset / kBlockSize;
    const std::uint64_t inside = offset % kBlockSize;
    const std::size_t length = std::min<std::size_t>(bytes.size(), kBlockSize - inside);
    auto block = blocks_.find(index);
    if (block == blocks_.end()) {
      Block copy(kBlockSize);
      const std::uint64_t begin = index * kBlockSize;
      const auto kept = std::span(copy).first(
          static_cast<std::size_t>(std::min<std::uint64_t>(kBlockSize, size_ - begin)));
      if (auto done = read_below(begin, kept); !done) return done;
      block = blocks_.emplace(index, std::move(copy)).first;
    }
    std::memcpy(block->second.data() + inside, bytes.data(), length);
    bytes = bytes.subspan(length);
    offset += length;
  }
  return {};
}

void OverlayStore::describe(StateVisitor& visitor) {
  std::uint64_t count = blocks_.size();
  visitor.field("blocks", count);
  const std::uint64_t most = (size_ + kBlockSize - 1) / kBlockSize;
  count = std::min(count, most);  // a restored state may be anything
  std::map<std::uint64_t, Block> described;
  auto next = blocks_.begin();
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t index = next != blocks_.end() ? next->first : 0;
    Block block = next != blocks_.end() ? std::move((next++)->second) : Block(kBlockSize);
    visitor.field("index", index);
    visitor.bytes("bytes", block);
    if (index < most) described.insert_or_assign(index, std::move(block));
  }
  blocks_ = std::move(described);
}

}  // namespace axvm::hal_sim
