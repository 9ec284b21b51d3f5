#pragma once
// What the hardware knows of an A64 load, store or cache instruction when it reports an abort: the
// address, the direction, and the instruction-specific syndrome (DDI 0487 C4.1.94, "Loads and
// Stores", and D24.2.40). Armv8.0 to Armv8.4.

#include <cstdint>
#include <optional>

namespace axvm::sim::aarch64 {

struct MemoryInstruction {
  /// How the address comes about.
  enum class Addressing : std::uint8_t {
    Base,       ///< [Xn|SP], also post-index
    Immediate,  ///< [Xn|SP, #offset], also pre-index
    Register,   ///< [Xn|SP, Rm, extend #shift]
    Literal,    ///< PC + offset
    Argument,   ///< Xt of DC, IC and the like
  };

  bool is_load = false;
  bool is_store = false;
  /// Read-modify-write in one: LSE atomics, SWP, CAS. Load and store are both set.
  bool is_atomic = false;
  /// LDXR, STXR and their kin.
  bool is_exclusive = false;
  /// Acquire or release semantics.
  bool is_ordered = false;
  bool is_pair = false;
  /// Transfers SIMD&FP registers.
  bool is_simd = false;
  /// PRFM, PRFUM: never faults.
  bool is_prefetch = false;
  /// DC ZVA: a store of the whole block.
  bool is_dc_zva = false;
  /// DC or IC by VA, not DC ZVA, or AT: aborts carry CM and WnR.
  bool is_cache_maintenance = false;
  /// LDTR, STTR: EL0's permissions apply at EL1, PAN does not.
  bool unprivileged = false;
  /// Rn is written back.
  bool writeback = false;
  /// Bytes touched, all registers together; 0 for cache maintenance and prefetches.
  std::uint8_t access_bytes = 0;
  /// Bytes of one register or SIMD element, which is what has to be aligned; 0 as above.
  std::uint8_t element_bytes = 0;

  Addressing addressing = Addressing::Base;
  std::uint8_t rn = 0;
  std::uint8_t rm = 0;
  /// Register offset: the option field (2 UXTW, 3 LSL, 6 SXTW, 7 SXTX) and the shift amount.
  std::uint8_t extend = 3;
  std::uint8_t shift = 0;
  std::int64_t offset = 0;

  /// ISV of a stage-2 data abort: one general-purpose register, no writeback, neither exclusive nor
  /// atomic. The fields below are zero otherwise.
  bool syndrome_valid = false;
  std::uint8_t access_size = 0;      ///< SAS: log2 of the bytes
  bool sign_extend = false;          ///< SSE
  std::uint8_t register_number = 0;  ///< SRT
  bool sixty_four = false;           ///< SF
  bool acquire_release = false;      ///< AR

  /// The address of the lowest byte accessed; for DC and IC the argument as passed. `read(n)` gives
  /// Xn for n < 31 and SP for n = 31.
  template <class ReadRegister>
  [[nodiscard]] std::uint64_t address(const ReadRegister& read, std::uint64_t pc) const {
    const auto displacement = static_cast<std::uint64_t>(offset);
    switch (addressing) {
      case Addressing::Base: return read(rn);
      case Addressing::Immediate: return read(rn) + displacement;
      case Addressing::Register: return read(rn) + (extended(rm == 31 ? 0 : read(rm)) << shift);
      case Addressing::Literal: return pc + displacement;
      case Addressing::Argument: return rn == 31 ? 0 : read(rn);
    }
    return 0;
  }

 private:
  [[nodiscard]] constexpr std::uint64_t extended(std::uint64_t value) const noexcept {
    if (extend == 2) return value & 0xffff'ffff;
    if (extend == 6) {
      return static_cast<std::uint64_t>(
          static_cast<std::int64_t>(static_cast<std::int32_t>(static_cast<std::uint32_t>(value))));
    }
    return value;
  }
};

/// The instruction word as a memory instruction; nothing when it is not one or is unallocated.
[[nodiscard]] std::optional<MemoryInstruction> decode_memory_instruction(
    std::uint32_t instruction) noexcept;

}  // namespace axvm::sim::aarch64
