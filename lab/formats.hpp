#pragma once
// The formats that experiments can name: how guests' own tables are written, and which of the
// core's formats makes those of stage 2.

#include <core/memory/page_table_format.hpp>
#include <cstdint>
#include <lab/frames.hpp>
#include <memory>
#include <sim/timing/table_format.hpp>
#include <span>
#include <string_view>

namespace axvm::lab {

/// A stage-1 format: what a guest's kernel writes.
struct GuestFormat {
  const sim::timing::TableFormat* format;
  std::uint64_t (*table)(std::uint64_t address);  ///< an entry that leads to a table
  std::uint64_t (*leaf)(std::uint64_t address, unsigned height);  ///< a leaf, all access permitted
};

/// Stage-2 tables in the core's hands.
class NestedTables {
 public:
  virtual ~NestedTables() = default;
  [[nodiscard]] virtual std::uint64_t root() const = 0;
  /// Maps [ipa, ipa + size) to host-physical memory from `pa` on, with the largest leaves that the
  /// addresses' common alignment admits. False when there is no frame for a table.
  [[nodiscard]] virtual bool map(std::uint64_t ipa, std::uint64_t size, std::uint64_t pa) = 0;
};

/// A stage-2 format of the core.
struct NestedFormat {
  const sim::timing::TableFormat* format;
  /// `geometry` is that of `format`. Null when there is no frame for the root.
  std::unique_ptr<NestedTables> (*make_tables)(Frames& frames, PageTableGeometry geometry);

  [[nodiscard]] std::unique_ptr<NestedTables> make(Frames& frames) const {
    return make_tables(frames, {.levels = format->levels, .input_bits = format->input_bits});
  }
};

[[nodiscard]] std::span<const GuestFormat> guest_formats();
[[nodiscard]] std::span<const NestedFormat> nested_formats();
/// Null when there is none of this name.
[[nodiscard]] const GuestFormat* find_guest_format(std::string_view name);
[[nodiscard]] const NestedFormat* find_nested_format(std::string_view name);

}  // namespace axvm::lab
