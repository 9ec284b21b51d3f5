#include <sim/cpu/fetch_coherence.hpp>

namespace axvm::sim {
namespace {
constexpr std::uint64_t kFrame = 4096;
}

FetchCoherence::FetchCoherence(const PhysicalMemory& memory)
    : memory_(memory), owners_(memory.frame_count(), Owner::Nobody) {}

FetchCoherence::Owner* FetchCoherence::owner(std::uint64_t pa) noexcept {
  const auto index = memory_.frame_index(pa);
  return index ? &owners_[*index] : nullptr;
}

bool FetchCoherence::has_code(std::uint64_t pa) const noexcept {
  const auto index = memory_.frame_index(pa);
  return index && owners_[*index] == Owner::Executors;
}

void FetchCoherence::claim_for_fetch(std::uint64_t pa) {
  Owner* const o = owner(pa);
  if (o == nullptr || *o == Owner::Executors) return;
  if (*o == Owner::Writers) {
    for (EngineCaches* e : engines_) e->forget_translations();
  }
  *o = Owner::Executors;
}

void FetchCoherence::claim_for_write(std::uint64_t pa) {
  Owner* const o = owner(pa);
  if (o == nullptr || *o == Owner::Writers) return;
  if (*o == Owner::Executors) {
    for (EngineCaches* e : engines_) {
      e->forget_code(pa & ~(kFrame - 1));
      e->forget_translations();
    }
  }
  *o = Owner::Writers;
}

void FetchCoherence::written(std::uint64_t pa, std::uint64_t size) {
  if (size == 0) return;
  for (std::uint64_t frame = pa & ~(kFrame - 1); frame < pa + size; frame += kFrame) {
    if (has_code(frame)) claim_for_write(frame);
  }
}

}  // namespace axvm::sim
