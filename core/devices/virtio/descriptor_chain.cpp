#include <core/devices/virtio/descriptor_chain.hpp>
#include <core/smaller.hpp>

namespace axvm::virtio {

Result<> DescriptorChain::append(std::uint64_t address, std::uint32_t length,
                                 bool is_writable) noexcept {
  const std::size_t count = buffer_count();
  if (count == buffers_.size()) return bad_driver("a chain is longer than any queue"sv);
  if (length != 0 && address + (length - 1) < address) {
    return bad_driver("a buffer wraps around the address space"sv);
  }
  if (readable_.bytes + writable_.bytes + length > UINT32_MAX) {
    return bad_driver("a chain has 2^32 bytes or more"sv);
  }
  if (!is_writable && count_of(writable_) != 0) {
    return bad_driver("a readable buffer follows a writable one"sv);
  }
  Side& side = is_writable ? writable_ : readable_;
  if (count_of(side) == 0) {
    side.begin = side.end = side.at = static_cast<std::uint16_t>(count);
  }
  buffers_[side.end++] = {GuestPhysAddr(address), length};
  side.bytes += length;
  return {};
}

template <class F>
Result<> DescriptorChain::for_pieces(Side& side, std::uint64_t offset, std::size_t size, F&& copy) {
  if (offset > side.bytes || size > side.bytes - offset) {
    return bad_driver("a chain has fewer bytes than its request"sv);
  }
  if (offset < side.at_offset) {
    side.at = side.begin;
    side.at_offset = 0;
  }
  std::size_t done = 0;
  while (done < size) {
    const Buffer& buffer = buffers_[side.at];
    const std::uint64_t inside = offset + done - side.at_offset;
    if (inside >= buffer.length) {
      side.at_offset += buffer.length;
      ++side.at;
      continue;
    }
    const auto length =
        static_cast<std::size_t>(smaller<std::uint64_t>(size - done, buffer.length - inside));
    if (auto copied = copy(buffer.address + inside, done, length); !copied) return copied;
    done += length;
  }
  return {};
}

Result<> DescriptorChain::read(DeviceHost& host, std::uint64_t offset, std::span<std::byte> to) {
  return for_pieces(readable_, offset, to.size(),
                    [&](GuestPhysAddr from, std::size_t position, std::size_t length) {
                      return host.read_memory(from, to.subspan(position, length));
                    });
}

Result<> DescriptorChain::write(DeviceHost& host, std::uint64_t offset,
                                std::span<const std::byte> from) {
  return for_pieces(writable_, offset, from.size(),
                    [&](GuestPhysAddr to, std::size_t position, std::size_t length) {
                      return host.write_memory(to, from.subspan(position, length));
                    });
}

}  // namespace axvm::virtio
