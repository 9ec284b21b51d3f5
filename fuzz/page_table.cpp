// Any sequence of changes to a stage-2 table, with an allocator that fails at any point: the VMM's
// look-up, the machine's walk of the same bytes and the machine's strict TLB, which forgets only
// what the VMM tells it to, all agree with a map of intervals.

#include <core/arch/aarch64/arch.hpp>
#include <core/memory/page_table.hpp>
#include <fuzz/input.hpp>
#include <fuzz/stage2_machine.hpp>
#include <fuzz/stage2_model.hpp>
#include <sim/arch/aarch64/mmu.hpp>

namespace {

using namespace axvm;
using fuzz::flag_of;
using fuzz::Frames;
using fuzz::Input;
using fuzz::MaintenanceCpu;
using fuzz::require;
using sim::aarch64::Access;
using sim::aarch64::FaultKind;

constexpr Vmid kVmid{1};
/// What of `flags` a stage-2 descriptor keeps.
MappingFlags kept(MappingFlags flags) {
  MappingFlags all = kReadWriteExecute | MappingFlags::Device;
  if (!has_all(flags, MappingFlags::Device)) all = all | MappingFlags::Uncached;
  return flags & all;
}

class World {
 public:
  explicit World(Input& input)
      : input_(input),
        mmfr0_(input.below(6)),
        pa_bits_(aarch64::physical_address_bits(mmfr0_)),
        table_(*Table::try_make(frames_, aarch64::stage2_geometry(mmfr0_))) {
    auto& r = mmu_.registers();
    r.hcr_el2 = aarch64::hcr::VM;
    r.vtcr_el2 = controls_.vtcr;
    r.vttbr_el2 = controls_.vttbr;
  }

  void step() {
    const bool scarce = input_.once_in(8);
    frames_.left = scarce ? input_.below(8) : ~std::uint64_t{0};
    frames_.refused = false;
    switch (input_.below(10)) {
      case 0:
      case 1:
      case 2: map(); break;
      case 3:
      case 4: unmap(); break;
      case 5: protect(); break;
      case 6: remap(); break;
      case 7: split(); break;
      case 8: split_to_pages(); break;
      default: merge(); break;
    }
    if (model_.intervals().empty()) {
      require(frames_.taken.size() == root_tables(), "empty tables are given back");
    }
    query(address());
  }

  /// Both sides of every border.
  void query_borders() {
    for (const auto& [begin, interval] : model_.intervals()) {
      for (const std::uint64_t gpa : {begin - 1, begin, interval.end - 1, interval.end}) query(gpa);
    }
  }

 private:
  using Table = PageTable<aarch64::Stage2Format, Frames>;

  std::uint64_t page_size() {
    constexpr unsigned kShifts[] = {12, 12, 21, 21, 30};
    return std::uint64_t{1} << input_.one_of(kShifts);
  }
  /// Mostly a page near the border of a larger block, so that requests meet.
  std::uint64_t address() {
    if (input_.once_in(32)) return input_.take<std::uint64_t>();
    const std::uint64_t areas[] = {0x200'0000, 1ULL << 30, table_.reach(), 512ULL << 30};
    const std::uint64_t unit = page_size();
    const std::uint64_t area = input_.one_of(areas) & ~(unit - 1);
    return area + (input_.below(8) - std::uint64_t{4}) * unit;
  }
  GuestPhysRange range() {
    const GuestPhysAddr base(address());
    if (input_.once_in(32)) return {base, input_.take<std::uint64_t>()};
    const std::uint64_t unit = page_size();
    return {base, (1 + input_.below(3)) * unit};
  }
  [[nodiscard]] bool is_valid(GuestPhysRange range) const {
    return range.size != 0 && range.size % kPageSize == 0 && range.base.value % kPageSize == 0 &&
           range.size <= table_.reach() && range.base.value <= table_.reach() - range.size;
  }

  [[nodiscard]] static bool is_target(std::uint64_t hpa, std::uint64_t size) {
    const std::uint64_t limit = 1ULL << 48;
    return hpa % kPageSize == 0 && size <= limit && hpa <= limit - size;
  }
  [[nodiscard]] std::size_t root_tables() const {
    return PageTableShape<aarch64::Stage2Format>::root_tables(table_.geometry());
  }

  void map() {
    const GuestPhysRange at = range();
    const std::uint64_t hpa = address();
    const auto flags = static_cast<MappingFlags>(input_.below(64));
    const std::size_t frames = frames_.taken.size();
    auto changed = table_.map(at, HostPhysAddr(hpa), flags);
    const bool valid = is_valid(at) && is_target(hpa, at.size) && has_any(flags, kReadWriteExecute);
    if (changed) {
      require(valid, "what makes no sense is refused");
      require(!model_.overlaps(at.base.value, at.end().value), "what is mapped stays");
      std::move(*changed).flush(tlb_);
      model_.map(at.base.value, at.end().value, hpa, flags);
      return;
    }
    require(frames_.taken.size() == frames, "a refused change takes no memory");
    switch (changed.error().kind) {
      case ErrorKind::InvalidInput: require(!valid, "what makes sense is accepted"); break;
      case ErrorKind::AlreadyExists:
        require(model_.overlaps(at.base.value, at.end().value), "free space can be mapped");
        break;
      default: require(frames_.refused, "memory that is there is used");
    }
  }

  void unmap() {
    const GuestPhysRange at = range();
    auto changed = table_.unmap(at, tlb_);
    if (changed) {
      require(is_valid(at), "what makes no sense is refused");
      std::move(*changed).flush(tlb_);
      model_.unmap(at.base.value, at.end().value);
    } else {
      require(!is_valid(at) || frames_.refused, "what makes sense is done");
    }
  }

  void protect() {
    const GuestPhysRange at = range();
    const auto flags = static_cast<MappingFlags>(input_.below(64));
    auto changed = table_.protect(at, flags, tlb_);
    const bool valid = is_valid(at) && has_any(flags, kReadWriteExecute);
    if (changed) {
      require(valid, "what makes no sense is refused");
      std::move(*changed).flush(tlb_);
      model_.protect(at.base.value, at.end().value, flags);
    } else {
      require(!valid || frames_.refused, "what makes sense is done");
    }
  }

  void remap() {
    const GuestPhysRange at = range();
    const std::uint64_t hpa = address();
    const auto flags = static_cast<MappingFlags>(input_.below(64));
    auto changed = table_.remap(at, HostPhysAddr(hpa), flags, tlb_);
    const bool valid = is_valid(at) && is_target(hpa, at.size) && has_any(flags, kReadWriteExecute);
    if (changed) {
      require(valid, "what makes no sense is refused");
      std::move(*changed).flush(tlb_);
      model_.unmap(at.base.value, at.end().value);
      model_.map(at.base.value, at.end().value, hpa, flags);
    } else {
      require(!valid || frames_.refused, "what makes sense is done");
    }
  }

  void split_to_pages() {
    GuestPhysRange at = range();
    if (at.size > (4ULL << 20)) at.size = 4ULL << 20;  // memory holds few tables
    if (table_.split_to_pages(at, tlb_)) {
      require(is_valid(at), "what makes no sense is refused");
      require(table_.walk(at,
                          [](const Table::Slot& slot) {
                            return !slot.leaf || slot.range.size == kPageSize;
                          }),
              "no block is left");
    } else {
      require(!is_valid(at) || frames_.refused, "what makes sense is done");
    }
  }

  void merge() {
    const GuestPhysRange at = range();
    const std::size_t frames = frames_.taken.size();
    require(table_.merge(at, tlb_).has_value() == is_valid(at), "merging needs no memory");
    require(frames_.taken.size() <= frames, "merging gives memory back");
  }

  void split() {
    const GuestPhysAddr at(address());
    const auto done = table_.split_at(GuestPhysAddr(at).align_down(kPageSize), tlb_);
    require(done.has_value() || frames_.refused, "memory that is there is used");
  }

  void query(std::uint64_t gpa) {
    constexpr Access kAccesses[] = {Access::Read, Access::Write, Access::Fetch};
    const Access access = input_.one_of(kAccesses);
    const auto expected = model_.find(gpa);

    const auto slot = table_.lookup(GuestPhysAddr(gpa));
    require(slot.range.contains(GuestPhysAddr(gpa)), "a slot contains its address");
    require(slot.leaf.has_value() == expected.has_value(), "look-up finds what is mapped");
    if (expected) {
      const std::uint64_t hpa = slot.leaf->hpa.value + (gpa - slot.range.base.value);
      require(hpa == expected->hpa, "look-up leads where the mapping does");
      require(slot.leaf->flags == kept(expected->flags), "look-up knows the flags");
    }

    sim::aarch64::NoObserver nobody;
    const auto walked = mmu_.walk_stage2(gpa, access, nobody);
    check(gpa, access, expected, walked);
    if (walked && expected) {
      require(walked->page_size == slot.range.size, "the walk finds the same leaf");
      require(walked->device == has_all(expected->flags, MappingFlags::Device), "memory type");
    }
    // Stage 1 is off, so that a virtual address is an intermediate physical one of the CPU's width.
    if ((gpa >> pa_bits_) != 0) return;
    const auto translated = mmu_.translate(gpa, {.access = access});
    check(gpa, access, expected, translated);
  }

  void check(std::uint64_t gpa, Access access,
             const std::optional<fuzz::Stage2Model::Found>& expected,
             const std::expected<sim::aarch64::Translation, sim::aarch64::Fault>& found) const {
    if (!expected) {
      require(!found && found.error().kind == FaultKind::Translation, "nothing is mapped there");
    } else if ((expected->hpa >> pa_bits_) != 0) {
      require(!found && found.error().kind == FaultKind::AddressSize, "the bus is not that wide");
    } else if (!has_all(expected->flags, flag_of(access))) {
      require(!found && found.error().kind == FaultKind::Permission, "the access is forbidden");
    } else {
      require(found.has_value(), "the access is permitted");
      require(found->pa == expected->hpa, "the machine goes where the VMM says");
      require(found->readable == has_all(expected->flags, MappingFlags::Read) &&
                  found->writable == has_all(expected->flags, MappingFlags::Write) &&
                  found->executable == has_all(expected->flags, MappingFlags::Execute),
              "the machine permits what the VMM does");
    }
    if (!found) {
      require(found.error().stage == 2, "stage 2 refuses");
      require((found.error().ipa ^ gpa) < kPageSize, "a fault names the page");
    }
  }

  Input& input_;
  Frames frames_;
  std::uint64_t mmfr0_;  // ID_AA64MMFR0_EL1.PARange of the CPU
  unsigned pa_bits_;
  Table table_;
  aarch64::VmControls controls_{aarch64::vtcr_el2(table_.geometry(), pa_bits_),
                                aarch64::vttbr_el2(table_.root(), kVmid)};
  sim::Statistics statistics_;
  sim::aarch64::Mmu mmu_{frames_.memory, 64, statistics_, {.pa_bits = pa_bits_}};
  MaintenanceCpu cpu_{mmu_};
  aarch64::Stage2Tlb<MaintenanceCpu> tlb_{cpu_, controls_};
  fuzz::Stage2Model model_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  World world(input);
  for (int steps = 0; steps < 64 && !input.empty(); ++steps) world.step();
  world.query_borders();
  return 0;
}
