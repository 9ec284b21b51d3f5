#include <fmt/format.h>
#include <algorithm>
#include <sim/board/board.hpp>

namespace axvm::sim {

std::expected<void, std::string> Board::add(std::uint64_t base, std::uint64_t size,
                                            BoardDevice* device) {
  if (device == nullptr) return std::unexpected(fmt::format("window at {:#x}: no device", base));
  const auto complain = [&](std::string_view what) {
    return std::unexpected(
        fmt::format("{} at {:#x}, size {:#x}: {}", device->name(), base, size, what));
  };
  if (size == 0) return complain("the window is empty");
  if (base + (size - 1) < base) return complain("the window wraps around");

  const auto next = std::ranges::upper_bound(windows_, base, {}, &Window::base);
  if (next != windows_.end() && next->base - base < size) {
    return complain(fmt::format("overlaps {} at {:#x}", next->device->name(), next->base));
  }
  if (next != windows_.begin()) {
    const Window& previous = *std::prev(next);
    if (base - previous.base < previous.size) {
      return complain(fmt::format("overlaps {} at {:#x}", previous.device->name(), previous.base));
    }
  }
  windows_.insert(next, Window{base, size, device});
  return {};
}

Board::Hit Board::find(std::uint64_t pa) const noexcept {
  const auto next = std::ranges::upper_bound(windows_, pa, {}, &Window::base);
  if (next == windows_.begin()) return {nullptr, 0};
  const Window& window = *std::prev(next);
  if (pa - window.base >= window.size) return {nullptr, 0};
  return {window.device, pa - window.base};
}

}  // namespace axvm::sim
