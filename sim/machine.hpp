#pragma once
// The machine: host-physical memory, board and pCPUs, of whatever architecture. Knows nothing of
// any VMM.

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <sim/board/board.hpp>
#include <sim/cpu/fetch_coherence.hpp>
#include <sim/cpu/pcpu.hpp>
#include <sim/event.hpp>
#include <sim/memory/physical_memory.hpp>
#include <sim/state.hpp>
#include <string>
#include <vector>

namespace axvm::sim {

struct MachineOptions {
  /// One access fills a handful of entries (both stages, the tables' pages, its own code): a TLB
  /// that cannot hold them would depend on the order in which the engine asks.
  static constexpr std::uint32_t kMinTlbEntries = 64;

  /// RAM banks, host-physical, 4 KiB aligned, not overlapping.
  std::vector<PhysicalMemory::Bank> ram;
  /// Number of pCPUs, 1..64.
  unsigned pcpus = 1;
  /// Entries of each pCPU's strict TLB, kMinTlbEntries at least.
  std::uint32_t tlb_entries = 1U << 20;
};

/// Each architecture's machine (sim/arch/<isa>/machine.hpp) makes the pCPUs and knows their type.
class Machine {
 public:
  virtual ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  [[nodiscard]] PhysicalMemory& memory() noexcept { return memory_; }
  [[nodiscard]] const PhysicalMemory& memory() const noexcept { return memory_; }
  [[nodiscard]] Board& board() noexcept { return board_; }
  [[nodiscard]] unsigned pcpu_count() const noexcept {
    return static_cast<unsigned>(pcpus_.size());
  }
  [[nodiscard]] Pcpu& pcpu(unsigned index) noexcept { return *pcpus_[index]; }

  /// The latest guest time that any pCPU has made visible to others (nanoseconds).
  [[nodiscard]] std::uint64_t published_time() const noexcept { return published_time_; }
  void publish_time(std::uint64_t t) noexcept {
    if (t > published_time_) published_time_ = t;
  }

  /// Mounts a device (not owned) at host-physical addresses; guests reach it by a stage-2 mapping,
  /// without an exit. Refuses overlaps with devices or RAM. Before the first instruction only.
  std::expected<void, std::string> mount(std::uint64_t base, std::uint64_t size,
                                         BoardDevice* device);

  /// Somebody outside the guest cores wrote memory that a guest may execute.
  void memory_written(std::uint64_t pa, std::uint64_t size);
  /// Called with what the machine notices about its guests; one listener. Observation only.
  void listen(std::function<void(const UnmaintainedCode&)> listener) {
    listener_ = std::move(listener);
  }

  /// All instruction caches are invalidated: every engine forgets all translated code.
  void forget_code();

  /// Registers, TLBs, RAM: everything that decides the machine's future.
  void describe(StateVisitor& visitor);

 protected:
  explicit Machine(PhysicalMemory memory);
  /// RAM as the options say; one line of text when they are unusable.
  static std::expected<PhysicalMemory, std::string> make_memory(const MachineOptions& options);

  /// `caches` is what the pCPU's engine holds, and part of it.
  void add(std::unique_ptr<Pcpu> pcpu, EngineCaches& caches);
  [[nodiscard]] FetchCoherence& fetch_coherence() noexcept { return fetch_coherence_; }
  void report(const UnmaintainedCode& event) {
    if (listener_) listener_(event);
  }

 private:
  PhysicalMemory memory_;
  Board board_;
  FetchCoherence fetch_coherence_;
  std::vector<std::unique_ptr<Pcpu>> pcpus_;
  std::uint64_t published_time_ = 0;
  std::function<void(const UnmaintainedCode&)> listener_;
};

}  // namespace axvm::sim
