#include <algorithm>
#include <sim/cpu/fetch_coherence.hpp>
#include <utility>

namespace axvm::sim {
namespace {
constexpr std::uint64_t kFrame = 4096;
}

FetchCoherence::FetchCoherence(const PhysicalMemory& memory)
    : memory_(memory), owners_(memory.frame_count(), Owner::Nobody), maintenance_(memory) {}

FetchCoherence::Owner* FetchCoherence::owner(std::uint64_t pa) noexcept {
  const auto index = memory_.frame_index(pa);
  return index ? &owners_[*index] : nullptr;
}

bool FetchCoherence::has_code(std::uint64_t pa) const noexcept {
  const auto index = memory_.frame_index(pa);
  return index && owners_[*index] == Owner::Executors;
}

void FetchCoherence::forget_translations() {
  for (EngineCaches* e : engines_) e->forget_translations();
}

void FetchCoherence::claim_for_fetch(std::uint64_t pa) {
  Owner* const o = owner(pa);
  if (o == nullptr || *o == Owner::Executors) return;
  if (*o == Owner::Writers) {
    forget_translations();
    maintenance_.after_writes(pa);
  }
  *o = Owner::Executors;
}

void FetchCoherence::claim_for_write(std::uint64_t pa) {
  Owner* const o = owner(pa);
  if (o == nullptr || *o == Owner::Writers) return;
  if (*o == Owner::Executors) {
    for (EngineCaches* e : engines_) e->forget_code(pa & ~(kFrame - 1));
    forget_translations();
  }
  maintenance_.before_writes(pa);
  *o = Owner::Writers;
  has_writers_ = true;
}

void FetchCoherence::written(std::uint64_t pa, std::uint64_t size) {
  if (size == 0) return;
  bool drop = false;
  for (std::uint64_t frame = pa & ~(kFrame - 1); frame < pa + size; frame += kFrame) {
    Owner* const o = owner(frame);
    if (o == nullptr) continue;
    const bool whole = pa <= frame && frame + kFrame <= pa + size;
    if (whole) {
      // Other contents, maybe another guest's: what was there before does not matter.
      maintenance_.forget(frame);
    } else {
      const std::uint64_t end = std::min(frame + kFrame, pa + size);
      for (std::uint64_t at = std::max(frame, pa & ~(CodeMaintenance::kLine - 1)); at < end;
           at += CodeMaintenance::kLine) {
        maintenance_.maintained(at, *o == Owner::Writers);
      }
    }
    if (*o == Owner::Executors) {
      for (EngineCaches* e : engines_) e->forget_code(frame);
    }
    if (*o == Owner::Executors || (whole && *o == Owner::Writers)) {
      *o = Owner::Nobody;
      drop = true;
    }
  }
  if (drop) forget_translations();
}

void FetchCoherence::line_invalidated(std::uint64_t pa) {
  const Owner* const o = owner(pa);
  if (o != nullptr) maintenance_.maintained(pa, *o == Owner::Writers);
}

void FetchCoherence::all_invalidated() {
  maintenance_.forget_all();
  if (!std::exchange(has_writers_, false)) return;
  // Whoever writes next is noticed again.
  std::ranges::replace(owners_, Owner::Writers, Owner::Nobody);
  forget_translations();
}

void FetchCoherence::forget_all() {
  maintenance_.forget_all();
  std::ranges::fill(owners_, Owner::Nobody);
  has_writers_ = false;
}

}  // namespace axvm::sim
