#include <core/arch/aarch64/gic/its_map.hpp>

namespace axvm::aarch64 {
namespace {

std::unexpected<Error> not_mapped() noexcept {
  return fail(ErrorKind::NotFound, "ITS"sv, "nothing is mapped there"sv);
}

}  // namespace

Result<> ItsMap::set_device(std::uint32_t id, const ItsDevice& device) {
  const auto at = devices_.locate(host_, id);
  if (!at) return std::unexpected(at.error());
  return write_its_entry(host_, *at, device.encode());
}

Result<> ItsMap::set_collection(std::uint32_t id, const ItsCollection& collection) {
  const auto at = collections_.locate(host_, id);
  if (!at) return std::unexpected(at.error());
  return write_its_entry(host_, *at, collection.encode(id));
}

Result<GuestPhysAddr> ItsMap::locate_event(std::uint32_t device, std::uint32_t event) {
  const auto at = devices_.locate(host_, device);
  if (!at) return at;
  const auto entry = read_its_entry(host_, *at);
  if (!entry) return std::unexpected(entry.error());
  const ItsDevice found(*entry);
  if (!found.valid) return not_mapped();
  if ((event >> found.event_bits) != 0) {
    return fail(ErrorKind::OutOfRange, "ITS"sv, "the device has no event of this number"sv);
  }
  return GuestPhysAddr(found.events + event * kItsEntrySize);
}

Result<ItsMap::Mapped> ItsMap::find_event(std::uint32_t device, std::uint32_t event) {
  const auto at = locate_event(device, event);
  if (!at) return std::unexpected(at.error());
  const auto entry = read_its_entry(host_, *at);
  if (!entry) return std::unexpected(entry.error());
  const ItsEvent found(*entry);
  if (!found.valid()) return not_mapped();
  return Mapped{*at, found};
}

Result<> ItsMap::set_event(GuestPhysAddr at, const ItsEvent& event) {
  return write_its_entry(host_, at, event.encode());
}

Result<unsigned> ItsMap::find_target(std::uint32_t collection) {
  const auto at = collections_.locate(host_, collection);
  if (!at) return std::unexpected(at.error());
  const auto entry = read_its_entry(host_, *at);
  if (!entry) return std::unexpected(entry.error());
  const ItsCollection found(*entry);
  if (!found.valid || found.vcpu >= vcpus_) return not_mapped();
  return found.vcpu;
}

Result<> ItsMap::check_collection(std::uint32_t id) {
  const auto at = collections_.locate(host_, id);
  return at ? Result<>() : std::unexpected(at.error());
}

void ItsMap::reset() noexcept {
  devices_.reset();
  collections_.reset();
}

void ItsMap::describe(StateVisitor& visitor) {
  devices_.describe(visitor);
  collections_.describe(visitor);
}

}  // namespace axvm::aarch64
