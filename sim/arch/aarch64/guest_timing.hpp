#pragma once
// The timing fidelity of one CPU's guests: what they fetch, load and store, in program order, sent
// through a model of a processor's TLBs, walk caches and data caches. Nothing that a guest can see
// depends on it, and it does not depend on how the engine cuts its blocks: it is told of each
// instruction that is about to be executed, by its address and its number.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <sim/arch/aarch64/decode.hpp>
#include <sim/arch/aarch64/tlb_maintenance.hpp>
#include <sim/arch/aarch64/walk.hpp>
#include <sim/timing/timing_mmu.hpp>
#include <utility>
#include <vector>

namespace axvm::sim::aarch64 {

/// What is counted:
/// * A fetch is of a line of 64 bytes: when an instruction is about to be executed that is not in
///   the line of the one before, and after every change of the context or of the TLBs.
/// * A load or store counts when its instruction retires, once for each line of 64 bytes that it
///   touches, in order of addresses: pairs, SIMD structures and DC ZVA are one access of all their
///   bytes. LDXR is a load, STXR a store whether it succeeds or not, a read-modify-write a store.
/// * An access that ends in a data abort, be it to an emulated device, is translated and goes no
///   further; it is accessed when the instruction is executed again and retires.
/// * Prefetches, and maintenance of caches by address, count as nothing.
class GuestTiming final : public MaintenanceObserver {
 public:
  /// `memory` has the tables and outlives this.
  explicit GuestTiming(const PhysicalMemory& memory) noexcept : memory_(memory) {}
  /// There is no model until then.
  void set_profile(const timing::Profile& profile);
  void set_listener(timing::AccessListener listener) { listener_ = std::move(listener); }

  /// The registers that translation depends on mean this from now on.
  void set_regime(const Regime& regime);
  /// The guest goes on from a snapshot, where `retired` instructions have retired already; the
  /// model begins anew.
  void restart(std::uint64_t retired);
  void forget(const TlbMaintenance& maintenance) override;

  /// The instruction at `pc` is about to be executed, `retired` have retired so far.
  void begin(std::uint64_t pc, std::uint64_t retired) {
    if (bytes_ != 0) settle(retired);
    if (pc >> kLineShift == line_) [[likely]]
      return;
    fetch(pc, retired);
  }
  /// The instruction that was begun last, with `retired` before it, accesses `bytes` at `address`.
  void access(std::uint64_t address, unsigned bytes, bool store, std::uint64_t retired) noexcept {
    number_ = retired;
    address_ = address;
    bytes_ = bytes;
    store_ = store;
  }
  /// The instruction at which `retired` have retired ends in a data abort.
  void refuse(std::uint64_t retired);
  /// No instruction can be fetched at `pc`.
  void refuse_fetch(std::uint64_t pc, std::uint64_t retired);
  /// The guest stops; `retired` instructions have retired.
  void stop(std::uint64_t retired);

  /// What `word` accesses; null when it accesses nothing that counts.
  [[nodiscard]] const MemoryInstruction* decoded(std::uint32_t word) {
    // DDI 0487 C4.1: loads and stores have x1x0 in bits 28:25; DC ZVA is a SYS.
    if ((word & 0x0a00'0000) != 0x0800'0000 && (word & 0xfff8'0000) != 0xd508'0000) return nullptr;
    Decoded& decoded = decoded_[(word ^ word >> 10 ^ word >> 20) & (kDecoded - 1)];
    if (decoded.word != word) [[unlikely]]
      decode(word, decoded);
    return decoded.instruction.access_bytes != 0 ? &decoded.instruction : nullptr;
  }

  /// Nothing without a model.
  [[nodiscard]] std::optional<timing::Counters> counters() const noexcept {
    if (!mmu_) return std::nullopt;
    return mmu_->counters();
  }

 private:
  static constexpr unsigned kLineShift = timing::MemoryHierarchy::kLineShift;
  static constexpr std::uint64_t kNoLine = ~std::uint64_t{0};
  static constexpr std::size_t kDecoded = 1024;  // a power of two

  struct Decoded {
    std::uint32_t word = 0;  // UDF, which is no memory instruction
    MemoryInstruction instruction;
  };
  /// What translation depends on.
  struct Context {
    struct Tables {
      std::uint64_t root = 0;
      std::uint8_t start_level = 0;
      std::uint8_t input_bits = 0;
      bool on = false;
      bool refuses = false;
      bool big_endian = false;
      bool operator==(const Tables&) const = default;
    };
    std::array<Tables, 3> tables;  // of the halves of stage 1, and of stage 2
    std::array<bool, 2> top_byte_ignored{};
    TlbTag asid;
    TlbTag global;
    TlbTag vm;
    bool operator==(const Context&) const = default;
  };
  [[nodiscard]] static Context context_of(const Regime& regime);
  void enter_context();
  static void decode(std::uint32_t word, Decoded& decoded);
  /// The last access happens, if its instruction has retired.
  void settle(std::uint64_t retired);
  void fetch(std::uint64_t pc, std::uint64_t retired);
  void advance(std::uint64_t retired);
  /// Calls `f` with an address in each line of the last access.
  template <class F>
  void for_each_line(unsigned bytes, F&& f);
  [[nodiscard]] std::uint64_t significant(std::uint64_t va) const noexcept {
    if (!context_.top_byte_ignored[va >> 55 & 1]) return va;
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(va << 8) >> 8);
  }
  [[nodiscard]] timing::Stage stage(std::size_t number);
  /// A number for a tag; all is forgotten when there are no more.
  timing::SpaceNumber number_of(TlbTag tag);

  const PhysicalMemory& memory_;
  timing::Profile profile_;
  std::optional<timing::TimingMmu> mmu_;
  timing::AccessListener listener_;
  std::uint64_t line_ = kNoLine;  // of the last instruction
  std::uint64_t retired_ = 0;     // up to here instructions have had their cycles
  // What the instruction begun last accesses.
  std::uint64_t number_ = 0;
  std::uint64_t address_ = 0;
  unsigned bytes_ = 0;  // 0: nothing
  bool store_ = false;

  Context context_;
  std::array<timing::TableFormat, 3> formats_{};  // of context_.tables
  std::map<TlbTag, timing::SpaceNumber> numbers_;
  std::vector<TlbTag> tags_{TlbTag{}};  // by number; 0 is none
  std::vector<Decoded> decoded_{kDecoded};
};

}  // namespace axvm::sim::aarch64
