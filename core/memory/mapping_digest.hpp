#pragma once
// What a table maps, in a form that hosts with other memory have in common.

#include <axvm/address.hpp>
#include <axvm/mapping.hpp>
#include <cstdint>
#include <optional>

namespace axvm {

struct MappingDigest {
  std::uint64_t hash = 0;    ///< FNV-1a of the runs
  std::uint64_t mapped = 0;  ///< bytes
  std::uint64_t runs = 0;

  friend constexpr bool operator==(const MappingDigest&, const MappingDigest&) = default;
};

/// Leaves side by side that permit the same and lead to memory of one kind are one run, whatever
/// their sizes: blocks depend on how the host's memory is aligned. Of host-physical addresses only
/// what does not depend on the host counts: where in its region's memory a leaf leads, if that is
/// contiguous.
class MappingDigester {
 public:
  /// In ascending order. `offset` is that of the leaf's memory from its region's; nothing where
  /// frames are any.
  void add(GuestPhysRange leaf, MappingFlags flags, std::optional<std::uint64_t> offset) noexcept {
    const Run next{leaf.base, leaf.size, flags, offset.has_value(),
                   offset.value_or(0) - leaf.base.value};
    result_.mapped += leaf.size;
    if (run_.continues_in(next)) {
      run_.size += leaf.size;
    } else {
      end_run();
      run_ = next;
    }
  }
  [[nodiscard]] MappingDigest finish() noexcept {
    end_run();
    return result_;
  }

 private:
  struct Run {
    GuestPhysAddr base;
    std::uint64_t size = 0;
    MappingFlags flags = MappingFlags::None;
    bool is_contiguous = false;
    std::uint64_t shift = 0;  ///< from guest-physical addresses to offsets

    [[nodiscard]] bool continues_in(const Run& next) const noexcept {
      return base + size == next.base && flags == next.flags &&
             is_contiguous == next.is_contiguous && (!is_contiguous || shift == next.shift);
    }
  };

  void end_run() noexcept {
    if (run_.size == 0) return;
    ++result_.runs;
    add_word(run_.base.value);
    add_word(run_.size);
    add_word(static_cast<std::uint64_t>(run_.flags));
    add_word(run_.is_contiguous ? run_.shift : ~std::uint64_t{0});
    run_ = {};
  }
  void add_word(std::uint64_t word) noexcept {
    for (unsigned n = 0; n < 8; ++n, word >>= 8) {
      result_.hash = (result_.hash ^ (word & 0xff)) * 0x100'0000'01b3;
    }
  }

  Run run_;
  MappingDigest result_{.hash = 0xcbf2'9ce4'8422'2325};
};

}  // namespace axvm
