#pragma once
// A table that an ITS keeps in guest memory: GITS_BASER<n> (IHI 0069, 12.19), flat or in two
// levels.

#include <axvm/address.hpp>
#include <axvm/result.hpp>
#include <core/arch/aarch64/gic/its_entries.hpp>
#include <core/devices/device_host.hpp>
#include <cstdint>

namespace axvm::aarch64 {

/// Reads and writes what lies at `at`, in the guest's byte order. Errors: BadAddress, NoMemory.
[[nodiscard]] Result<std::uint64_t> read_its_entry(DeviceHost& host, GuestPhysAddr at);
[[nodiscard]] Result<> write_its_entry(DeviceHost& host, GuestPhysAddr at, std::uint64_t entry);

class ItsTable {
 public:
  /// GITS_BASER<n>.Type.
  enum class Type : std::uint8_t { Devices = 1, Collections = 4 };

  /// Entries 0 to 2^`id_bits` - 1.
  constexpr ItsTable(Type type, unsigned id_bits) noexcept : type_(type), id_bits_(id_bits) {}

  /// The register as guests read it.
  [[nodiscard]] std::uint64_t base() const noexcept;
  void set_base(std::uint64_t value) noexcept;

  /// Where the entry is. Errors: OutOfRange (the table has none of this number, or there is no
  /// table), BadAddress (the first of two levels is not memory).
  [[nodiscard]] Result<GuestPhysAddr> locate(DeviceHost& host, std::uint32_t id) const;

  void reset() noexcept { base_ = 0; }
  void describe(StateVisitor& visitor) {
    visitor.field("baser"sv, base_);
    set_base(base_);
  }

 private:
  [[nodiscard]] unsigned page_shift() const noexcept;
  [[nodiscard]] std::uint64_t address() const noexcept;

  Type type_;
  unsigned id_bits_;
  std::uint64_t base_ = 0;
};

}  // namespace axvm::aarch64
