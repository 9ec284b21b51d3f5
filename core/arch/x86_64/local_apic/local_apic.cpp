#include <axvm/result.hpp>
#include <core/arch/x86_64/local_apic/local_apic.hpp>

namespace axvm::x86_64 {
namespace {

using namespace apic_register;

/// Version 14h, with entries 0 to 5 in the local vector table (16.3.4).
constexpr std::uint32_t kVersionValue = 0x0005'0014;
constexpr std::uint32_t kEnabled = 1U << 8;  ///< of the spurious vector
constexpr std::uint32_t kMasked = 1U << 16;  ///< of local vectors

/// Errors (16.4.6).
constexpr std::uint32_t kSentIllegalVector = 1U << 5;
constexpr std::uint32_t kReceivedIllegalVector = 1U << 6;
constexpr std::uint32_t kIllegalRegister = 1U << 7;

constexpr std::uint8_t kFirstLegalVector = 16;

/// Bits of APIC_BASE (16.3.1, 16.9).
constexpr std::uint64_t kBootstrap = 1U << 8;
constexpr std::uint64_t kX2ApicEnable = 1U << 10;
constexpr std::uint64_t kApicEnable = 1U << 11;

constexpr std::uint32_t kFirstMsr = 0x800;
constexpr std::uint64_t kCommandBits = 0x000c'cfff;
constexpr std::uint64_t kTimerMode = 3U << 17;

/// What can be written of local vectors (16.4).
constexpr std::uint32_t kLocalVectorBits[] = {0x7'00ff, 0x1'07ff, 0x1'07ff,
                                              0x1'a7ff, 0x1'a7ff, 0x1'00ff};

constexpr bool is_in(unsigned number, unsigned first, unsigned count) {
  return number - first < count;
}

/// The bits that can be written of a register; nothing if it cannot be. Not of ICR and its like,
/// which are not the same in both modes.
constexpr std::optional<std::uint64_t> writable_bits(unsigned number) {
  if (is_in(number, kLocalVectors, 6)) return kLocalVectorBits[number - kLocalVectors];
  switch (number) {
    case kTaskPriority: return 0xff;
    case kEndOfInterrupt:
    case kErrorStatus: return 0;
    case kSpuriousVector: return 0x3ff;
    case kInitialCount: return 0xffff'ffff;
    case kDivideConfiguration: return 0xb;
    default: return std::nullopt;
  }
}

}  // namespace

// --- life ---------------------------------------------------------------------------------------

void LocalApic::clear() noexcept {
  timer_.reset();
  requested_ = {};
  in_service_ = {};
  level_triggered_ = {};
  task_priority_ = 0;
  logical_destination_ = 0;
  destination_format_ = 0xffff'ffff;
  spurious_vector_ = 0xff;
  errors_ = 0;
  error_status_ = 0;
  command_ = 0;
  local_vectors_.fill(kMasked);
}

void LocalApic::reset() noexcept {
  clear();
  mode_ = Mode::XApic;
  nmi_ = false;
  init_ = false;
  startup_ = -1;
}

void LocalApic::init() noexcept {
  clear();
  nmi_ = false;
}

// --- MSRs ---------------------------------------------------------------------------------------

std::uint64_t LocalApic::read_base() const noexcept {
  return kApicBase | (is_bootstrap_ ? kBootstrap : 0) |
         (mode_ != Mode::Disabled ? kApicEnable : 0) | (mode_ == Mode::X2Apic ? kX2ApicEnable : 0);
}

bool LocalApic::write_base(std::uint64_t value) noexcept {
  if ((value & ~(kBootstrap | kX2ApicEnable | kApicEnable)) != kApicBase) return false;
  const bool enables = (value & kApicEnable) != 0;
  const bool extends = (value & kX2ApicEnable) != 0;
  // x2APIC begins from xAPIC and ends in an APIC that is disabled (16.9).
  if (extends && (!enables || mode_ == Mode::Disabled)) return false;
  if (enables && !extends && mode_ == Mode::X2Apic) return false;
  if (!enables && mode_ != Mode::Disabled) clear();
  mode_ = extends ? Mode::X2Apic : enables ? Mode::XApic : Mode::Disabled;
  return true;
}

std::optional<std::uint64_t> LocalApic::read_msr(std::uint32_t msr, std::uint64_t now) noexcept {
  const std::uint32_t number = msr - kFirstMsr;
  if (mode_ != Mode::X2Apic) return std::nullopt;
  switch (number) {
    case kId: return id_;
    case kLogicalDestination: return logical_id();
    case kCommand: return command_;
    case kArbitrationPriority:
    case kEndOfInterrupt:
    case kRemoteRead:
    case kDestinationFormat:
    case kCommandHigh:
    case kSelfIpi: return std::nullopt;
    default: return value_of(number, now);
  }
}

std::optional<ApicEffect> LocalApic::write_msr(std::uint32_t msr, std::uint64_t value,
                                               std::uint64_t now) noexcept {
  const std::uint32_t number = msr - kFirstMsr;
  if (mode_ != Mode::X2Apic) return std::nullopt;
  ApicEffect effect;
  if (number == kCommand) {
    if ((value & 0xffff'ffff & ~kCommandBits) != 0) return std::nullopt;
    command_ = value;
    effect.message = send();
    return effect;
  }
  if (number == kSelfIpi) {
    if (value > 0xff) return std::nullopt;
    accept_fixed(static_cast<std::uint8_t>(value), false);
    return effect;
  }
  const auto bits = writable_bits(number);
  if (!bits || (value & ~*bits) != 0) return std::nullopt;
  put(number, value, now, effect);
  return effect;
}

// --- registers ----------------------------------------------------------------------------------

std::uint32_t LocalApic::read(unsigned number, std::uint64_t now) noexcept {
  const auto value = value_of(number, now);
  if (!value) record_error(kIllegalRegister);
  return static_cast<std::uint32_t>(value.value_or(0));
}

std::optional<std::uint64_t> LocalApic::value_of(unsigned number, std::uint64_t now) noexcept {
  poll(now);
  if (is_in(number, kInService, 8)) return in_service_.word(number - kInService);
  if (is_in(number, kTriggerMode, 8)) return level_triggered_.word(number - kTriggerMode);
  if (is_in(number, kRequest, 8)) return requested_.word(number - kRequest);
  if (is_in(number, kLocalVectors, 6)) return local_vectors_[number - kLocalVectors];
  switch (number) {
    case kId: return std::uint64_t{id_ & 0xff} << 24;
    case kVersion: return kVersionValue;
    case kTaskPriority: return task_priority_;
    // Nobody else competes for the interrupt.
    case kArbitrationPriority:
    case kProcessorPriority: return processor_priority();
    case kEndOfInterrupt:
    case kRemoteRead: return 0;
    case kLogicalDestination: return logical_destination_;
    case kDestinationFormat: return destination_format_;
    case kSpuriousVector: return spurious_vector_;
    case kErrorStatus: return error_status_;
    case kCommand: return command_ & 0xffff'ffff;
    case kCommandHigh: return command_ >> 32;
    case kInitialCount: return timer_.initial_count();
    case kCurrentCount: return timer_.current_count(now);
    case kDivideConfiguration: return timer_.divide_configuration();
    default: return std::nullopt;
  }
}

ApicEffect LocalApic::write(unsigned number, std::uint32_t value, std::uint64_t now) noexcept {
  ApicEffect effect;
  switch (number) {
    case kLogicalDestination: logical_destination_ = value & 0xff00'0000; break;
    case kDestinationFormat: destination_format_ = value | 0x0fff'ffff; break;
    case kCommandHigh:
      command_ = (command_ & 0xffff'ffff) | std::uint64_t{value & 0xff00'0000} << 32;
      break;
    case kCommand:
      command_ = (command_ & ~std::uint64_t{0xffff'ffff}) | (value & kCommandBits);
      effect.message = send();
      break;
    default:
      if (const auto bits = writable_bits(number)) {
        put(number, value & *bits, now, effect);
      } else if (!value_of(number, now)) {
        record_error(kIllegalRegister);
      }
  }
  return effect;
}

void LocalApic::put(unsigned number, std::uint64_t value, std::uint64_t now,
                    ApicEffect& effect) noexcept {
  // What is due has been counted by the old rules.
  poll(now);
  const auto word = static_cast<std::uint32_t>(value);
  if (is_in(number, kLocalVectors, kLocalVectorCount)) {
    return put_local_vector(number - kLocalVectors, word);
  }
  switch (number) {
    case kTaskPriority: task_priority_ = static_cast<std::uint8_t>(word); return;
    case kEndOfInterrupt: effect.ended = end_of_interrupt(); return;
    case kSpuriousVector:
      spurious_vector_ = word;
      if (is_enabled_by_software()) return;
      for (std::uint32_t& entry : local_vectors_) entry |= kMasked;
      return;
    case kErrorStatus:
      error_status_ = errors_;
      errors_ = 0;
      return;
    case kInitialCount: timer_.set_initial_count(word, now); return;
    case kDivideConfiguration: timer_.set_divide_configuration(word, now); return;
    default: return;
  }
}

void LocalApic::put_local_vector(unsigned n, std::uint32_t value) noexcept {
  local_vectors_[n] = is_enabled_by_software() ? value : value | kMasked;
  if (n != static_cast<unsigned>(LocalVector::Timer)) return;
  constexpr ApicTimer::Mode kModes[] = {ApicTimer::Mode::OneShot, ApicTimer::Mode::Periodic,
                                        ApicTimer::Mode::TscDeadline, ApicTimer::Mode::OneShot};
  timer_.set_mode(kModes[(value & kTimerMode) >> 17]);
}

std::optional<InterruptMessage> LocalApic::send() noexcept {
  const auto message = InterruptMessage::of_command(command_, mode_ == Mode::X2Apic);
  const bool has_vector =
      message.mode == DeliveryMode::Fixed || message.mode == DeliveryMode::LowestPriority;
  if (has_vector && message.vector < kFirstLegalVector) {
    record_error(kSentIllegalVector);
    return std::nullopt;
  }
  return message;
}

void LocalApic::record_error(std::uint32_t bit) noexcept {
  if ((errors_ & bit) != 0) return;
  errors_ |= bit;
  trigger(LocalVector::Error);
}

// --- what comes ---------------------------------------------------------------------------------

bool LocalApic::is_enabled_by_software() const noexcept {
  return (spurious_vector_ & kEnabled) != 0;
}

/// x2APIC: the cluster and one bit of 16, made of the ID (16.14).
std::uint32_t LocalApic::logical_id() const noexcept {
  if (mode_ == Mode::X2Apic) return (id_ >> 4) << 16 | std::uint32_t{1} << (id_ & 0xf);
  return logical_destination_ >> 24;
}

bool LocalApic::is_named_by(const MessageDestination& destination) const noexcept {
  if (mode_ == Mode::Disabled) return false;
  if (destination.is_broadcast) return true;
  if (!destination.is_logical) return destination.id == id_;
  const std::uint32_t mine = logical_id();
  if (mode_ == Mode::X2Apic) {
    return destination.id >> 16 == mine >> 16 && (destination.id & mine & 0xffff) != 0;
  }
  if (destination.id > 0xff) return false;
  const bool is_flat = destination_format_ >> 28 == 0xf;
  if (is_flat) return (destination.id & mine) != 0;
  // Clusters; 15 is all of them.
  const std::uint32_t cluster = destination.id >> 4;
  return (cluster == 0xf || cluster == mine >> 4) && (destination.id & mine & 0xf) != 0;
}

void LocalApic::accept_fixed(std::uint8_t vector, bool is_level) noexcept {
  if (vector < kFirstLegalVector) return record_error(kReceivedIllegalVector);
  if (mode_ == Mode::Disabled || !is_enabled_by_software()) return;
  requested_.set(vector);
  level_triggered_.set(vector, is_level);
}

void LocalApic::accept(const InterruptMessage& message) noexcept {
  switch (message.mode) {
    case DeliveryMode::Fixed:
    case DeliveryMode::LowestPriority: return accept_fixed(message.vector, message.is_level);
    case DeliveryMode::Nmi: nmi_ = true; return;
    case DeliveryMode::Init:
      if (!message.is_asserted) return;
      init_ = true;
      startup_ = -1;
      return;
    case DeliveryMode::Startup: startup_ = message.vector; return;
    default: return;
  }
}

void LocalApic::trigger(LocalVector source) noexcept {
  const std::uint32_t entry = local_vectors_[static_cast<unsigned>(source)];
  if ((entry & kMasked) != 0) return;
  const bool has_mode = source != LocalVector::Timer && source != LocalVector::Error;
  const auto mode = has_mode ? static_cast<DeliveryMode>(entry >> 8 & 7) : DeliveryMode::Fixed;
  const bool is_pin = source == LocalVector::Lint0 || source == LocalVector::Lint1;
  // Others than these two are reserved, or a PIC's (passes_external()).
  if (mode != DeliveryMode::Fixed && mode != DeliveryMode::Nmi) return;
  accept({.vector = static_cast<std::uint8_t>(entry),
          .mode = mode,
          .is_level = is_pin && (entry >> 15 & 1) != 0});
}

void LocalApic::poll(std::uint64_t now) noexcept {
  if (timer_.expire(now)) trigger(LocalVector::Timer);
}

bool LocalApic::passes_external() const noexcept {
  if (mode_ == Mode::Disabled) return true;
  const std::uint32_t entry = local_vectors_[static_cast<unsigned>(LocalVector::Lint0)];
  return (entry & kMasked) == 0 &&
         static_cast<DeliveryMode>(entry >> 8 & 7) == DeliveryMode::External;
}

// --- what the processor takes -------------------------------------------------------------------

std::uint8_t LocalApic::processor_priority() const noexcept {
  const std::uint8_t serviced = in_service_.highest().value_or(0) & 0xf0;
  return (task_priority_ & 0xf0) >= serviced ? task_priority_ : serviced;
}

std::optional<std::uint8_t> LocalApic::deliverable() const noexcept {
  if (mode_ == Mode::Disabled) return std::nullopt;
  const auto highest = requested_.highest();
  if (!highest || *highest >> 4 <= processor_priority() >> 4) return std::nullopt;
  return highest;
}

std::optional<std::uint8_t> LocalApic::acknowledge() noexcept {
  const auto vector = deliverable();
  if (vector) {
    requested_.set(*vector, false);
    in_service_.set(*vector);
  }
  return vector;
}

std::optional<std::uint8_t> LocalApic::end_of_interrupt() noexcept {
  const auto vector = in_service_.highest();
  if (!vector) return std::nullopt;
  in_service_.set(*vector, false);
  if (!level_triggered_.contains(*vector)) return std::nullopt;
  return vector;
}

std::optional<std::uint8_t> LocalApic::take_startup() noexcept {
  if (startup_ < 0) return std::nullopt;
  const auto page = static_cast<std::uint8_t>(startup_);
  startup_ = -1;
  return page;
}

void LocalApic::describe(StateVisitor& visitor) {
  visitor.value("mode"sv, mode_);
  timer_.describe(visitor);
  requested_.describe(visitor, "irr"sv);
  in_service_.describe(visitor, "isr"sv);
  level_triggered_.describe(visitor, "tmr"sv);
  visitor.value("tpr"sv, task_priority_);
  visitor.value("ldr"sv, logical_destination_);
  visitor.value("dfr"sv, destination_format_);
  visitor.value("svr"sv, spurious_vector_);
  visitor.value("errors"sv, errors_);
  visitor.value("esr"sv, error_status_);
  visitor.value("icr"sv, command_);
  visitor.bytes("lvt"sv, std::as_writable_bytes(std::span(local_vectors_)));
  visitor.value("nmi"sv, nmi_);
  visitor.value("init"sv, init_);
  visitor.value("startup"sv, startup_);
  // A restored state may be anything.
  if (mode_ > Mode::X2Apic) mode_ = Mode::XApic;
  if (startup_ > 0xff) startup_ = -1;
}

}  // namespace axvm::x86_64
