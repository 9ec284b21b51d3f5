#include <array>
#include <core/devices/byte_order.hpp>
#include <hal-sim/backends/pcap.hpp>
#include <utility>

namespace axvm::hal_sim {
namespace {

constexpr std::uint64_t kNanoseconds = 1'000'000'000;

void put(std::ofstream& stream, std::span<const std::uint32_t> words) {
  for (const std::uint32_t word : words) {
    std::array<std::byte, 4> bytes{};
    store_le(std::span<std::byte>(bytes), word);
    stream.write(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
}

}  // namespace

std::expected<std::unique_ptr<PcapWriter>, std::string> PcapWriter::create(
    const std::filesystem::path& file) {
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  // Magic number for nanoseconds, version 2.4, no time zone, no accuracy, longest frame, Ethernet.
  put(stream, std::array<std::uint32_t, 6>{0xa1b2'3c4d, 4U << 16 | 2, 0, 0, 65535, 1});
  stream.flush();
  if (!stream) return std::unexpected("cannot be written");
  return std::unique_ptr<PcapWriter>(new PcapWriter(std::move(stream)));
}

void PcapWriter::frame(std::uint64_t time_ns, std::span<const std::byte> bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  put(stream_, std::array{static_cast<std::uint32_t>(time_ns / kNanoseconds),
                          static_cast<std::uint32_t>(time_ns % kNanoseconds), size, size});
  stream_.write(reinterpret_cast<const char*>(bytes.data()),
                static_cast<std::streamsize>(bytes.size()));
  stream_.flush();
}

}  // namespace axvm::hal_sim
