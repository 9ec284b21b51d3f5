#include <array>
#include <core/arch/aarch64/gic/its_table.hpp>
#include <core/devices/byte_order.hpp>

namespace axvm::aarch64 {
namespace {

constexpr std::uint64_t kValid = 1ULL << 63;
constexpr std::uint64_t kIndirect = 1ULL << 62;
constexpr unsigned kTypeShift = 56;
constexpr unsigned kEntrySizeShift = 48;
/// Valid, Indirect, InnerCache, OuterCache, Physical_Address, Shareability, Page_Size, Size.
constexpr std::uint64_t kWritable = 0xf8e0'ffff'ffff'ffff;

std::unexpected<Error> no_entry() noexcept {
  return fail(ErrorKind::OutOfRange, "ITS table"sv, "the table has no such entry"sv);
}

}  // namespace

Result<std::uint64_t> read_its_entry(DeviceHost& host, GuestPhysAddr at) {
  std::array<std::byte, kItsEntrySize> bytes{};
  if (auto done = host.read_memory(at, bytes); !done) return std::unexpected(done.error());
  return load_le<std::uint64_t>(bytes);
}

Result<> write_its_entry(DeviceHost& host, GuestPhysAddr at, std::uint64_t entry) {
  std::array<std::byte, kItsEntrySize> bytes{};
  store_le(std::span(bytes), entry);
  return host.write_memory(at, bytes);
}

std::uint64_t ItsTable::base() const noexcept {
  return base_ | std::uint64_t{static_cast<std::uint8_t>(type_)} << kTypeShift |
         (kItsEntrySize - 1) << kEntrySizeShift;
}

void ItsTable::set_base(std::uint64_t value) noexcept {
  base_ = value & kWritable;
  // Pages of a reserved size are of 64 KiB, as those of the largest size.
  if ((base_ & 0x300) == 0x300) base_ &= ~std::uint64_t{0x100};
}

/// Page_Size: 4, 16 or 64 KiB.
unsigned ItsTable::page_shift() const noexcept {
  return 12 + 2 * static_cast<unsigned>((base_ >> 8) & 3);
}

/// Pages of 64 KiB have bits [51:48] of their address in [15:12].
std::uint64_t ItsTable::address() const noexcept {
  const std::uint64_t low = base_ & 0xffff'ffff'f000;
  if (page_shift() != 16) return low;
  return (low & ~std::uint64_t{0xf000}) | (low & 0xf000) << 36;
}

Result<GuestPhysAddr> ItsTable::locate(DeviceHost& host, std::uint32_t id) const {
  if ((base_ & kValid) == 0 || (id >> id_bits_) != 0) return no_entry();
  const std::uint64_t bytes = ((base_ & 0xff) + 1) << page_shift();
  const std::uint64_t offset = id * kItsEntrySize;
  if ((base_ & kIndirect) == 0) {
    if (offset >= bytes) return no_entry();
    return GuestPhysAddr(address() + offset);
  }
  const std::uint64_t first = (offset >> page_shift()) * kItsEntrySize;
  if (first >= bytes) return no_entry();
  const auto page = read_its_entry(host, GuestPhysAddr(address() + first));
  if (!page) return std::unexpected(page.error());
  if ((*page & kValid) == 0) return no_entry();
  const std::uint64_t in_page = (std::uint64_t{1} << page_shift()) - 1;
  return GuestPhysAddr((*page & 0x000f'ffff'ffff'f000 & ~in_page) | (offset & in_page));
}

}  // namespace axvm::aarch64
