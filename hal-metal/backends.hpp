#pragma once
// What is behind the devices of the image's VMs: memory, other VMs, numbers.

#include <array>
#include <axvm/backend.hpp>
#include <axvm/result.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <hal-common/entropy.hpp>
#include <hal-common/split_mix.hpp>
#include <hal-metal/frames.hpp>
#include <hal-metal/guest.hpp>
#include <hal-metal/network.hpp>
#include <hal-metal/spin_lock.hpp>
#include <span>

namespace axvm::hal_metal {

/// A disk in memory. Its VM's devices are not accessed by several CPUs at a time.
class MemoryStore final : public BlockStore {
 public:
  MemoryStore() = default;
  MemoryStore(std::span<std::byte> contents, bool read_only) noexcept
      : contents_(contents), read_only_(read_only) {}

  [[nodiscard]] std::uint64_t size() const noexcept override { return contents_.size(); }
  [[nodiscard]] bool is_read_only() const noexcept override { return read_only_; }
  Result<> read(std::uint64_t offset, std::span<std::byte> bytes) override {
    std::memcpy(bytes.data(), contents_.data() + offset, bytes.size());
    return {};
  }
  Result<> write(std::uint64_t offset, std::span<const std::byte> bytes) override {
    std::memcpy(contents_.data() + offset, bytes.data(), bytes.size());
    return {};
  }

 private:
  std::span<std::byte> contents_;
  bool read_only_ = true;
};

/// The same sequence on every boot, which is that of the simulation.
class SeededEntropy final : public EntropySource {
 public:
  void fill(std::span<std::byte> bytes) override {
    const Holding held(lock_);
    hal_common::fill_from_words(bytes, [this] { return hal_common::split_mix(state_); });
  }

 private:
  SpinLock lock_;
  std::uint64_t state_ = 0;
};

class Backends {
 public:
  /// Makes what is behind the devices of kGuests[vm], before the VM is made. Errors: NoMemory,
  /// ResourceBusy (more cards or disks than an image has).
  Result<> add(std::size_t vm, Frames& frames);

  /// Of kGuests[vm].config.emulated_devices[device].
  [[nodiscard]] DeviceBackend find(std::size_t vm, std::size_t device);

  [[nodiscard]] Network& network() noexcept { return network_; }

 private:
  struct Disk {
    std::size_t vm = 0;
    std::size_t device = 0;
    MemoryStore store;
  };
  struct Card {
    std::size_t vm = 0;
    std::size_t device = 0;
    NetworkPort* port = nullptr;
    std::uint64_t mac = 0;
  };

  SeededEntropy entropy_;
  Network network_;
  std::array<Disk, kMaxDisks> disks_;
  std::size_t disk_count_ = 0;
  std::array<Card, kMaxCards> cards_{};
  std::size_t card_count_ = 0;
};

}  // namespace axvm::hal_metal
