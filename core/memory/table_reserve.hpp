#pragma once
// Tables set aside before a change.

#include <axvm/result.hpp>
#include <core/memory/frames.hpp>
#include <core/memory/page_table_format.hpp>
#include <cstddef>
#include <utility>

namespace axvm {

/// How many tables of each size. Where all have the same, `upper` stays 0.
struct TableCount {
  std::size_t last = 0;   ///< of the last level
  std::size_t upper = 0;  ///< of the others

  TableCount& operator+=(TableCount other) noexcept {
    last += other.last;
    upper += other.upper;
    return *this;
  }
};

/// Frames for tables of a format. Those not taken are given back.
template <class Format, FrameMemory M>
class TableReserve {
  using Shape = PageTableShape<Format>;
  static constexpr bool kOneSize = Shape::order(0) == Shape::order(1);

 public:
  /// One table at `height`.
  [[nodiscard]] static constexpr TableCount one(unsigned height) noexcept {
    return kOneSize || height == 0 ? TableCount{.last = 1} : TableCount{.upper = 1};
  }
  /// All of them, or none and NoMemory.
  [[nodiscard]] static Result<TableReserve> try_make(M& memory, TableCount count) {
    auto last = FrameReserve<M>::try_make(memory, count.last, Shape::order(0));
    if (!last) return std::unexpected(last.error());
    auto upper = FrameReserve<M>::try_make(memory, count.upper, Shape::order(1));
    if (!upper) return std::unexpected(upper.error());
    return TableReserve(std::move(*last), std::move(*upper));
  }

  /// A table at `height` with anything in it. Precondition: one is left.
  [[nodiscard]] HostPhysAddr take(unsigned height) {
    return kOneSize || height == 0 ? last_.take() : upper_.take();
  }

 private:
  TableReserve(FrameReserve<M> last, FrameReserve<M> upper) noexcept
      : last_(std::move(last)), upper_(std::move(upper)) {}

  FrameReserve<M> last_;
  FrameReserve<M> upper_;
};

}  // namespace axvm
