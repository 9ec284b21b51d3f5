#include <fmt/format.h>

// The state lives inside our own object: no allocation of the library's.
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include <array>
#include <hal-sim/state/hasher.hpp>
#include <utility>

namespace axvm::hal_sim {

struct Hasher::State {
  XXH3_state_t xxh3;
};

Hasher::Hasher() : state_(std::make_unique<State>()) { XXH3_64bits_reset(&state_->xxh3); }
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::add(std::string_view text) { add(std::as_bytes(std::span(text))); }

void Hasher::add(std::span<const std::byte> bytes) {
  add(static_cast<std::uint64_t>(bytes.size()));
  XXH3_64bits_update(&state_->xxh3, bytes.data(), bytes.size());
}

void Hasher::add(std::uint64_t value) {
  // Little-endian whatever the host is.
  std::array<unsigned char, 8> bytes{};
  for (unsigned i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(value >> (8 * i));
  XXH3_64bits_update(&state_->xxh3, bytes.data(), bytes.size());
}

void Hasher::add_undelimited(std::span<const std::byte> bytes) {
  XXH3_64bits_update(&state_->xxh3, bytes.data(), bytes.size());
}

std::uint64_t Hasher::digest() const { return XXH3_64bits_digest(&state_->xxh3); }

std::string Hasher::hex() const { return fmt::format("{:016x}", digest()); }

}  // namespace axvm::hal_sim
