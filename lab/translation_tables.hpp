#pragma once
// The tables of one experiment: a guest's own, written as a kernel would write them, and the core's
// below them.

#include <cstdint>
#include <expected>
#include <lab/formats.hpp>
#include <lab/frames.hpp>
#include <lab/leaf_plan.hpp>
#include <memory>
#include <optional>
#include <sim/memory/physical_memory.hpp>
#include <sim/timing/walker.hpp>
#include <string>
#include <vector>

namespace axvm::lab {

struct TablesSpec {
  const GuestFormat* guest = nullptr;    ///< null: stage 1 is off
  std::vector<LeafShare> guest_leaves;   ///< sums to 100
  const NestedFormat* nested = nullptr;  ///< null: stage 2 is off
  unsigned nested_height = 0;            ///< of all leaves of stage 2
  std::uint64_t footprint = 0;           ///< bytes of memory that are mapped, from va() on
  /// Addresses of pages of 4 KiB that are mapped instead, in the order in which they are touched.
  std::vector<std::uint64_t> pages = {};
  unsigned fragmentation = 0;  ///< percent of the guest's leaves whose memory is anywhere
  std::uint64_t seed = 1;      ///< which regions get which leaves, what is where
};

class TranslationTables {
 public:
  /// One line of text when the formats cannot map so much, or not these pages, or that would take
  /// more than `limit` bytes of the host's memory.
  static std::expected<TranslationTables, std::string> make(const TablesSpec& spec,
                                                            std::uint64_t limit = ~0ULL);

  [[nodiscard]] const sim::PhysicalMemory& memory() const noexcept { return *memory_; }
  [[nodiscard]] sim::timing::Stage stage1() const noexcept { return stage1_; }
  [[nodiscard]] sim::timing::Stage stage2() const noexcept { return stage2_; }
  /// What offsets of a stream count from: the first address that is mapped; 0 where pages are.
  [[nodiscard]] std::uint64_t va() const noexcept { return va_; }
  /// Where a mapped address leads, as far as whoever made the tables knows.
  [[nodiscard]] std::uint64_t expected_pa(std::uint64_t va) const noexcept;

 private:
  TranslationTables() = default;
  std::expected<void, std::string> plan_guest(const TablesSpec& spec, std::uint64_t limit);
  void map_guest(const TablesSpec& spec);
  std::expected<void, std::string> map_nested(const TablesSpec& spec, std::uint64_t guest_size,
                                              std::uint64_t data_size);

  std::unique_ptr<sim::PhysicalMemory> memory_;
  std::unique_ptr<Frames> nested_frames_;
  std::unique_ptr<NestedTables> nested_;
  sim::timing::Stage stage1_;
  sim::timing::Stage stage2_;
  std::optional<LeafPlan> plan_;  // of stage 1
  std::uint64_t va_ = 0;
  std::uint64_t displacement_ = 0;  // from intermediate to physical addresses
};

}  // namespace axvm::lab
