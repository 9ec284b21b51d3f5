#pragma once
// The timing fidelity of one hart's guests (sim/timing/guest_accesses.hpp): translation by Sv39,
// Sv48 and Sv57 over the G-stage, and fences.

#include <array>
#include <cstdint>
#include <sim/arch/riscv64/decode.hpp>
#include <sim/arch/riscv64/fence.hpp>
#include <sim/arch/riscv64/walk.hpp>
#include <sim/timing/guest_accesses.hpp>
#include <vector>

namespace axvm::sim::riscv64 {

/// LR is a load, SC a store whether it succeeds or not, an AMO a store. A misaligned access is one
/// of all its bytes.
class GuestTiming final : public timing::GuestAccesses, public FenceObserver {
 public:
  using GuestAccesses::GuestAccesses;

  /// The registers that translation depends on mean this from now on.
  void set_regime(const Regime& regime);
  /// A fence of some addresses leaves what is remembered of pointers to tables: it orders leaves
  /// alone. Of the G-stage it takes all translations of the VM, which do not say by which guest
  /// physical address they came.
  void forget(const Fence& fence) override;

  /// What the instruction accesses; null when it accesses nothing.
  [[nodiscard]] const MemoryInstruction* decoded(std::uint32_t word) {
    if (instruction_bytes(word) == 2) word &= 0xffff;
    Decoded& decoded = decoded_[(word ^ word >> 10 ^ word >> 20) & (kDecoded - 1)];
    if (decoded.word != word) [[unlikely]]
      decode(word, decoded);
    return decoded.instruction.access_bytes != 0 ? &decoded.instruction : nullptr;
  }

 private:
  static constexpr std::size_t kDecoded = 4096;  // a power of two

  struct Decoded {
    std::uint32_t word = 0;  // not defined, which is no memory instruction
    MemoryInstruction instruction;
  };
  /// What translation depends on.
  struct Context {
    std::uint64_t vs_root = 0;
    std::uint64_t g_root = 0;
    std::uint8_t vs_levels = 0;  ///< 0: Bare
    std::uint8_t g_levels = 0;
    Tags tags;
    bool operator==(const Context&) const = default;
  };
  void enter_tables(timing::TimingMmu& mmu, timing::Spaces spaces) override;
  static void decode(std::uint32_t word, Decoded& decoded);

  Context context_;
  std::array<timing::TableFormat, 2> formats_{};  // of the VS-stage's halves, and of the G-stage
  std::vector<Decoded> decoded_{kDecoded};
};

}  // namespace axvm::sim::riscv64
