#pragma once
// An address space beside a slow model of it, and a TLB that forgets only what it is told to: one
// page at a time, one word per page.

#include <core/arch/aarch64/arch.hpp>
#include <core/memory/address_space.hpp>
#include <fuzz/input.hpp>
#include <map>
#include <set>
#include <tests/core/fake_hal.hpp>
#include <vector>

namespace axvm::fuzz {

class SpaceWorld {
 public:
  explicit SpaceWorld(Input& input) : input_(input) {
    require(hal_.allocate_range(HostPhysAddr(kForeign), kBlock), "somebody else's memory is free");
    std::memset(hal_.bytes(kForeign), 0, kBlock);
  }
  SpaceWorld(const SpaceWorld&) = delete;
  SpaceWorld& operator=(const SpaceWorld&) = delete;
  ~SpaceWorld() { hal_.deallocate_range(HostPhysAddr(kForeign), kBlock); }

  void step() {
    scarce_ = input_.once_in(6);
    if (scarce_) hal_.budget = input_.below(8);
    switch (input_.below(12)) {
      case 0: map_foreign(); break;
      case 1: map_frames(); break;
      case 2: map_identical(); break;
      case 3: unmap(); break;
      case 4: protect(); break;
      case 5: start_log(); break;
      case 6: take_log(); break;
      case 7: stop_log(); break;
      case 8: host_write(); break;
      case 9:
        if (input_.once_in(4)) clear();
        break;
      default: guest_access(); break;
    }
    hal_.budget.reset();
    check(page());
  }
  void check_all() {
    for (const std::uint64_t area : kAreas) {
      for (std::uint64_t i = 0; i < kAreaPages; ++i) check(area + i * kPageSize);
    }
  }

 private:
  using Space = AddressSpace<aarch64::Stage2Format, test::FakeHal>;

  struct Page {
    Backing backing;
    MappingFlags flags;
    std::uint64_t hpa;  ///< of linear ones
    bool is_memory;
  };
  struct Tlb {
    struct Entry {
      HostPhysAddr hpa;
      MappingFlags flags;
    };
    void invalidate(GuestPhysRange range) {
      std::erase_if(entries, [&](const auto& e) { return range.contains(GuestPhysAddr(e.first)); });
    }
    void publish() {}
    void publish_data(std::span<std::byte>) {}
    std::map<std::uint64_t, Entry> entries;
  };

  static constexpr std::uint64_t kBlock = 2ULL << 20;
  static constexpr std::uint64_t kForeign = test::FakeHal::kRam + kBlock;
  static constexpr std::uint64_t kIdentical = kForeign + kBlock + 256 * kPageSize;
  static constexpr std::uint64_t kAreaPages = 24;
  /// Where requests meet: a plain place, the border of two blocks, RAM of the same address.
  static constexpr std::uint64_t kAreas[] = {0x8000'0000, 0xc020'0000 - 12 * kPageSize, kIdentical};

  // --- requests -------------------------------------------------------------------------------

  std::uint64_t page() { return input_.one_of(kAreas) + input_.below(kAreaPages) * kPageSize; }
  GuestPhysRange range() {
    const std::uint64_t area = input_.one_of(kAreas);
    const std::uint64_t first = input_.below(kAreaPages);
    const std::uint64_t n = 1 + input_.below(static_cast<unsigned>(kAreaPages - first));
    return {GuestPhysAddr(area + first * kPageSize), n * kPageSize};
  }
  /// Mostly ordinary memory.
  MappingFlags access() {
    if (input_.once_in(4)) return static_cast<MappingFlags>(input_.below(8));
    return kReadWriteExecute;
  }

  // --- the model ------------------------------------------------------------------------------

  [[nodiscard]] bool is_free(GuestPhysRange r) const {
    const auto at = pages_.lower_bound(r.base.value);
    return at == pages_.end() || at->first >= r.end().value;
  }
  template <class F>
  void each_page(GuestPhysRange r, F&& f) {
    const auto end = pages_.lower_bound(r.end().value);
    for (auto at = pages_.lower_bound(r.base.value); at != end; ++at) f(at->first, at->second);
  }
  [[nodiscard]] bool is_logged(std::uint64_t gpa) const {
    for (const GuestPhysRange& log : logs_) {
      if (log.contains(GuestPhysAddr(gpa))) return true;
    }
    return false;
  }
  void wrote(std::uint64_t gpa) {
    if (is_logged(gpa)) dirty_.insert(gpa);
  }
  /// One word of content per page: of the host's page where that is shared.
  std::uint64_t& content(std::uint64_t gpa, const Page& p) {
    return p.backing == Backing::Linear ? foreign_[p.hpa] : own_[gpa];
  }
  static bool write_only(MappingFlags flags) {
    return has_all(flags, MappingFlags::Write) &&
           !has_any(flags, MappingFlags::Read | MappingFlags::Execute);
  }
  bool is_loggable(GuestPhysRange r, MappingFlags flags) const {
    if (!write_only(flags)) return true;
    for (std::uint64_t at = r.base.value; at < r.end().value; at += kPageSize) {
      if (is_logged(at)) return false;
    }
    return true;
  }

  /// True when the call succeeded, as it must when it could; else nothing has changed.
  bool done(const Result<>& result, bool could) {
    if (result) {
      require(could, "what makes no sense is refused");
      return true;
    }
    const bool lacks = result.error().kind == ErrorKind::NoMemory ||
                       result.error().kind == ErrorKind::ResourceBusy;
    require(!could || lacks, "what makes sense is done");
    const bool may_lack = scarce_ || space_.regions().size() + 2 > kRegions ||
                          result.error().kind == ErrorKind::ResourceBusy;
    require(!lacks || may_lack || !could, "memory that is there is used");
    hal_.budget.reset();
    check_all();
    return false;
  }
  void mapped(GuestPhysRange r, Page p, std::uint64_t to_hpa) {
    for (std::uint64_t at = r.base.value; at < r.end().value; at += kPageSize) {
      p.hpa = at + to_hpa;
      pages_[at] = p;
      if (p.backing != Backing::Linear) own_[at] = 0;
      if (p.is_memory) wrote(at);
    }
  }

  // --- operations -----------------------------------------------------------------------------

  void map_foreign() {
    // As a block now and then; as somebody's memory, or as addresses that are no RAM.
    GuestPhysRange r = range();
    const bool block = input_.once_in(4);
    if (block) r = {r.base.align_down(kBlock), kBlock};
    const bool ram = !input_.once_in(4);
    const std::uint64_t hpa = (ram ? kForeign : 0x1000'0000) + r.base.value % kBlock;
    const bool fits = !ram || r.size <= kForeign + kBlock - hpa;
    const MappingFlags flags = access();
    const bool memory = ram && fits;
    const bool could =
        has_any(flags, kReadWriteExecute) && is_free(r) && (!memory || is_loggable(r, flags));
    if (!fits) return;
    if (!done(space_.map_linear(r, HostPhysAddr(hpa), flags, tlb_), could)) return;
    mapped(r, {Backing::Linear, flags, 0, memory}, hpa - r.base.value);
  }
  void map_frames() {
    const GuestPhysRange r = range();
    const bool populate = input_.once_in(2);
    const MappingFlags flags = access();
    const bool could = has_any(flags, kReadWriteExecute) && is_free(r) && is_loggable(r, flags);
    if (!done(space_.map_alloc(r, flags, populate, tlb_), could)) return;
    mapped(r, {populate ? Backing::Eager : Backing::Lazy, flags, 0, true}, 0);
  }
  void map_identical() {
    GuestPhysRange r = range();
    r.base = GuestPhysAddr(kIdentical + r.base.value % (kAreaPages * kPageSize) / 2);
    r.base = r.base.align_down(kPageSize);
    r.size = kPageSize * (1 + r.size / kPageSize % 8);
    const MappingFlags flags = access();
    const bool could = has_any(flags, kReadWriteExecute) && is_free(r) && is_loggable(r, flags);
    if (!done(space_.map_identical(r, flags, tlb_), could)) return;
    mapped(r, {Backing::Identical, flags, 0, true}, 0);
  }
  void unmap() {
    const GuestPhysRange r = range();
    if (!done(space_.unmap(r, tlb_), true)) return;
    pages_.erase(pages_.lower_bound(r.base.value), pages_.lower_bound(r.end().value));
  }
  void protect() {
    const GuestPhysRange r = range();
    const MappingFlags flags = access();
    bool could = has_any(flags, kReadWriteExecute);
    each_page(r, [&](std::uint64_t gpa, const Page& p) {
      could = could && !(p.is_memory && write_only(flags) && is_logged(gpa));
    });
    // A part with a log and a part without one are one part of a region: refused as a whole.
    const auto result = space_.protect(r, flags, tlb_);
    if (!result && result.error().kind == ErrorKind::Unsupported) could = false;
    if (!done(result, could)) return;
    each_page(r, [&](std::uint64_t, Page& p) { p.flags = flags; });
  }
  void clear() {
    space_.clear(tlb_);
    each_page(space_.reach(), [&](std::uint64_t gpa, const Page& p) {
      if (p.backing == Backing::Linear) return;
      own_[gpa] = 0;
      wrote(gpa);
    });
  }

  void start_log() {
    const GuestPhysRange r = range();
    bool could = logs_.size() < DirtyLogs::kMaxLogs;
    for (const GuestPhysRange& log : logs_) could = could && !log.overlaps(r);
    each_page(r, [&](std::uint64_t, const Page& p) {
      could = could && !(p.is_memory && write_only(p.flags));
    });
    if (!done(space_.start_dirty_log(r, tlb_), could)) return;
    logs_.push_back(r);
    dirty_.erase(dirty_.lower_bound(r.base.value), dirty_.lower_bound(r.end().value));
  }
  void take_log() {
    if (logs_.empty()) return;
    const GuestPhysRange log = logs_[input_.below(static_cast<unsigned>(logs_.size()))];
    const std::uint64_t first = input_.below(static_cast<unsigned>(log.size / kPageSize));
    const GuestPhysRange r{log.base + first * kPageSize, log.size - first * kPageSize};
    std::vector<std::uint64_t> bits(dirty_words(r.size));
    require(space_.take_dirty_log(r, bits, tlb_).has_value(), "a log can be taken");
    for (std::uint64_t i = 0; i < r.size / kPageSize; ++i) {
      const bool dirty = (bits[i / 64] >> i % 64 & 1) != 0;
      require(dirty == (dirty_.erase(r.base.value + i * kPageSize) != 0),
              "a log names the pages that were written");
    }
  }
  void stop_log() {
    if (logs_.empty()) return;
    const unsigned i = input_.below(static_cast<unsigned>(logs_.size()));
    require(space_.stop_dirty_log(logs_[i], tlb_).has_value(), "a log ends");
    logs_.erase(logs_.begin() + i);
  }

  void host_write() {
    const std::uint64_t gpa = page();
    const std::uint64_t word = input_.take<std::uint16_t>();
    const auto found = pages_.find(gpa);
    const bool could = found != pages_.end() && found->second.is_memory;
    if (!done(space_.write_object(GuestPhysAddr(gpa), word, tlb_), could)) return;
    content(gpa, found->second) = word;
    wrote(gpa);
  }

  /// As hardware does it: the TLB first, then the table, then a fault.
  void guest_access() {
    const std::uint64_t gpa = page();
    constexpr MappingFlags kAccesses[] = {MappingFlags::Read, MappingFlags::Write,
                                          MappingFlags::Write, MappingFlags::Execute};
    const MappingFlags access = input_.one_of(kAccesses);
    const auto found = pages_.find(gpa);
    const bool could = found != pages_.end() && has_all(found->second.flags, access);
    const auto hpa = translate(gpa, access);
    if (!hpa) return require(!could || scarce_, "the guest may do what its regions permit");
    require(could, "the guest may do no more");
    const Page& p = found->second;
    require(!p.is_memory || hal_.ram_after(*hpa).has_value(), "memory is memory");
    if (p.backing == Backing::Linear || p.backing == Backing::Identical) {
      require(hpa->value == p.hpa, "the guest gets where its region leads");
    }
    if (!p.is_memory) return;
    auto* const word = reinterpret_cast<std::uint64_t*>(hal_.bytes(hpa->value));
    require(*word == content(gpa, p), "the guest finds what was written");
    if (access != MappingFlags::Write) return;
    *word = content(gpa, p) = input_.take<std::uint16_t>();
    wrote(gpa);
  }
  std::optional<HostPhysAddr> translate(std::uint64_t gpa, MappingFlags access) {
    for (int attempt = 0; attempt < 2; ++attempt) {
      const auto cached = tlb_.entries.find(gpa);
      if (cached != tlb_.entries.end() && has_all(cached->second.flags, access)) {
        return cached->second.hpa;
      }
      const auto leaf = space_.query(GuestPhysAddr(gpa));
      if (leaf && has_all(leaf->flags, access)) {
        // An entry that permits less may stay in a TLB: it must have been invalidated.
        require(cached == tlb_.entries.end(), "a TLB forgets what has changed");
        tlb_.entries[gpa] = {leaf->hpa, leaf->flags};
        return leaf->hpa;
      }
      const auto outcome = space_.handle_page_fault(GuestPhysAddr(gpa), access, tlb_);
      if (!outcome || outcome->kind == PageFaultOutcome::Kind::Unhandled) return std::nullopt;
    }
    require(false, "a fault that was handled does not come again");
    return std::nullopt;
  }

  void check(std::uint64_t gpa) {
    const auto found = pages_.find(gpa);
    const auto leaf = space_.query(GuestPhysAddr(gpa));
    const bool memory = found != pages_.end() && found->second.is_memory;
    require(space_.is_memory({GuestPhysAddr(gpa), kPageSize}) == memory, "memory is known as such");
    if (found == pages_.end()) {
      require(!leaf && !tlb_.entries.contains(gpa), "nothing leads where no region is");
      return;
    }
    const Page& p = found->second;
    require(leaf || p.backing == Backing::Lazy, "what is not lazy is there");
    if (leaf) {
      const MappingFlags all = p.flags & kReadWriteExecute;
      const MappingFlags clean = all & ~MappingFlags::Write;
      const MappingFlags now = leaf->flags & kReadWriteExecute;
      if (!memory || !is_logged(gpa)) require(now == all, "leaves permit what regions do");
      if (memory && is_logged(gpa)) {
        require(now == clean || (now == all && dirty_.contains(gpa)), "clean pages are watched");
        const GuestPhysRange block{GuestPhysAddr(gpa), leaf->page_size};
        require(block.size == kPageSize, "logged memory is mapped by pages");
      }
    }
    if (!memory) return;
    const auto word = space_.read_object<std::uint64_t>(GuestPhysAddr(gpa));
    require(word && *word == content(gpa, p), "the VMM reads what was written");
  }

  static constexpr std::size_t kRegions = 24;

  Input& input_;
  test::FakeHal hal_{3 * kBlock / kPageSize};
  Tlb tlb_;
  Space space_{std::move(*Space::try_make(hal_, aarch64::kStage2FourLevels, kRegions))};
  bool scarce_ = false;
  std::map<std::uint64_t, Page> pages_;
  std::map<std::uint64_t, std::uint64_t> foreign_;  // by host page
  std::map<std::uint64_t, std::uint64_t> own_;      // by guest page
  std::vector<GuestPhysRange> logs_;
  std::set<std::uint64_t> dirty_;
};

}  // namespace axvm::fuzz
