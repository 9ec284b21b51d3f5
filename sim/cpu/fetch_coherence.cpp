#include <algorithm>
#include <sim/cpu/fetch_coherence.hpp>

namespace axvm::sim {
namespace {
constexpr std::uint64_t kFrame = 4096;
}

FetchCoherence::FetchCoherence(const PhysicalMemory& memory)
    : memory_(memory), frames_(memory.frame_count()), maintenance_(memory) {}

FetchCoherence::Frame* FetchCoherence::frame(std::uint64_t pa) noexcept {
  const auto index = memory_.frame_index(pa);
  return index ? &frames_[*index] : nullptr;
}

bool FetchCoherence::has_code(std::uint64_t pa) const noexcept {
  const auto index = memory_.frame_index(pa);
  return index && frames_[*index].owner == Owner::Executors;
}

void FetchCoherence::forget_translations() {
  for (EngineCaches* e : engines_) e->forget_translations();
}

void FetchCoherence::claim_for_fetch(std::uint64_t pa) {
  Frame* const f = frame(pa);
  if (f == nullptr || f->owner == Owner::Executors) return;
  if (f->owner == Owner::Writers) {
    forget_translations();
    maintenance_.after_writes(pa);
  }
  f->owner = Owner::Executors;
}

void FetchCoherence::claim_for_write(std::uint64_t pa) {
  Frame* const f = frame(pa);
  if (f == nullptr || f->owner == Owner::Writers) return;
  if (f->owner == Owner::Executors) {
    for (EngineCaches* e : engines_) e->forget_code(pa & ~(kFrame - 1));
    forget_translations();
  }
  maintenance_.before_writes(pa);
  f->owner = Owner::Writers;
  if (f->listed) return;
  f->listed = true;
  written_frames_.push_back(static_cast<std::size_t>(f - frames_.data()));
}

void FetchCoherence::written(std::uint64_t pa, std::uint64_t size) {
  if (size == 0) return;
  bool drop = false;
  for (std::uint64_t start = pa & ~(kFrame - 1); start < pa + size; start += kFrame) {
    Frame* const f = frame(start);
    if (f == nullptr) continue;
    const bool whole = pa <= start && start + kFrame <= pa + size;
    if (whole) {
      // Other contents, maybe another guest's: what was there before does not matter.
      maintenance_.forget(start);
    } else {
      const std::uint64_t end = std::min(start + kFrame, pa + size);
      for (std::uint64_t at = std::max(start, pa & ~(CodeMaintenance::kLine - 1)); at < end;
           at += CodeMaintenance::kLine) {
        maintenance_.maintained(at, f->owner == Owner::Writers);
      }
    }
    if (f->owner == Owner::Executors) {
      for (EngineCaches* e : engines_) e->forget_code(start);
    }
    if (f->owner == Owner::Executors || (whole && f->owner == Owner::Writers)) {
      f->owner = Owner::Nobody;
      drop = true;
    }
  }
  if (drop) forget_translations();
}

void FetchCoherence::line_invalidated(std::uint64_t pa) {
  const Frame* const f = frame(pa);
  if (f != nullptr) maintenance_.maintained(pa, f->owner == Owner::Writers);
}

void FetchCoherence::all_invalidated() {
  maintenance_.forget_all();
  if (written_frames_.empty()) return;
  // Whoever writes next is noticed again.
  for (const std::size_t n : written_frames_) {
    Frame& f = frames_[n];
    f.listed = false;
    if (f.owner == Owner::Writers) f.owner = Owner::Nobody;
  }
  written_frames_.clear();
  forget_translations();
}

void FetchCoherence::forget_all() {
  maintenance_.forget_all();
  std::ranges::fill(frames_, Frame{});
  written_frames_.clear();
}

}  // namespace axvm::sim
