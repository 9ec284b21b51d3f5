#pragma once
// Frames in a file that Wireshark and tcpdump read.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <string>

namespace axvm::hal_sim {

/// libpcap's classic format with stamps of nanoseconds (draft-ietf-opsawg-pcap, 4).
class PcapWriter {
 public:
  /// Begins the file anew. Errors: one line without its name.
  [[nodiscard]] static std::expected<std::unique_ptr<PcapWriter>, std::string> create(
      const std::filesystem::path& file);

  void frame(std::uint64_t time_ns, std::span<const std::byte> bytes);

 private:
  explicit PcapWriter(std::ofstream stream) : stream_(std::move(stream)) {}

  std::ofstream stream_;
};

}  // namespace axvm::hal_sim
