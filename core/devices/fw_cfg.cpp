#include <core/devices/byte_order.hpp>
#include <core/devices/fw_cfg.hpp>
#include <core/smaller.hpp>
#include <utility>

namespace axvm {
namespace {

enum Register : std::uint64_t { kData = 0, kSelector = 8, kDma = 16, kDmaLow = 20, kDmaEnd = 24 };

enum Key : std::uint16_t {
  kSignature = 0x00,
  kId = 0x01,
  kRamSize = 0x03,
  kNbCpus = 0x05,
  kMaxCpus = 0x0f,
  kDirectory = 0x19,
  kFirstFile = 0x20,
};

enum DmaControl : std::uint32_t {
  kError = 1 << 0,
  kRead = 1 << 1,
  kSkip = 1 << 2,
  kSelect = 1 << 3,
  kWrite = 1 << 4,
};

constexpr std::array kSignatureText{std::byte{'Q'}, std::byte{'E'}, std::byte{'M'}, std::byte{'U'}};
/// Bit 0: the traditional interface; bit 1: DMA. Little-endian.
constexpr std::array kIdBytes{std::byte{3}, std::byte{0}, std::byte{0}, std::byte{0}};
constexpr std::uint64_t kDmaSignature = 0x5145'4d55'2043'4647;  // "QEMU CFG"

constexpr std::size_t kDirectoryHeader = 4;
constexpr std::size_t kDirectoryEntry = 64;
constexpr std::size_t kNameOffset = 8;

template <class T>
constexpr T swapped(T value) noexcept {
  std::array<std::byte, sizeof(T)> bytes{};
  store_le(std::span<std::byte>(bytes), value);
  return load_be<T>(std::span<const std::byte>(bytes));
}

Result<> check(std::span<const FirmwareFile> files) noexcept {
  const auto wrong = [](std::string_view what) {
    return fail(ErrorKind::InvalidInput, "create fw_cfg"sv, what);
  };
  if (files.size() > FwCfg::kMostFiles) return wrong("more than 1024 files"sv);
  for (const FirmwareFile& file : files) {
    if (file.name.empty() || file.name.size() > FwCfg::kMostNameBytes) {
      return wrong("a file's name has not 1 to 55 bytes"sv);
    }
    if (file.bytes.size() > UINT32_MAX) return wrong("a file has 4 GiB or more"sv);
  }
  return {};
}

// struct FWCfgFiles, big-endian.
void fill_directory(std::span<std::byte> to, std::span<const FirmwareFile> files) noexcept {
  store_be(to, static_cast<std::uint32_t>(files.size()));
  std::size_t at = kDirectoryHeader;
  std::uint16_t key = kFirstFile;
  for (const FirmwareFile& file : files) {
    const auto entry = to.subspan(at, kDirectoryEntry);
    store_be(entry, static_cast<std::uint32_t>(file.bytes.size()));
    store_be(entry.subspan(4), key++);
    for (std::size_t i = 0; i < file.name.size(); ++i) {
      entry[kNameOffset + i] = static_cast<std::byte>(file.name[i]);
    }
    at += kDirectoryEntry;
  }
}

}  // namespace

Result<Box<FwCfg>> FwCfg::try_make(Allocator allocator, std::string_view name, BusRange range,
                                   DeviceHost& host, FwCfgFacts facts,
                                   std::span<const FirmwareFile> files) {
  if (auto checked = check(files); !checked) return std::unexpected(checked.error());
  auto directory =
      Array<std::byte>::try_make(allocator, kDirectoryHeader + kDirectoryEntry * files.size());
  if (!directory) return std::unexpected(directory.error());
  while (!directory->full()) directory->emplace_back(std::byte{0});
  fill_directory({directory->begin(), directory->size()}, files);
  return Box<FwCfg>::try_make(allocator, name, range, host, facts, files, std::move(*directory));
}

FwCfg::FwCfg(std::string_view name, BusRange range, DeviceHost& host, FwCfgFacts facts,
             std::span<const FirmwareFile> files, Array<std::byte> directory) noexcept
    : Device(name, range), host_(host), files_(files), directory_(std::move(directory)) {
  store_le(std::span<std::byte>(ram_bytes_), facts.ram_bytes);
  store_le(std::span<std::byte>(cpus_), facts.cpus);
}

// --- items --------------------------------------------------------------------------------------

void FwCfg::select(std::uint16_t key) noexcept {
  key_ = key;
  offset_ = 0;
}

std::optional<std::span<const std::byte>> FwCfg::item() const noexcept {
  switch (key_) {
    case kSignature: return kSignatureText;
    case kId: return kIdBytes;
    case kRamSize: return ram_bytes_;
    case kNbCpus:
    case kMaxCpus: return cpus_;
    case kDirectory: return std::span(directory_.begin(), directory_.size());
    default:
      if (key_ < kFirstFile || key_ - kFirstFile >= static_cast<int>(files_.size())) {
        return std::nullopt;
      }
      return files_[static_cast<std::size_t>(key_ - kFirstFile)].bytes;
  }
}

std::uint8_t FwCfg::next_byte() noexcept {
  const auto bytes = item();
  if (!bytes || offset_ >= bytes->size()) return 0;
  return std::to_integer<std::uint8_t>((*bytes)[offset_++]);
}

// --- registers ----------------------------------------------------------------------------------

Result<std::uint64_t> FwCfg::read(std::uint64_t offset, AccessWidth width) {
  if (offset < kSelector) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < bytes(width); ++i) value |= std::uint64_t{next_byte()} << (8 * i);
    return value;
  }
  if (offset < kDma || offset >= kDmaEnd) return std::uint64_t{0};
  return truncate(swapped(kDmaSignature) >> (8 * (offset - kDma)), width);
}

Result<> FwCfg::write(std::uint64_t offset, AccessWidth width, std::uint64_t value) {
  const auto low = static_cast<std::uint32_t>(value);
  if (offset == kSelector && width == AccessWidth::Word) {
    select(swapped(static_cast<std::uint16_t>(value)));
  } else if (offset == kDma && width == AccessWidth::Qword) {
    dma_address_ = swapped(value);
    start_dma();
  } else if (offset == kDma && width == AccessWidth::Dword) {
    dma_address_ = std::uint64_t{swapped(low)} << 32;
  } else if (offset == kDmaLow && width == AccessWidth::Dword) {
    dma_address_ |= swapped(low);
    start_dma();
  }
  return {};
}

// --- DMA ----------------------------------------------------------------------------------------

// struct FWCfgDmaAccess, big-endian: control, length, address. The answer goes where control was:
// 0, or the error bit; a structure that is no memory gets none.
void FwCfg::start_dma() {
  const GuestPhysAddr at(std::exchange(dma_address_, 0));
  std::array<std::byte, 16> access{};
  if (!host_.read_memory(at, access)) return;
  const std::span<const std::byte> raw(access);
  const bool done =
      carry_out_dma(load_be<std::uint32_t>(raw), load_be<std::uint32_t>(raw.subspan(4)),
                    GuestPhysAddr(load_be<std::uint64_t>(raw.subspan(8))));
  std::array<std::byte, 4> answer{};
  store_be<std::uint32_t>(std::span<std::byte>(answer), done ? 0U : std::uint32_t{kError});
  if (!host_.write_memory(at, answer)) return;  // the guest has asked for that
}

bool FwCfg::carry_out_dma(std::uint32_t control, std::uint32_t length, GuestPhysAddr to) {
  if ((control & kSelect) != 0) select(static_cast<std::uint16_t>(control >> 16));
  if ((control & kRead) != 0) return copy_to_guest(length, to);
  if ((control & kWrite) != 0) return false;  // nothing is writable
  if ((control & kSkip) != 0) {
    offset_ = length > UINT32_MAX - offset_ ? UINT32_MAX : offset_ + length;
  }
  return true;
}

bool FwCfg::copy_to_guest(std::uint32_t length, GuestPhysAddr to) {
  const auto bytes = item().value_or(std::span<const std::byte>());
  const std::uint64_t begin = smaller<std::uint64_t>(offset_, bytes.size());
  const auto data = bytes.subspan(begin, smaller<std::uint64_t>(length, bytes.size() - begin));
  std::uint64_t padding = length - data.size();
  if (padding > kMostPadding) return false;
  if (!data.empty() && !host_.write_memory(to, data)) return false;
  offset_ += static_cast<std::uint32_t>(data.size());
  static constexpr std::array<std::byte, 4096> kZeroes{};
  for (GuestPhysAddr at = to + data.size(); padding != 0;) {
    const auto piece = std::span(kZeroes).first(smaller<std::uint64_t>(padding, kZeroes.size()));
    if (!host_.write_memory(at, piece)) return false;
    at = at + piece.size();
    padding -= piece.size();
  }
  return true;
}

// --- state --------------------------------------------------------------------------------------

void FwCfg::reset() {
  select(0);
  dma_address_ = 0;
}

void FwCfg::describe(StateVisitor& visitor) {
  visitor.value("key"sv, key_);
  visitor.value("offset"sv, offset_);
  visitor.value("dma_address"sv, dma_address_);
}

}  // namespace axvm
