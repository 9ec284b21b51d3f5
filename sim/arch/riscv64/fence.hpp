#pragma once
// Fences of address translation as instructions and firmware ask for them ("Supervisor
// Memory-Management Fence Instruction", "Hypervisor Memory-Management Fence Instructions"), for
// whoever remembers translations beside the strict TLB.

#include <cstdint>
#include <optional>

namespace axvm::sim::riscv64 {

struct Fence {
  /// Virtual addresses, or the G-stage's guest physical ones, by pages.
  struct Range {
    std::uint64_t first = 0;  ///< of the first page
    std::uint64_t last = 0;   ///< any in the last page

    [[nodiscard]] constexpr bool overlaps(std::uint64_t start, std::uint64_t bytes) const noexcept {
      return start <= last && start + (bytes - 1) >= first;
    }
  };
  bool of_g_stage = false;
  std::uint16_t vmid = 0;
  std::optional<std::uint16_t> asid{};  ///< of the VS-stage; nothing: all, and what is global
  std::optional<Range> range{};         ///< nothing: all addresses
};

class FenceObserver {
 public:
  FenceObserver() = default;
  FenceObserver(const FenceObserver&) = delete;
  FenceObserver& operator=(const FenceObserver&) = delete;
  virtual ~FenceObserver() = default;
  virtual void forget(const Fence& fence) = 0;
};

}  // namespace axvm::sim::riscv64
