#pragma once
// The tables of one experiment: a guest's own, written as a kernel would write them, and the core's
// below them.

#include <cstdint>
#include <expected>
#include <lab/formats.hpp>
#include <lab/frames.hpp>
#include <memory>
#include <sim/memory/physical_memory.hpp>
#include <sim/timing/walker.hpp>
#include <string>
#include <vector>

namespace axvm::lab {

/// Leaves of one size, and how many of 100 regions are mapped by them. A region is as large as the
/// largest leaf of the mix.
struct LeafShare {
  unsigned height = 0;  ///< of the table that holds the leaf, counted from the last level
  unsigned percent = 100;

  friend bool operator==(const LeafShare&, const LeafShare&) = default;
};

struct TablesSpec {
  const GuestFormat* guest = nullptr;    ///< null: stage 1 is off
  std::vector<LeafShare> guest_leaves;   ///< sums to 100
  const NestedFormat* nested = nullptr;  ///< null: stage 2 is off
  unsigned nested_height = 0;            ///< of all leaves of stage 2
  std::uint64_t footprint = 0;           ///< bytes of memory that are mapped, from va() on
  std::uint64_t seed = 1;                ///< which regions get which leaves
};

class TranslationTables {
 public:
  /// One line of text when the formats cannot map so much.
  static std::expected<TranslationTables, std::string> make(const TablesSpec& spec);

  [[nodiscard]] const sim::PhysicalMemory& memory() const noexcept { return *memory_; }
  [[nodiscard]] sim::timing::Stage stage1() const noexcept { return stage1_; }
  [[nodiscard]] sim::timing::Stage stage2() const noexcept { return stage2_; }
  /// The first address that is mapped.
  [[nodiscard]] std::uint64_t va() const noexcept { return va_; }
  /// Where a mapped address leads, as far as whoever made the tables knows.
  [[nodiscard]] std::uint64_t expected_pa(std::uint64_t va) const noexcept;

 private:
  TranslationTables() = default;
  void map_guest(const TablesSpec& spec, std::uint64_t data_size);
  std::expected<void, std::string> map_nested(const TablesSpec& spec, std::uint64_t guest_size,
                                              std::uint64_t data_size);

  std::unique_ptr<sim::PhysicalMemory> memory_;
  std::unique_ptr<Frames> nested_frames_;
  std::unique_ptr<NestedTables> nested_;
  sim::timing::Stage stage1_;
  sim::timing::Stage stage2_;
  std::uint64_t va_ = 0;
  std::uint64_t displacement_ = 0;  // from intermediate to physical addresses
};

}  // namespace axvm::lab
