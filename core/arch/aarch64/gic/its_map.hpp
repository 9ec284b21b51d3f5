#pragma once
// What an ITS has been told: which event of which device is which LPI of which collection, and
// whose that is (IHI 0069, 5.2). All of it is in guest memory, as on hardware, and is believed as
// far as it can do no harm.

#include <axvm/address.hpp>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <core/arch/aarch64/gic/its_entries.hpp>
#include <core/arch/aarch64/gic/its_table.hpp>
#include <core/devices/device_host.hpp>
#include <cstdint>

namespace axvm::aarch64 {

/// Errors of all calls: BadAddress and NoMemory, when a table cannot be accessed where the guest
/// has put it; others (OutOfRange, NotFound) when it does not say what is asked.
class ItsMap {
 public:
  /// An event with its place.
  struct Mapped {
    GuestPhysAddr at;
    ItsEvent event;
  };

  /// Redistributors have the numbers 0 to `vcpus` - 1. `host` outlives the map.
  ItsMap(DeviceHost& host, unsigned vcpus) noexcept : host_(host), vcpus_(vcpus) {}

  /// GITS_BASER0 and 1.
  [[nodiscard]] ItsTable& devices() noexcept { return devices_; }
  [[nodiscard]] ItsTable& collections() noexcept { return collections_; }

  Result<> set_device(std::uint32_t id, const ItsDevice& device);
  Result<> set_collection(std::uint32_t id, const ItsCollection& collection);
  /// Where the event's entry is, whether valid or not.
  [[nodiscard]] Result<GuestPhysAddr> locate_event(std::uint32_t device, std::uint32_t event);
  /// A valid event.
  [[nodiscard]] Result<Mapped> find_event(std::uint32_t device, std::uint32_t event);
  Result<> set_event(GuestPhysAddr at, const ItsEvent& event);
  /// Whose the LPIs of a collection are, below `vcpus`.
  [[nodiscard]] Result<unsigned> find_target(std::uint32_t collection);
  /// Whether there can be a collection of this number. Errors: OutOfRange.
  [[nodiscard]] Result<> check_collection(std::uint32_t id);

  void reset() noexcept;
  void describe(StateVisitor& visitor);

 private:
  DeviceHost& host_;
  unsigned vcpus_;
  ItsTable devices_{ItsTable::Type::Devices, kItsDeviceBits};
  ItsTable collections_{ItsTable::Type::Collections, kItsCollectionBits};
};

}  // namespace axvm::aarch64
