#pragma once
// What a stream of accesses will look at in the host's memory, asked for before it is needed.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sim/memory/physical_memory.hpp>
#include <sim/timing/memory_hierarchy.hpp>
#include <sim/timing/reference.hpp>
#include <sim/timing/walker.hpp>
#include <span>
#include <vector>

namespace axvm::sim::timing {

/// Goes ahead of a stream: reads the descriptors that walks will end with, and asks the host for
/// them and for the sets of the models' caches that they and the data will be looked up in. Nothing
/// that counts depends on it. Where tables are is remembered, and may be out of date.
class Foresight {
 public:
  /// Both outlive this; so does the walker whose tables are followed.
  Foresight(const PhysicalMemory& memory, const MemoryHierarchy& hierarchy, const Walker& walker)
      : memory_(memory), hierarchy_(hierarchy), walker_(walker) {}

  /// Other tables count from now on.
  void forget() noexcept;
  /// To be called before the access with this number in `references`, whose offsets are from
  /// `base`.
  void before(std::size_t number, std::uint64_t base,
              std::span<const Reference> references) noexcept {
    const std::size_t begins = number + 3 * kApart;
    if (begins < references.size()) begin(slot(begins), base + references[begins].offset);
    go_on(slot(number + 2 * kApart));
    end(slot(number + kApart));
  }
  /// To be called before the first of `references`.
  void restart() noexcept;

 private:
  /// Accesses between two steps of one: the time that the host has.
  static constexpr std::size_t kApart = 8;
  static constexpr std::size_t kSlots = 32;
  static constexpr std::size_t kRegions = 1024;
  static_assert(kSlots > 3 * kApart && kSlots % 2 == 0);

  /// What is known of an access that comes later.
  struct Slot {
    std::uint64_t from = 0;                    ///< virtual, then intermediate
    const std::uint8_t* descriptor = nullptr;  ///< that the next step reads; null: none
    std::uint64_t descriptor_pa = 0;
    std::optional<std::uint64_t> to;  ///< where `from` leads, if no descriptor has to be read
  };
  /// What the entries above the last level say of addresses that are equal but for those bits that
  /// choose an entry of the last level, and an address within its page.
  struct Region {
    std::uint64_t number = ~std::uint64_t{0};  ///< those bits
    Descriptor::Kind kind = Descriptor::Kind::Invalid;
    std::uint64_t pa = 0;  ///< of the last level's table, or where the region is
  };
  using Regions = std::vector<Region>;

  [[nodiscard]] Slot& slot(std::size_t number) noexcept { return slots_[number % kSlots]; }
  /// An access whose descriptors are asked for, those of stage 1, of stage 2, and what it leads to.
  void begin(Slot& slot, std::uint64_t va) noexcept;
  void go_on(Slot& slot) noexcept;
  void end(Slot& slot) noexcept;
  /// Looks up `slot.from` in what is known of a stage's region.
  void look_up(Slot& slot, const Region& region, const TableFormat& format,
               std::uint64_t input) const noexcept;
  /// Reads the slot's descriptor, which is there.
  void read_leaf(Slot& slot, const TableFormat& format) const noexcept;

  [[nodiscard]] static Region& region(Regions& regions, std::uint64_t number);
  [[nodiscard]] Region region1(const Stage& stage, std::uint64_t input) const noexcept;
  [[nodiscard]] Region region2(const Stage& stage, std::uint64_t ipa) const noexcept;
  [[nodiscard]] std::optional<std::uint64_t> stage2(std::uint64_t ipa) const noexcept;
  [[nodiscard]] Descriptor read(const TableFormat& format, std::uint64_t pa,
                                unsigned height) const noexcept;

  const PhysicalMemory& memory_;
  const MemoryHierarchy& hierarchy_;
  const Walker& walker_;
  std::uint64_t last_page_ = ~std::uint64_t{0};
  std::array<Slot, kSlots> slots_;
  Regions regions1_;
  Regions regions2_;
};

}  // namespace axvm::sim::timing
