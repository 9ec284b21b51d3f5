#pragma once
// What the guests of one CPU fetch, load and store, in program order, on its way through a model of
// a processor's TLBs, walk caches and data caches. Nothing that a guest can see depends on it, and
// it does not depend on how the engine cuts its blocks: it is told of each instruction that is
// about to be executed, by its address and its number. What is the same for all architectures.

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <sim/mmu/tlb_tag.hpp>
#include <sim/timing/timing_mmu.hpp>
#include <utility>
#include <vector>

namespace axvm::sim::timing {

/// What is counted:
/// * A fetch is of a line of 64 bytes: when an instruction is about to be executed that is not,
/// with
///   all its bytes, in the line of the one before, and after every change of the context or of the
///   TLBs.
/// * A load or store counts when its instruction retires, once for each line of 64 bytes that it
///   touches, in order of addresses.
/// * An access that is refused, be it to an emulated device, is translated and goes no further; it
///   is accessed when the instruction is executed again and retires.
class GuestAccesses {
 public:
  /// `memory` has the tables and outlives this.
  explicit GuestAccesses(const PhysicalMemory& memory) noexcept : memory_(memory) {}
  GuestAccesses(const GuestAccesses&) = delete;
  GuestAccesses& operator=(const GuestAccesses&) = delete;

  /// There is no model until then.
  void set_profile(const Profile& profile);
  void set_listener(AccessListener listener) { listener_ = std::move(listener); }
  /// The guest goes on from a snapshot, where `retired` instructions have retired already; the
  /// model begins anew.
  void restart(std::uint64_t retired);

  /// The instruction at `pc`, all of which is in one line, is about to be executed; `retired` have
  /// retired so far.
  void begin(std::uint64_t pc, std::uint64_t retired) {
    if (bytes_ != 0) settle(retired);
    if (pc >> kLineShift == line_) [[likely]]
      return;
    fetch(pc, retired);
  }
  /// The same for one of `bytes`, which may go on in the next line.
  void begin(std::uint64_t pc, unsigned bytes, std::uint64_t retired) {
    begin(pc, retired);
    const std::uint64_t last = pc + bytes - 1;
    if (last >> kLineShift != line_) [[unlikely]]
      fetch(last, retired);
  }
  /// The instruction that was begun last, with `retired` before it, accesses `bytes` at `address`.
  void access(std::uint64_t address, unsigned bytes, bool store, std::uint64_t retired) noexcept {
    number_ = retired;
    address_ = address;
    bytes_ = bytes;
    store_ = store;
  }
  /// The access of the instruction at which `retired` have retired is refused.
  void refuse(std::uint64_t retired);
  /// No instruction can be fetched at `pc`.
  void refuse_fetch(std::uint64_t pc, std::uint64_t retired);
  /// The guest stops; `retired` instructions have retired.
  void stop(std::uint64_t retired);

  /// Nothing without a model.
  [[nodiscard]] std::optional<Counters> counters() const noexcept {
    if (!mmu_) return std::nullopt;
    return mmu_->counters();
  }

 protected:
  ~GuestAccesses() = default;

  /// Whose translations are looked up and filled.
  struct Tags {
    TlbTag asid;
    TlbTag global;
    TlbTag vm;
    bool operator==(const Tags&) const = default;
  };
  /// The tables that the registers name from now on; called again when there is a new model.
  virtual void enter_tables(TimingMmu& mmu, Spaces spaces) = 0;
  /// The context has changed. `top_byte_ignored`: of addresses with bit 55 clear, and set.
  void enter(const Tags& tags, std::array<bool, 2> top_byte_ignored);
  /// A TLB forgets: calls `stale(tag, entry, stage)`, for TimingMmu::forget_if().
  template <class F>
  void forget_if(F&& stale) {
    line_ = kNoLine;
    if (!mmu_) return;
    mmu_->forget_if([&](const PageCache::Entry& entry, unsigned stage) {
      return stale(tags_[entry.space], entry, stage);
    });
  }
  void forget_all();

 private:
  static constexpr unsigned kLineShift = MemoryHierarchy::kLineShift;
  static constexpr std::uint64_t kNoLine = ~std::uint64_t{0};

  void enter_context();
  /// The last access happens, if its instruction has retired.
  void settle(std::uint64_t retired);
  void fetch(std::uint64_t pc, std::uint64_t retired);
  void advance(std::uint64_t retired);
  /// Calls `f` with an address in each line of the last access.
  template <class F>
  void for_each_line(unsigned bytes, F&& f);
  [[nodiscard]] std::uint64_t significant(std::uint64_t va) const noexcept {
    if (!top_byte_ignored_[va >> 55 & 1]) return va;
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(va << 8) >> 8);
  }
  /// A number for a tag; all is forgotten when there are no more.
  SpaceNumber number_of(TlbTag tag);

  const PhysicalMemory& memory_;
  Profile profile_;
  std::optional<TimingMmu> mmu_;
  AccessListener listener_;
  std::uint64_t line_ = kNoLine;  // of the last instruction
  std::uint64_t retired_ = 0;     // up to here instructions have had their cycles
  // What the instruction begun last accesses.
  std::uint64_t number_ = 0;
  std::uint64_t address_ = 0;
  unsigned bytes_ = 0;  // 0: nothing
  bool store_ = false;

  Tags current_;
  std::array<bool, 2> top_byte_ignored_{};
  std::map<TlbTag, SpaceNumber> numbers_;
  std::vector<TlbTag> tags_{TlbTag{}};  // by number; 0 is none
};

}  // namespace axvm::sim::timing
