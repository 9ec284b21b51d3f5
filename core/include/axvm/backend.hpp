#pragma once
// What is behind emulated devices on the host's side. The host makes these and keeps them for
// longer than the VM.

#include <axvm/result.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace axvm {

/// The storage behind a disk.
class BlockStore {
 public:
  /// Bytes, a multiple of 512.
  [[nodiscard]] virtual std::uint64_t size() const noexcept { return 0; }
  [[nodiscard]] virtual bool is_read_only() const noexcept { return true; }
  /// [offset, offset + bytes.size()) lies inside. Errors: what the host says of its file.
  virtual Result<> read(std::uint64_t offset, std::span<std::byte> bytes) {
    static_cast<void>(offset), static_cast<void>(bytes);
    return fail(ErrorKind::Unsupported, "disk read"sv, "there is no storage"sv);
  }
  /// Likewise; only when it is not read-only.
  virtual Result<> write(std::uint64_t offset, std::span<const std::byte> bytes) {
    static_cast<void>(offset), static_cast<void>(bytes);
    return fail(ErrorKind::Unsupported, "disk write"sv, "there is no storage"sv);
  }
  /// What was written survives the host's end.
  virtual Result<> flush() { return {}; }

 protected:
  ~BlockStore() = default;
};

/// The far end of a network cable: whole Ethernet frames without their check sequence.
class NetworkPort {
 public:
  /// A frame leaves the VM.
  virtual void send(std::span<const std::byte> frame) { static_cast<void>(frame); }
  /// Bytes of the next frame that has arrived; nothing when none has.
  [[nodiscard]] virtual std::optional<std::size_t> next_size() { return std::nullopt; }
  /// Takes that frame, as much of it as `to` has room for. Returns the bytes written.
  virtual std::size_t receive(std::span<std::byte> to) {
    static_cast<void>(to);
    return 0;
  }

 protected:
  ~NetworkPort() = default;
};

/// Where random bytes come from.
class EntropySource {
 public:
  virtual void fill(std::span<std::byte> bytes) { static_cast<void>(bytes); }

 protected:
  ~EntropySource() = default;
};

/// The far end of a serial line.
class Console {
 public:
  /// A byte leaves the VM.
  virtual void write(std::uint8_t byte) { static_cast<void>(byte); }
  /// The next byte that has arrived for the VM, if one has.
  virtual std::optional<std::uint8_t> read() { return std::nullopt; }

 protected:
  ~Console() = default;
};

/// A file that firmware and guests find in fw_cfg.
struct FirmwareFile {
  std::string_view name;  ///< 1 to 55 bytes: "etc/…", "opt/…"
  std::span<const std::byte> bytes;
};

/// What one emulated device has behind it; null where the host has nothing of that kind for it.
struct DeviceBackend {
  BlockStore* store = nullptr;
  NetworkPort* network = nullptr;
  EntropySource* entropy = nullptr;
  Console* console = nullptr;
  /// Bytes 0..5: the first octet of the MAC address is the lowest.
  std::uint64_t mac = 0;
  /// Of a fw_cfg, in the order of its directory.
  std::span<const FirmwareFile> files{};
};

}  // namespace axvm
