#pragma once
// The machine: host-physical memory, board and pCPUs. Knows nothing of any VMM.

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <sim/arch/aarch64/pcpu.hpp>
#include <sim/board/board.hpp>
#include <sim/cpu/fetch_coherence.hpp>
#include <sim/event.hpp>
#include <sim/memory/physical_memory.hpp>
#include <span>
#include <string>
#include <utility>
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
  /// Host-physical address of GICV, by which each pCPU's virtual CPU interface is in memory, 4 KiB
  /// aligned (aarch64::VirtualCpuInterface::kFrameSize bytes); by default where QEMU's virt board
  /// has it. Nothing: it is by system registers only.
  std::optional<std::uint64_t> gicv = 0x0804'0000;
};

class Machine {
 public:
  /// Fails with one line of text when the options are unusable or the engine refuses.
  static std::expected<std::unique_ptr<Machine>, std::string> create(const MachineOptions& options);
  ~Machine();

  [[nodiscard]] PhysicalMemory& memory() noexcept { return memory_; }
  [[nodiscard]] const PhysicalMemory& memory() const noexcept { return memory_; }
  [[nodiscard]] Board& board() noexcept { return board_; }
  [[nodiscard]] unsigned pcpu_count() const noexcept;
  [[nodiscard]] aarch64::Pcpu& pcpu(unsigned index) noexcept;
  /// MachineOptions::gicv.
  [[nodiscard]] std::optional<std::uint64_t> gicv() const noexcept { return gicv_; }

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

 private:
  friend class aarch64::GuestCore;
  friend class aarch64::Pcpu;
  explicit Machine(PhysicalMemory memory);

  /// GICV: each pCPU has its own registers there.
  class VirtualInterfaces final : public BoardDevice {
   public:
    explicit VirtualInterfaces(Machine& machine) noexcept : machine_(machine) {}
    [[nodiscard]] std::string_view name() const override { return "gicv"; }
    std::uint64_t read(std::uint64_t, unsigned) override { return 0; }
    void write(std::uint64_t, unsigned, std::uint64_t) override {}
    [[nodiscard]] BoardDevice& of_cpu(unsigned cpu) override;
    [[nodiscard]] bool irq() const override { return false; }

   private:
    Machine& machine_;
  };

  template <class F>
  void for_each_core(F&& f) {
    for (const auto& p : pcpus_) f(*p->core_);
  }

  PhysicalMemory memory_;
  Board board_;
  VirtualInterfaces virtual_interfaces_{*this};
  std::optional<std::uint64_t> gicv_;
  FetchCoherence fetch_coherence_;
  std::vector<std::unique_ptr<aarch64::Pcpu>> pcpus_;
  std::uint64_t published_time_ = 0;
  std::function<void(const UnmaintainedCode&)> listener_;
};

}  // namespace axvm::sim
