#pragma once
// The timing fidelity of one CPU's guests (sim/timing/guest_accesses.hpp): translation as VMSAv8-64
// has it, and TLB maintenance.

#include <array>
#include <cstdint>
#include <sim/arch/aarch64/decode.hpp>
#include <sim/arch/aarch64/tlb_maintenance.hpp>
#include <sim/arch/aarch64/walk.hpp>
#include <sim/timing/guest_accesses.hpp>
#include <vector>

namespace axvm::sim::aarch64 {

/// Pairs, SIMD structures and DC ZVA are one access of all their bytes. LDXR is a load, STXR a
/// store whether it succeeds or not, a read-modify-write a store. Prefetches, and maintenance of
/// caches by address, count as nothing.
class GuestTiming final : public timing::GuestAccesses, public MaintenanceObserver {
 public:
  using GuestAccesses::GuestAccesses;

  /// The registers that translation depends on mean this from now on.
  void set_regime(const Regime& regime);
  void forget(const TlbMaintenance& maintenance) override;

  /// What `word` accesses; null when it accesses nothing that counts.
  [[nodiscard]] const MemoryInstruction* decoded(std::uint32_t word) {
    // DDI 0487 C4.1: loads and stores have x1x0 in bits 28:25; DC ZVA is a SYS.
    if ((word & 0x0a00'0000) != 0x0800'0000 && (word & 0xfff8'0000) != 0xd508'0000) return nullptr;
    Decoded& decoded = decoded_[(word ^ word >> 10 ^ word >> 20) & (kDecoded - 1)];
    if (decoded.word != word) [[unlikely]]
      decode(word, decoded);
    return decoded.instruction.access_bytes != 0 ? &decoded.instruction : nullptr;
  }

 private:
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
    Tags tags;
    bool operator==(const Context&) const = default;
  };
  [[nodiscard]] static Context context_of(const Regime& regime);
  void enter_tables(timing::TimingMmu& mmu, timing::Spaces spaces) override;
  static void decode(std::uint32_t word, Decoded& decoded);
  [[nodiscard]] timing::Stage stage(std::size_t number);

  Context context_;
  std::array<timing::TableFormat, 3> formats_{};  // of context_.tables
  std::vector<Decoded> decoded_{kDecoded};
};

}  // namespace axvm::sim::aarch64
