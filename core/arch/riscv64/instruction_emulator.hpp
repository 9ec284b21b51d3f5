#pragma once
// Carries out loads and stores that reach devices. One that reaches across a page may reach memory,
// or another device, with its other half: each half goes by its own rules.

#include <array>
#include <axvm/address.hpp>
#include <axvm/result.hpp>
#include <core/arch/riscv64/exception.hpp>
#include <core/arch/riscv64/guest_memory.hpp>
#include <core/arch/riscv64/hal.hpp>
#include <core/arch/riscv64/memory_instruction.hpp>
#include <core/arch/riscv64/trap.hpp>
#include <core/arch/riscv64/trap_report.hpp>
#include <core/devices/bus.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

namespace axvm::riscv64 {

/// The guest goes on behind the instruction that trapped.
template <VirtualizationHardware U>
void skip_instruction(U& cpu, unsigned length) {
  cpu.template write<Csr::sepc>(cpu.template read<Csr::sepc>() + length);
}

/// What carrying out an instruction came to.
struct Emulation {
  enum class Kind : std::uint8_t {
    Done,    ///< the guest is behind it
    Repeat,  ///< it is not what was refused any more; nothing has changed
    Fault,   ///< the guest takes `exception`
  };
  Kind kind = Kind::Done;
  GuestException exception{};
};

template <class Vm, VirtualizationHardware U>
class InstructionEmulator {
 public:
  InstructionEmulator(Vm& vm, VcpuId vcpu, U& cpu, GuestMemory<Vm, U>& memory,
                      TrapReport<Vm, U>& report) noexcept
      : vm_(vm), vcpu_(vcpu), cpu_(cpu), memory_(memory), report_(report) {}

  /// The instruction at sepc, which `fault` stopped at `device`. Errors: NoMemory.
  Result<Emulation> carry_out(const GuestPageFault& fault, Device& device) {
    std::uint64_t va = fault.va;
    auto decoded = fault.transformed ? decode_transformed(*fault.transformed) : std::nullopt;
    if (decoded) {
      va -= decoded->base;
    } else {
      const auto word = memory_.fetch(cpu_.template read<Csr::sepc>());
      if (word) decoded = decode_memory_instruction(*word);
      if (!decoded) return repeat();
      va = decoded->address(cpu_.gpr(decoded->base));
    }
    const MemoryInstruction& i = *decoded;
    const bool is_store = fault.access == MemoryAccess::Store;
    switch (i.kind) {
      case MemoryInstruction::Kind::CacheMaintenance:
        // A device's registers have no cache lines to maintain.
        skip_instruction(cpu_, i.length);
        return Emulation{};
      case MemoryInstruction::Kind::Atomic:
        return access_fault(fault.access, fault.va, "atomic access to a device"sv);
      case MemoryInstruction::Kind::ZeroBlock:
        return access_fault(fault.access, fault.va, "a device's registers as a cache block"sv);
      default: break;
    }
    const std::size_t size = bytes(i.width);
    if (fault.va - va >= size || is_store != (i.kind == MemoryInstruction::Kind::Store)) {
      return repeat();
    }
    const std::size_t in_page = kPageSize - (va & (kPageSize - 1));
    if (in_page >= size) return whole(i, va, fault, device);
    return halves(i, va, in_page, fault, device);
  }

 private:
  /// The share of an access in one page: a device if there is one, else memory.
  struct Half {
    std::uint64_t va = 0;
    std::size_t size = 0;
    Device* device = nullptr;
    GuestPhysAddr gpa{};  ///< of a device
  };
  /// What ends the instruction; nothing: it goes on.
  using Refused = std::optional<Result<Emulation>>;

  static Emulation repeat() { return {Emulation::Kind::Repeat, {}}; }
  static Emulation access_fault(MemoryAccess access, std::uint64_t va, std::string_view reason) {
    return {Emulation::Kind::Fault, {exceptions_of(access).access_fault, va, reason}};
  }

  /// The common case: one access of one device.
  Result<Emulation> whole(const MemoryInstruction& i, std::uint64_t va, const GuestPageFault& fault,
                          Device& device) {
    const GuestPhysAddr gpa = fault.address - (fault.va - va);
    std::uint64_t value = i.kind == MemoryInstruction::Kind::Store ? stored(i) : 0;
    const auto done = access(device, fault.access, gpa, i.width, value);
    if (!done) return access_fault(fault.access, va, done.error().detail);
    return complete(i, value);
  }

  Result<Emulation> complete(const MemoryInstruction& i, std::uint64_t value) {
    if (i.kind == MemoryInstruction::Kind::Load) put(i, value);
    skip_instruction(cpu_, i.length);
    return Emulation{};
  }

  /// A device is given `value`, or gives it.
  Result<> access(Device& device, MemoryAccess kind, GuestPhysAddr gpa, AccessWidth width,
                  std::uint64_t& value) {
    const bool is_write = kind == MemoryAccess::Store;
    if (is_write) {
      const auto done = vm_.write_device(vcpu_, vm_.mmio(), device, gpa.value, width, value);
      if (!done) return done;
    } else {
      const auto answer = vm_.read_device(vcpu_, vm_.mmio(), device, gpa.value, width);
      if (!answer) return std::unexpected(answer.error());
      value = *answer;
    }
    report_.access(Bus::Mmio, is_write, width, gpa.value, value, device.name());
    return {};
  }

  // --- across pages -----------------------------------------------------------------------------

  Result<Emulation> halves(const MemoryInstruction& i, std::uint64_t va, std::size_t in_page,
                           const GuestPageFault& fault, Device& device) {
    std::array<Half, 2> parts{Half{va, in_page, nullptr, {}},
                              Half{va + in_page, bytes(i.width) - in_page, nullptr, {}}};
    Half& known = parts[fault.va < parts[1].va ? 0 : 1];
    Half& other = parts[fault.va < parts[1].va ? 1 : 0];
    known.device = &device;
    known.gpa = fault.address - (fault.va - known.va);
    if (auto refused = locate(other, fault.access)) return *refused;

    std::uint64_t value = i.kind == MemoryInstruction::Kind::Store ? stored(i) : 0;
    // Memory may still refuse a store; devices come behind it, when nothing has happened yet.
    for (const bool devices : {false, true}) {
      for (const Half& half : parts) {
        if ((half.device != nullptr) != devices) continue;
        if (auto refused = move(half, fault.access, va, value)) return *refused;
      }
    }
    return complete(i, value);
  }

  /// Finds out whether `half`, of which only the address is known, is memory or a device.
  Refused locate(Half& half, MemoryAccess access) {
    const auto probed = memory_.load(half.va, AccessWidth::Byte);
    if (probed) return std::nullopt;
    if (const auto* gpa = std::get_if<GuestPhysAddr>(&probed.error())) {
      half.device = vm_.mmio().find(gpa->value);
      half.gpa = *gpa;
      if (half.device != nullptr) return std::nullopt;
    }
    return refused(probed.error(), half.va, access);
  }

  static Refused refused(const Refusal& why, std::uint64_t va, MemoryAccess access) {
    if (const auto* error = std::get_if<Error>(&why)) {
      return Refused(std::in_place, std::unexpected(*error));
    }
    const auto* exception = std::get_if<GuestException>(&why);
    if (exception == nullptr) {
      return Refused(std::in_place,
                     access_fault(access, va, "nothing answers part of the access"sv));
    }
    // What was tried was a load, whatever the instruction is.
    Emulation fault{Emulation::Kind::Fault, *exception};
    const auto [access_fault, page_fault] = exceptions_of(access);
    if (exception->cause == ExceptionCause::LoadPage) fault.exception.cause = page_fault;
    if (exception->cause == ExceptionCause::LoadAccess) fault.exception.cause = access_fault;
    return Refused(std::in_place, fault);
  }

  /// Moves the half's bytes between `value`, whose first byte belongs to `va`, and what is there.
  Refused move(const Half& half, MemoryAccess kind, std::uint64_t va, std::uint64_t& value) {
    for (std::size_t n = 0; n < half.size;) {
      const std::uint64_t at = half.va + n;
      const auto shift = static_cast<unsigned>(8 * (at - va));
      const GuestPhysAddr gpa = half.gpa + n;
      const AccessWidth width =
          half.device != nullptr ? piece_width(gpa.value, half.size - n) : AccessWidth::Byte;
      std::uint64_t piece = truncate(value >> shift, width);
      if (half.device != nullptr) {
        const auto done = access(*half.device, kind, gpa, width, piece);
        if (!done) return Refused(std::in_place, access_fault(kind, at, done.error().detail));
      } else if (kind == MemoryAccess::Store) {
        const auto done = memory_.store(at, width, piece);
        if (!done) return refused(done.error(), at, kind);
      } else {
        const auto loaded = memory_.load(at, width);
        if (!loaded) return refused(loaded.error(), at, kind);
        piece = *loaded;
      }
      if (kind == MemoryAccess::Load) value |= piece << shift;
      n += bytes(width);
    }
    return std::nullopt;
  }

  // --- registers --------------------------------------------------------------------------------

  [[nodiscard]] std::uint64_t stored(const MemoryInstruction& i) {
    return truncate(i.is_float ? cpu_.fpr(i.reg) : cpu_.gpr(i.reg), i.width);
  }
  void put(const MemoryInstruction& i, std::uint64_t value) {
    if (!i.is_float) return cpu_.set_gpr(i.reg, i.loaded(value));
    cpu_.set_fpr(i.reg, i.loaded(value));
    // As if the guest had written it: both kernels see that there is something to save.
    cpu_.template write<Csr::sstatus>(cpu_.template read<Csr::sstatus>() | status::kFsDirty);
    cpu_.template write<Csr::vsstatus>(cpu_.template read<Csr::vsstatus>() | status::kFsDirty);
  }

  Vm& vm_;
  VcpuId vcpu_;
  U& cpu_;
  GuestMemory<Vm, U>& memory_;
  TrapReport<Vm, U>& report_;
};

}  // namespace axvm::riscv64
