#include <core/devices/byte_order.hpp>
#include <core/devices/virtio/block_device.hpp>
#include <core/smaller.hpp>

namespace axvm::virtio {
namespace {

// Feature bits (5.2.3).
constexpr std::uint64_t kSizeMax = 1ULL << 1;
constexpr std::uint64_t kSegMax = 1ULL << 2;
constexpr std::uint64_t kReadOnly = 1ULL << 5;
constexpr std::uint64_t kBlkSize = 1ULL << 6;
constexpr std::uint64_t kFlush = 1ULL << 9;
constexpr std::uint64_t kDiscard = 1ULL << 13;
constexpr std::uint64_t kWriteZeroes = 1ULL << 14;

constexpr std::uint64_t features_of(const BlockStore& store) noexcept {
  constexpr std::uint64_t always = kSizeMax | kSegMax | kBlkSize;
  return always | (store.is_read_only() ? kReadOnly : kFlush | kDiscard | kWriteZeroes);
}

enum RequestType : std::uint32_t {  // 5.2.6
  kIn = 0,
  kOut = 1,
  kFlushRequest = 4,
  kGetId = 8,
  kDiscardRequest = 11,
  kWriteZeroesRequest = 13,
};

constexpr std::uint64_t kHeader = 16;
constexpr std::uint64_t kRange = 16;  // virtio_blk_discard_write_zeroes
constexpr std::uint64_t kMostData =
    std::uint64_t{BlockDevice::kMostSegment} * BlockDevice::kMostSegments;
constexpr std::uint32_t kMostDiscard = 1U << 30;  // sectors: it costs nothing

// Configuration space (5.2.4).
constexpr std::size_t kConfigSize = 60;
constexpr std::array<std::byte, kConfigSize> configuration(std::uint64_t capacity) {
  std::array<std::byte, kConfigSize> config{};
  const auto put = [&](std::size_t at, std::uint32_t value) {
    store_le(std::span(config).subspan(at), value);
  };
  store_le(std::span(config), capacity);
  put(8, BlockDevice::kMostSegment);
  put(12, BlockDevice::kMostSegments);
  put(20, BlockDevice::kSectorSize);
  put(36, kMostDiscard);
  put(40, 1);  // segments of a discard
  put(44, 1);  // alignment of a discard
  put(48, BlockDevice::kMostZeroes);
  put(52, 1);
  config[56] = std::byte{1};  // write_zeroes_may_unmap
  return config;
}

}  // namespace

BlockDevice::BlockDevice(std::string_view name, BusRange range, DeviceHost& host,
                         InterruptLine line, BlockStore& store) noexcept
    : VirtioDevice(name, range, host, line,
                   {.id = DeviceId::Block, .features = features_of(store)}),
      store_(store),
      capacity_(store.size() / kSectorSize),
      is_read_only_(store.is_read_only()) {}

std::uint8_t BlockDevice::config_byte(std::uint64_t offset) const {
  if (offset >= kConfigSize) return 0;
  return std::to_integer<std::uint8_t>(configuration(capacity_)[offset]);
}

// The header is what comes first, the status the last byte (5.2.6).
Result<std::uint32_t> BlockDevice::handle(unsigned, DescriptorChain& chain) {
  if (chain.writable_bytes() == 0) return bad_driver("a request has no room for its status"sv);
  std::array<std::byte, kHeader> header{};
  if (auto read = chain.read(host(), 0, header); !read) return std::unexpected(read.error());
  const std::span<const std::byte> raw(header);
  const std::uint64_t to_driver = chain.writable_bytes() - 1;
  Request request{.type = load_le<std::uint32_t>(raw),
                  .sector = load_le<std::uint64_t>(raw.subspan(8)),
                  .data_bytes = to_driver};
  const bool from_driver = request.type == kOut || request.type == kDiscardRequest ||
                           request.type == kWriteZeroesRequest;
  if (from_driver) request.data_bytes = chain.readable_bytes() - kHeader;

  const Result<Outcome> outcome = carry_out(request, chain);
  if (!outcome) return std::unexpected(outcome.error());
  const std::array status{static_cast<std::byte>(outcome->status)};
  if (auto written = chain.write(host(), to_driver, status); !written) {
    return std::unexpected(written.error());
  }
  // Where the data ends before the status, the bytes between count as not written (2.7.8.2).
  return outcome->written == to_driver ? outcome->written + 1 : outcome->written;
}

Result<BlockDevice::Outcome> BlockDevice::carry_out(const Request& request,
                                                    DescriptorChain& chain) {
  const bool writes = request.type == kOut || request.type == kDiscardRequest ||
                      request.type == kWriteZeroesRequest;
  if (writes && is_read_only_) return Outcome{Status::IoError};
  switch (request.type) {
    case kIn:
    case kOut: {
      const bool fits = request.data_bytes % kSectorSize == 0 && request.data_bytes <= kMostData &&
                        is_inside(request.sector, request.data_bytes / kSectorSize);
      if (!fits) return Outcome{Status::IoError};
      return request.type == kIn ? read_sectors(request, chain) : write_sectors(request, chain);
    }
    case kFlushRequest: return Outcome{flush()};
    case kGetId: return get_id(request, chain);
    case kDiscardRequest:
    case kWriteZeroesRequest: return discard_or_zero(request, chain);
    default: return Outcome{Status::Unsupported};
  }
}

Result<BlockDevice::Outcome> BlockDevice::read_sectors(const Request& request,
                                                       DescriptorChain& chain) {
  for (std::uint64_t done = 0; done < request.data_bytes;) {
    const std::uint64_t left = request.data_bytes - done;
    const auto piece = std::span(buffer_).first(
        static_cast<std::size_t>(smaller<std::uint64_t>(buffer_.size(), left)));
    if (!store_.read(request.sector * kSectorSize + done, piece)) {
      return Outcome{Status::IoError, static_cast<std::uint32_t>(done)};
    }
    if (auto written = chain.write(host(), done, piece); !written) {
      return std::unexpected(written.error());
    }
    done += piece.size();
  }
  return Outcome{Status::Ok, static_cast<std::uint32_t>(request.data_bytes)};
}

Result<BlockDevice::Outcome> BlockDevice::write_sectors(const Request& request,
                                                        DescriptorChain& chain) {
  for (std::uint64_t done = 0; done < request.data_bytes;) {
    const std::uint64_t left = request.data_bytes - done;
    const auto piece = std::span(buffer_).first(
        static_cast<std::size_t>(smaller<std::uint64_t>(buffer_.size(), left)));
    if (auto copied = chain.read(host(), kHeader + done, piece); !copied) {
      return std::unexpected(copied.error());
    }
    if (!store_.write(request.sector * kSectorSize + done, piece)) return Outcome{Status::IoError};
    done += piece.size();
  }
  return Outcome{finish_write()};
}

// One range each (max_discard_seg, max_write_zeroes_seg). A discarded sector may hold anything:
// what it held, too (5.2.6.2).
Result<BlockDevice::Outcome> BlockDevice::discard_or_zero(const Request& request,
                                                          DescriptorChain& chain) {
  if (request.data_bytes != kRange) return Outcome{Status::IoError};
  std::array<std::byte, kRange> range{};
  if (auto read = chain.read(host(), kHeader, range); !read) return std::unexpected(read.error());
  const std::span<const std::byte> raw(range);
  const auto sector = load_le<std::uint64_t>(raw);
  const auto sectors = load_le<std::uint32_t>(raw.subspan(8));
  const auto flags = load_le<std::uint32_t>(raw.subspan(12));
  const bool zeroes = request.type == kWriteZeroesRequest;
  // Bit 0 is "unmap", which a discard does not have (5.2.6.1).
  if ((flags & ~(zeroes ? 1U : 0U)) != 0) return Outcome{Status::Unsupported};
  if (!is_inside(sector, sectors)) return Outcome{Status::IoError};
  if (!zeroes) return Outcome{sectors <= kMostDiscard ? Status::Ok : Status::IoError};
  if (sectors > kMostZeroes) return Outcome{Status::IoError};
  return Outcome{write_zeroes(sector, sectors)};
}

BlockDevice::Status BlockDevice::write_zeroes(std::uint64_t sector, std::uint64_t sectors) {
  buffer_.fill(std::byte{0});
  const std::uint64_t end = (sector + sectors) * kSectorSize;
  for (std::uint64_t at = sector * kSectorSize; at < end;) {
    const auto piece = std::span(buffer_).first(
        static_cast<std::size_t>(smaller<std::uint64_t>(buffer_.size(), end - at)));
    if (!store_.write(at, piece)) return Status::IoError;
    at += piece.size();
  }
  return finish_write();
}

// Zero-padded, and cut where the driver's buffer ends (5.2.6).
Result<BlockDevice::Outcome> BlockDevice::get_id(const Request& request, DescriptorChain& chain) {
  std::array<std::byte, kIdSize> id{};
  for (std::size_t i = 0; i < smaller<std::size_t>(name().size(), id.size()); ++i) {
    id[i] = static_cast<std::byte>(name()[i]);
  }
  const auto part = std::span(id).first(
      static_cast<std::size_t>(smaller<std::uint64_t>(id.size(), request.data_bytes)));
  if (auto written = chain.write(host(), 0, part); !written) {
    return std::unexpected(written.error());
  }
  return Outcome{Status::Ok, static_cast<std::uint32_t>(part.size())};
}

BlockDevice::Status BlockDevice::flush() { return store_.flush() ? Status::Ok : Status::IoError; }

// 5.2.6.2: a driver that cannot flush finds what it wrote on the medium.
BlockDevice::Status BlockDevice::finish_write() { return has(kFlush) ? Status::Ok : flush(); }

}  // namespace axvm::virtio
