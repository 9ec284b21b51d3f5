#pragma once
// An Advanced PLIC with one interrupt domain, of supervisor level: sources, whether their wires or
// the guest make them pending, and whom they reach (RISC-V Advanced Interrupt Architecture 1.0,
// chapter 4).

#include <array>
#include <axvm/memory.hpp>
#include <axvm/result.hpp>
#include <axvm/state.hpp>
#include <core/arch/riscv64/aia/interrupt_file.hpp>
#include <cstddef>
#include <cstdint>

namespace axvm::riscv64 {

/// Harts' index numbers are those of the vCPUs. Where harts have interrupt files, the domain sends
/// them messages (domaincfg.DM is read-only 1); otherwise it interrupts them itself (read-only 0).
/// Whoever uses it sees to it that nobody else does.
class Aplic {
 public:
  /// Source 0 does not exist.
  static constexpr std::uint32_t kSources = 1024;

  /// Bytes of the control region of so many harts.
  [[nodiscard]] static constexpr std::uint64_t size(std::size_t harts) noexcept {
    return (kIdcs + kIdcStride * harts + 0xfff) & ~std::uint64_t{0xfff};
  }

  /// `files`: one per hart, or none. They outlive the APLIC. Errors: NoMemory.
  [[nodiscard]] static Result<Box<Aplic>> try_make(Allocator allocator, std::size_t harts,
                                                   Array<InterruptFile>& files);
  void reset() noexcept;

  /// The wire of a source; those that do not exist are ignored. True when it changes.
  bool set_wire(std::uint32_t source, bool high) noexcept;
  /// An edge, whichever the guest waits for; of a level, one that lasts until it is delivered.
  void pulse_wire(std::uint32_t source) noexcept;

  /// The register at a multiple of 4 in the control region; what is reserved reads 0 and ignores
  /// writes (4.5). Reading claimi claims.
  [[nodiscard]] std::uint32_t read(std::uint64_t offset) noexcept;
  /// Whether reading there may change anything.
  [[nodiscard]] static bool is_claim(std::uint64_t offset) noexcept;
  void write(std::uint64_t offset, std::uint32_t value) noexcept;

  /// Whether it asserts the external interrupt of a hart by itself; never where it sends messages.
  [[nodiscard]] bool is_signaling(unsigned hart) const noexcept;

  void describe(StateVisitor& visitor);

 private:
  template <class T>
  friend class axvm::Box;

  static constexpr std::uint64_t kIdcs = 0x4000;
  static constexpr std::uint64_t kIdcStride = 32;
  static constexpr unsigned kWords = kSources / 32;
  using Bits = std::array<std::uint32_t, kWords>;

  /// sourcecfg.SM.
  enum class Mode : std::uint8_t {
    Inactive = 0,
    Detached = 1,
    Edge1 = 4,
    Edge0 = 5,
    Level1 = 6,
    Level0 = 7,
  };
  /// What a hart's interrupt delivery control structure holds (4.8.1).
  struct Idc {
    bool delivers = false;
    bool forces = false;
    std::uint8_t threshold = 0;  ///< 0: none
  };

  Aplic(Array<Idc> idcs, Array<InterruptFile>& files) noexcept
      : idcs_(std::move(idcs)), files_(files) {}

  [[nodiscard]] static bool exists(std::uint32_t source) noexcept {
    return source != 0 && source < kSources;
  }
  [[nodiscard]] bool sends_messages() const noexcept { return !files_.empty(); }
  [[nodiscard]] bool is_active(std::uint32_t source) const noexcept {
    return exists(source) && modes_[source] != Mode::Inactive;
  }
  [[nodiscard]] bool is_level(std::uint32_t source) const noexcept {
    return modes_[source] == Mode::Level1 || modes_[source] == Mode::Level0;
  }
  /// The rectified input value (4.5.2).
  [[nodiscard]] bool is_asserted(std::uint32_t source) const noexcept;

  // aplic.cpp: what makes sources pending, and where they go.
  void set_pending(std::uint32_t source) noexcept;
  void clear_pending(std::uint32_t source) noexcept;
  void enable(std::uint32_t source) noexcept;
  void disable(std::uint32_t source) noexcept;
  void configure(std::uint32_t source, std::uint32_t value) noexcept;
  void set_target(std::uint32_t source, std::uint32_t value) noexcept;
  /// Sends the message of a source that is pending and enabled.
  void forward(std::uint32_t source) noexcept;
  void forward_all() noexcept;
  /// genmsi: a message out of the blue, whatever domaincfg.IE says.
  void generate(std::uint32_t value) noexcept;
  void send(std::uint32_t target) noexcept;
  /// topi.
  [[nodiscard]] std::uint32_t top(unsigned hart) const noexcept;
  [[nodiscard]] std::uint32_t claim(unsigned hart) noexcept;
  /// A restored state may be anything; afterwards it is one that there can be.
  void make_legal() noexcept;

  // aplic_registers.cpp: where registers are.
  [[nodiscard]] std::uint32_t inputs(unsigned word) const noexcept;
  [[nodiscard]] std::uint32_t read_idc(unsigned hart, std::uint64_t offset) noexcept;
  void write_idc(unsigned hart, std::uint64_t offset, std::uint32_t value) noexcept;

  bool enabled_domain_ = false;  ///< domaincfg.IE
  std::array<Mode, kSources> modes_{};
  std::array<std::uint32_t, kSources> targets_{};
  std::uint32_t genmsi_ = 0;
  Bits wires_{};  ///< that are high
  Bits pending_{};
  Bits pulsed_{};  ///< levels that are pending until they are delivered once, whatever their wires
  Bits enabled_{};
  Array<Idc> idcs_;
  Array<InterruptFile>& files_;
};

}  // namespace axvm::riscv64
