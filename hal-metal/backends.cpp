#include <hal-metal/backends.hpp>

namespace axvm::hal_metal {

Result<> Backends::add(std::size_t vm, Frames& frames) {
  const Guest& guest = kGuests[vm];
  for (const GuestDisk& disk : guest.disks) {
    if (disk_count_ == kMaxDisks) {
      return fail(ErrorKind::ResourceBusy, "boot"sv, "more disks than an image has"sv);
    }
    disks_[disk_count_++] = {vm, disk.device, MemoryStore(disk.contents, disk.read_only)};
  }
  for (const GuestCard& card : guest.cards) {
    constexpr std::size_t kBytes = sizeof(Network::Frame) * Network::kMostWaiting;
    const auto room = frames.allocate((kBytes + kPageSize - 1) / kPageSize, kPageSize);
    if (!room) return fail(ErrorKind::NoMemory, "boot"sv, "no memory for a card's frames"sv);
    // NOLINTNEXTLINE(performance-no-int-to-ptr): addresses are mapped onto themselves
    auto* const first = reinterpret_cast<Network::Frame*>(room->value);
    NetworkPort* const port =
        network_.add_port(vm, card.network, std::span(first, Network::kMostWaiting));
    if (port == nullptr) {
      return fail(ErrorKind::ResourceBusy, "boot"sv, "more cards than an image has"sv);
    }
    cards_[card_count_++] = {vm, card.device, port, card.mac};
  }
  return {};
}

DeviceBackend Backends::find(std::size_t vm, std::size_t device) {
  const Guest& guest = kGuests[vm];
  DeviceBackend backend;
  if (guest.config.emulated_devices[device].type == EmulatedDeviceType::VirtioEntropy) {
    backend.entropy = &entropy_;
  }
  for (std::size_t n = 0; n < disk_count_; ++n) {
    Disk& disk = disks_[n];
    if (disk.vm == vm && disk.device == device) backend.store = &disk.store;
  }
  for (std::size_t n = 0; n < card_count_; ++n) {
    const Card& card = cards_[n];
    if (card.vm != vm || card.device != device) continue;
    backend.network = card.port;
    backend.mac = card.mac;
  }
  for (const GuestFiles& files : guest.files) {
    if (files.device == device) backend.files = files.files;
  }
  return backend;
}

}  // namespace axvm::hal_metal
