#pragma once
// Carries out loads and stores of which the syndrome does not tell enough: pairs, write-back, SIMD
// registers, DC ZVA, and accesses that reach across a page. Each half of the latter goes by its own
// rules; nothing changes before all of them are known to hold.

#include <array>
#include <axvm/address.hpp>
#include <axvm/mapping.hpp>
#include <axvm/result.hpp>
#include <core/arch/aarch64/endianness.hpp>
#include <core/arch/aarch64/exception.hpp>
#include <core/arch/aarch64/guest_memory.hpp>
#include <core/arch/aarch64/guest_registers.hpp>
#include <core/arch/aarch64/memory_instruction.hpp>
#include <core/arch/aarch64/syndrome.hpp>
#include <core/arch/aarch64/trap_report.hpp>
#include <core/devices/bus.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace axvm::aarch64 {

/// What carrying out an instruction came to.
struct Emulation {
  enum class Kind : std::uint8_t {
    Done,    ///< the guest is behind it
    Repeat,  ///< it is not what has aborted any more; nothing has changed
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

  /// The instruction at ELR_EL2, which `abort` stopped at virtual address `far`, that is `ipa`.
  /// Errors: NoMemory.
  Result<Emulation> carry_out(const DataAbort& abort, std::uint64_t far, GuestPhysAddr ipa) {
    const std::uint64_t pc = cpu_.template read<SysReg::ELR_EL2>();
    const auto word = memory_.fetch(pc);
    const auto decoded = word ? decode_memory_instruction(*word) : std::nullopt;
    if (!decoded) return repeat();
    const MemoryInstruction& i = *decoded;
    switch (i.kind) {
      case MemoryInstruction::Kind::Prefetch: skip_instruction(cpu_); return Emulation{};
      case MemoryInstruction::Kind::Atomic:
        return fault(abort.is_write, far, "exclusive or atomic access to a device"sv);
      case MemoryInstruction::Kind::Structure:
        return fault(abort.is_write, far, "device access by a structure load or store"sv);
      case MemoryInstruction::Kind::ZeroBlock: return zero_block(i, abort, far, ipa);
      default: return transfer(i, pc, abort, far, ipa);
    }
  }

 private:
  /// Why an access is not carried out as it stands, and what happens instead; nothing: it is.
  using Refused = std::optional<Result<Emulation>>;

  /// The share of an access in one page: memory, or a device that holds all of it.
  struct Part {
    std::uint64_t va = 0;
    GuestPhysAddr ipa{};
    std::size_t size = 0;
    Device* device = nullptr;
  };
  struct Access {
    bool is_write = false;
    bool from_el0 = false;
    std::array<Part, 2> parts{};  ///< the second may be empty
  };

  static Emulation repeat() { return {Emulation::Kind::Repeat, {}}; }
  Emulation fault(std::uint8_t status, bool is_write, std::uint64_t va, std::string_view reason) {
    const std::uint64_t spsr = cpu_.template read<SysReg::SPSR_EL2>();
    return {Emulation::Kind::Fault, {data_abort_syndrome(status, is_write, spsr), va, reason}};
  }
  Emulation fault(bool is_write, std::uint64_t va, std::string_view reason) {
    return fault(fault_status::kExternal, is_write, va, reason);
  }

  Result<Emulation> transfer(const MemoryInstruction& i, std::uint64_t pc, const DataAbort& abort,
                             std::uint64_t far, GuestPhysAddr ipa) {
    const bool is_write = i.kind == MemoryInstruction::Kind::Store;
    if (is_write != abort.is_write) return repeat();
    const bool literal = i.addressing == MemoryInstruction::Addressing::Literal;
    const std::uint64_t base = literal ? 0 : read_base(cpu_, i.rn);
    const std::uint64_t va = i.address(base, read_x(cpu_, i.rm), pc);
    Access access{.is_write = is_write,
                  .from_el0 = i.unprivileged || is_el0(cpu_.template read<SysReg::SPSR_EL2>())};
    if (auto failed = resolve(access, va, i.bytes(), far, ipa)) return std::move(*failed);

    const unsigned size = i.register_bytes();
    std::array<std::array<std::byte, 16>, 2> data{};
    const std::array<unsigned, 2> registers{i.rt, i.rt2};
    for (unsigned n = 0; n < 1U + i.is_pair; ++n) {
      const auto bytes = std::span(data[n]).first(size);
      if (is_write) store_register(i, registers[n], bytes);
      if (auto failed = move(access, n * size, bytes)) return *failed;
    }
    for (unsigned n = 0; n < 1U + i.is_pair && !is_write; ++n) {
      load_register(i, registers[n], std::span(data[n]).first(size));
    }
    if (i.writes_back()) write_base(cpu_, i.rn, i.new_base(base));
    skip_instruction(cpu_);
    return Emulation{};
  }

  Result<Emulation> zero_block(const MemoryInstruction& i, const DataAbort& abort,
                               std::uint64_t far, GuestPhysAddr ipa) {
    if (!abort.is_write) return repeat();
    // DCZID_EL0.BS: log2 of the block's words, at most 9.
    const std::uint64_t block = 4ULL << (cpu_.template read<SysReg::DCZID_EL0>() & 0xf);
    if (block > 2048) return repeat();
    Access access{.is_write = true, .from_el0 = is_el0(cpu_.template read<SysReg::SPSR_EL2>())};
    const std::uint64_t va = read_x(cpu_, i.rn) & ~(block - 1);
    if (auto failed = resolve(access, va, block, far, ipa)) return std::move(*failed);
    std::array<std::byte, 8> zeroes{};
    for (std::size_t at = 0; at < block; at += zeroes.size()) {
      if (auto failed = move(access, at, first_of(zeroes, block - at))) return *failed;
    }
    skip_instruction(cpu_);
    return Emulation{};
  }

  // --- where the access goes ------------------------------------------------------------------

  /// Finds what answers [va, va + size), which reaches into two pages at most. What it returns
  /// ends the instruction.
  Refused resolve(Access& access, std::uint64_t va, std::uint64_t size, std::uint64_t far,
                  GuestPhysAddr ipa) {
    constexpr std::uint64_t kPageWithoutTag = ((1ULL << 56) - 1) & ~(kPageSize - 1);
    const std::uint64_t in_page = kPageSize - (va & (kPageSize - 1));
    const std::uint64_t first = in_page < size ? in_page : size;
    access.parts[0] = {.va = va, .size = first};
    access.parts[1] = {.va = va + first, .size = size - first};
    const auto aborted = [&](const Part& part) {
      return part.size != 0 && ((part.va ^ far) & kPageWithoutTag) == 0;
    };
    if (!aborted(access.parts[0]) && !aborted(access.parts[1])) {
      return Refused(std::in_place, repeat());
    }
    for (Part& part : access.parts) {
      if (part.size == 0) continue;
      if (auto failed = resolve(part, access, aborted(part), ipa)) return failed;
    }
    return std::nullopt;
  }

  Refused resolve(Part& part, const Access& access, bool aborted, GuestPhysAddr ipa) {
    GuestPhysAddr page = ipa.align_down(kPageSize);
    if (!aborted) {
      const auto translated = memory_.translate(part.va, access.from_el0, access.is_write);
      if (translated.failed && translated.by_stage2) return Refused(std::in_place, repeat());
      if (translated.failed) {
        return Refused(std::in_place, fault(translated.status_code, access.is_write, part.va,
                                            "stage 1 refuses part of the access"sv));
      }
      page = translated.page;
    }
    part.ipa = page + (part.va & (kPageSize - 1));
    if (memory_.is_memory(part.ipa)) {
      const auto there =
          memory_.back(part.ipa, access.is_write ? MappingFlags::Write : MappingFlags::Read);
      if (!there) return Refused(std::in_place, std::unexpected(there.error()));
      if (*there) return std::nullopt;
    } else {
      part.device = vm_.mmio().find(part.ipa.value);
      if (part.device != nullptr &&
          part.device == vm_.mmio().find(part.ipa.value + part.size - 1)) {
        return std::nullopt;
      }
    }
    return Refused(std::in_place,
                   fault(access.is_write, part.va, "nothing answers part of the access"sv));
  }

  // --- data ---------------------------------------------------------------------------------

  /// Moves bytes [at, at + data.size()) of the access between `data` and what is there.
  std::optional<Emulation> move(const Access& access, std::size_t at, std::span<std::byte> data) {
    for (const Part& part : access.parts) {
      if (data.empty()) break;
      if (at >= part.size) {
        at -= part.size;
        continue;
      }
      const auto here = first_of(data, part.size - at);
      if (part.device == nullptr) {
        const GuestPhysAddr ipa = part.ipa + at;
        const auto done = access.is_write ? memory_.write(ipa, here) : memory_.read(ipa, here);
        if (!done) return fault(access.is_write, part.va + at, done.error().detail);
      } else if (auto failed = move_device(access, part, at, here)) {
        return failed;
      }
      data = data.subspan(here.size());
      at = 0;
    }
    return std::nullopt;
  }

  std::optional<Emulation> move_device(const Access& access, const Part& part, std::size_t at,
                                       std::span<std::byte> data) {
    while (!data.empty()) {
      const std::uint64_t address = part.ipa.value + at;
      const AccessWidth width = piece_width(address, data.size());
      const auto here = data.first(bytes(width));
      std::uint64_t value = little_endian(here);
      if (access.is_write) {
        const auto done = vm_.write_device(vcpu_, vm_.mmio(), *part.device, address, width, value);
        if (!done) return fault(true, part.va + at, done.error().detail);
      } else {
        const auto answer = vm_.read_device(vcpu_, vm_.mmio(), *part.device, address, width);
        if (!answer) return fault(false, part.va + at, answer.error().detail);
        value = *answer;
        to_little_endian(value, here);
      }
      report_.access(Bus::Mmio, access.is_write, width, address, value, part.device->name());
      data = data.subspan(here.size());
      at += here.size();
    }
    return std::nullopt;
  }

  /// At most `n` bytes of the beginning.
  static std::span<std::byte> first_of(std::span<std::byte> bytes, std::size_t n) {
    return bytes.first(n < bytes.size() ? n : bytes.size());
  }
  static void reverse(std::span<std::byte> bytes) {
    for (std::size_t n = 0; n < bytes.size() / 2; ++n) {
      std::swap(bytes[n], bytes[bytes.size() - 1 - n]);
    }
  }

  /// A register's bytes in the order of their addresses, and back.
  void store_register(const MemoryInstruction& i, unsigned n, std::span<std::byte> bytes) {
    const VectorRegister value = i.is_simd ? cpu_.vreg(n) : VectorRegister{read_x(cpu_, n), 0};
    to_little_endian(value.low, first_of(bytes, 8));
    if (bytes.size() > 8) to_little_endian(value.high, bytes.subspan(8));
    if (is_big_endian(cpu_)) reverse(bytes);
  }
  void load_register(const MemoryInstruction& i, unsigned n, std::span<std::byte> bytes) {
    if (is_big_endian(cpu_)) reverse(bytes);
    const std::uint64_t low = little_endian(first_of(bytes, 8));
    if (i.is_simd) {
      const std::uint64_t high = bytes.size() > 8 ? little_endian(bytes.subspan(8)) : 0;
      cpu_.set_vreg(n, {low, high});
    } else {
      write_x(cpu_, n, load_result(low, *access_width(bytes.size()), i.sign_extend, i.is_64bit));
    }
  }

  Vm& vm_;
  VcpuId vcpu_;
  U& cpu_;
  GuestMemory<Vm, U>& memory_;
  TrapReport<Vm, U>& report_;
};

}  // namespace axvm::aarch64
