#pragma once
// One local APIC: which interrupts have come to a processor, and which of them it takes (APM Vol.
// 2, chapter 16; SDM Vol. 3A, chapter 11). Registers are the same as memory (xAPIC) and as MSRs
// (x2APIC).

#include <array>
#include <axvm/state.hpp>
#include <core/arch/x86_64/local_apic/apic_timer.hpp>
#include <core/arch/x86_64/local_apic/interrupt_message.hpp>
#include <core/arch/x86_64/local_apic/vector_set.hpp>
#include <cstdint>
#include <optional>

namespace axvm::x86_64 {

/// Where the registers are in memory; guests cannot move them.
inline constexpr std::uint64_t kApicBase = 0xfee0'0000;

/// Numbers of registers: offsets in the page, divided by 16; and MSRs from 800h on.
namespace apic_register {
inline constexpr unsigned kId = 0x02;
inline constexpr unsigned kVersion = 0x03;
inline constexpr unsigned kTaskPriority = 0x08;
inline constexpr unsigned kArbitrationPriority = 0x09;
inline constexpr unsigned kProcessorPriority = 0x0a;
inline constexpr unsigned kEndOfInterrupt = 0x0b;
inline constexpr unsigned kRemoteRead = 0x0c;
inline constexpr unsigned kLogicalDestination = 0x0d;
inline constexpr unsigned kDestinationFormat = 0x0e;
inline constexpr unsigned kSpuriousVector = 0x0f;
inline constexpr unsigned kInService = 0x10;  ///< 8 of them, as of the next two
inline constexpr unsigned kTriggerMode = 0x18;
inline constexpr unsigned kRequest = 0x20;
inline constexpr unsigned kErrorStatus = 0x28;
inline constexpr unsigned kCommand = 0x30;
inline constexpr unsigned kCommandHigh = 0x31;
inline constexpr unsigned kLocalVectors = 0x32;  ///< 6 of them, in the order of LocalVector
inline constexpr unsigned kInitialCount = 0x38;
inline constexpr unsigned kCurrentCount = 0x39;
inline constexpr unsigned kDivideConfiguration = 0x3e;
inline constexpr unsigned kSelfIpi = 0x3f;
}  // namespace apic_register

/// The local vector table.
enum class LocalVector : std::uint8_t { Timer, Thermal, Performance, Lint0, Lint1, Error };

/// What a write asks of others.
struct ApicEffect {
  std::optional<InterruptMessage> message;  ///< to be sent, by this APIC
  std::optional<std::uint8_t> ended;  ///< a level-triggered vector: IO-APICs are to hear of it
};

/// Whoever uses it sees to it that nobody else does. `now` is guest time in nanoseconds.
class LocalApic {
 public:
  /// What MSR 1Bh says of it.
  enum class Mode : std::uint8_t { Disabled, XApic, X2Apic };

  LocalApic(std::uint32_t id, bool is_bootstrap, std::uint64_t tsc_frequency) noexcept
      : id_(id), is_bootstrap_(is_bootstrap), timer_(tsc_frequency) {
    clear();
  }

  /// As at power-on: an xAPIC, disabled by software.
  void reset() noexcept;
  /// As after INIT: the same, but that it is what it was of xAPIC and x2APIC, and keeps what has
  /// come of INIT and start-up.
  void init() noexcept;

  // --- MSRs; nothing and false are #GP
  // --------------------------------------------------------------
  [[nodiscard]] std::uint64_t read_base() const noexcept;
  bool write_base(std::uint64_t value) noexcept;
  /// 800h to 8FFh.
  [[nodiscard]] std::optional<std::uint64_t> read_msr(std::uint32_t msr,
                                                      std::uint64_t now) noexcept;
  [[nodiscard]] std::optional<ApicEffect> write_msr(std::uint32_t msr, std::uint64_t value,
                                                    std::uint64_t now) noexcept;
  [[nodiscard]] std::uint64_t tsc_deadline() const noexcept { return timer_.tsc_deadline(); }
  void set_tsc_deadline(std::uint64_t tsc) noexcept { timer_.set_tsc_deadline(tsc); }

  // --- memory; only of an xAPIC
  // -----------------------------------------------------------------------
  /// The register of this number; reserved ones are 0 and an error.
  [[nodiscard]] std::uint32_t read(unsigned number, std::uint64_t now) noexcept;
  ApicEffect write(unsigned number, std::uint32_t value, std::uint64_t now) noexcept;

  // --- what comes
  // ---------------------------------------------------------------------------------------
  /// Whether the destination, without a shorthand, names this APIC (16.6.1).
  [[nodiscard]] bool is_named_by(const MessageDestination& destination) const noexcept;
  /// Takes what the message has for it, whomever it is for. SMIs are lost: there is no SMM.
  void accept(const InterruptMessage& message) noexcept;
  /// A pulse on a pin or of an event that the table has, by the entry's rules.
  void trigger(LocalVector source) noexcept;
  /// Delivers the timer's interrupt if it is due.
  void poll(std::uint64_t now) noexcept;
  [[nodiscard]] std::optional<std::uint64_t> timer_deadline() const noexcept {
    return timer_.deadline();
  }

  // --- what the processor takes
  // -------------------------------------------------------------------------
  /// The interrupt of the highest priority, if that is above the processor's.
  [[nodiscard]] std::optional<std::uint8_t> deliverable() const noexcept;
  /// The processor takes it, if there still is one: it is in service.
  std::optional<std::uint8_t> acknowledge() noexcept;
  [[nodiscard]] bool take_nmi() noexcept { return take(nmi_); }
  [[nodiscard]] bool take_init() noexcept { return take(init_); }
  /// The page where the processor begins; one that does not wait for it forgets it.
  [[nodiscard]] std::optional<std::uint8_t> take_startup() noexcept;
  /// Whether a PIC's interrupts reach the processor: by LINT0, or past an APIC that is disabled.
  [[nodiscard]] bool passes_external() const noexcept;
  /// Whether there is anything to be taken.
  [[nodiscard]] bool has_news() const noexcept {
    return nmi_ || init_ || startup_ >= 0 || deliverable().has_value();
  }

  [[nodiscard]] std::uint32_t id() const noexcept { return id_; }
  [[nodiscard]] Mode mode() const noexcept { return mode_; }
  [[nodiscard]] bool is_enabled_by_software() const noexcept;
  /// Bits [7:4] are CR8.
  [[nodiscard]] std::uint8_t task_priority() const noexcept { return task_priority_; }
  void set_task_priority(std::uint8_t priority) noexcept { task_priority_ = priority; }
  /// Of the task or of what is in service (16.6.4).
  [[nodiscard]] std::uint8_t processor_priority() const noexcept;

  void describe(StateVisitor& visitor);

 private:
  static constexpr unsigned kLocalVectorCount = 6;

  [[nodiscard]] static bool take(bool& flag) noexcept {
    const bool was = flag;
    flag = false;
    return was;
  }
  /// Everything but ID, mode, and what INIT keeps.
  void clear() noexcept;
  [[nodiscard]] std::optional<std::uint64_t> value_of(unsigned number, std::uint64_t now) noexcept;
  /// Of a register that can be written.
  void put(unsigned number, std::uint64_t value, std::uint64_t now, ApicEffect& effect) noexcept;
  void put_local_vector(unsigned n, std::uint32_t value) noexcept;
  [[nodiscard]] std::optional<InterruptMessage> send() noexcept;
  [[nodiscard]] std::optional<std::uint8_t> end_of_interrupt() noexcept;
  void record_error(std::uint32_t bit) noexcept;
  void accept_fixed(std::uint8_t vector, bool is_level) noexcept;
  [[nodiscard]] std::uint32_t logical_id() const noexcept;

  std::uint32_t id_;
  bool is_bootstrap_;
  Mode mode_ = Mode::XApic;
  ApicTimer timer_;
  VectorSet requested_;
  VectorSet in_service_;
  VectorSet level_triggered_;
  std::uint8_t task_priority_ = 0;
  std::uint32_t logical_destination_ = 0;
  std::uint32_t destination_format_ = 0;
  std::uint32_t spurious_vector_ = 0;
  std::uint32_t errors_ = 0;        ///< since the last write of the error status
  std::uint32_t error_status_ = 0;  ///< as it was then
  std::uint64_t command_ = 0;
  std::array<std::uint32_t, kLocalVectorCount> local_vectors_{};
  bool nmi_ = false;
  bool init_ = false;
  std::int32_t startup_ = -1;  ///< the page, 0..255; -1: none
};

}  // namespace axvm::x86_64
