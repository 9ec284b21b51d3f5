#include <array>
#include <core/devices/virtio/entropy_device.hpp>
#include <core/smaller.hpp>

namespace axvm::virtio {

Result<std::uint32_t> EntropyDevice::handle(unsigned, DescriptorChain& chain) {
  const auto wanted =
      static_cast<std::uint32_t>(smaller<std::uint64_t>(chain.writable_bytes(), kMostBytes));
  std::array<std::byte, 256> bytes{};
  std::uint32_t done = 0;
  while (done < wanted) {
    const auto piece = std::span(bytes).first(smaller<std::size_t>(bytes.size(), wanted - done));
    source_.fill(piece);
    if (auto written = chain.write(host(), done, piece); !written) {
      return std::unexpected(written.error());
    }
    done += static_cast<std::uint32_t>(piece.size());
  }
  return done;
}

}  // namespace axvm::virtio
