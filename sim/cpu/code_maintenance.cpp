#include <cstring>
#include <sim/cpu/code_maintenance.hpp>

namespace axvm::sim {
namespace {

/// Any 32 bits that change with the line; 0 for zeros.
std::uint32_t digest_of(const std::uint8_t* line) noexcept {
  std::uint64_t h = 0;
  for (unsigned at = 0; at < CodeMaintenance::kLine; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, line + at, sizeof word);
    h = (h ^ word) * 0x9e37'79b9'7f4a'7c15;
    h ^= h >> 29;
  }
  return static_cast<std::uint32_t>(h ^ (h >> 32));
}

bool is_zero(const std::uint8_t* frame) noexcept {
  return frame[0] == 0 && std::memcmp(frame, frame + 1, PhysicalMemory::kFrameSize - 1) == 0;
}

}  // namespace

std::uint32_t CodeMaintenance::digest(std::uint64_t pa) const noexcept {
  return digest_of(memory_.at(pa & ~(kLine - 1)));
}

CodeMaintenance::Frame& CodeMaintenance::insert_zeros(std::uint64_t pa) {
  return frames_.try_emplace(frame_of(pa)).first->second;
}

void CodeMaintenance::before_writes(std::uint64_t pa) {
  const std::uint64_t frame = frame_of(pa);
  if (is_zero(memory_.at(frame)) || frames_.contains(frame)) return;
  Frame& known = insert_zeros(frame);
  for (unsigned n = 0; n < kLinesOfFrame; ++n) known.lines[n] = digest(frame + n * kLine);
}

void CodeMaintenance::after_writes(std::uint64_t pa) { insert_zeros(pa); }

void CodeMaintenance::maintained(std::uint64_t pa, bool writable) {
  const auto found = frames_.find(frame_of(pa));
  if (found == frames_.end() && !writable) return;
  Frame& frame = found == frames_.end() ? insert_zeros(pa) : found->second;
  frame.lines[line_of(pa)] = digest(pa);
  frame.reported &= ~(LineSet{1} << line_of(pa));
}

CodeMaintenance::LineSet CodeMaintenance::unmaintained(std::uint64_t pa) const {
  const auto found = frames_.find(frame_of(pa));
  if (found == frames_.end()) return 0;
  LineSet lines = 0;
  for (unsigned n = 0; n < kLinesOfFrame; ++n) {
    if (digest(found->first + n * kLine) != found->second.lines[n]) lines |= LineSet{1} << n;
  }
  return lines & ~found->second.reported;
}

bool CodeMaintenance::report(std::uint64_t pa) {
  const auto found = frames_.find(frame_of(pa));
  if (found == frames_.end()) return false;
  const LineSet line = LineSet{1} << line_of(pa);
  if ((found->second.reported & line) != 0) return false;
  if (digest(pa) == found->second.lines[line_of(pa)]) return false;
  found->second.reported |= line;
  return true;
}

}  // namespace axvm::sim
