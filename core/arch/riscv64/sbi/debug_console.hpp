#pragma once
// SBI's console ("Debug Console Extension"): the VM's own, by its memory or byte by byte.

#include <array>
#include <axvm/address.hpp>
#include <core/arch/riscv64/sbi/environment.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace axvm::riscv64::sbi {

/// A call moves this many bytes at most, and says how many: the guest asks again.
inline constexpr std::uint64_t kMostConsoleBytes = 1024;

template <class Vm, VirtualizationHardware U>
class DebugConsole {
 public:
  explicit DebugConsole(Environment<Vm, U>& environment) noexcept : environment_(environment) {}

  TrapOutcome handle(const Call& call) {
    switch (call.function) {
      case console::kWrite: return write(call);
      case console::kRead: return read(call);
      case console::kWriteByte:
        put(static_cast<std::uint8_t>(call.a[0]));
        return environment_.answer(call, Status::Success);
      default: return environment_.not_supported(call);
    }
  }

  void put(std::uint8_t byte) { vm().hal().console_write(vm().id(), byte); }
  [[nodiscard]] std::optional<std::uint8_t> get() { return vm().hal().console_read(vm().id()); }

 private:
  using Bytes = std::array<std::byte, kMostConsoleBytes>;

  [[nodiscard]] Vm& vm() noexcept { return environment_.vm; }

  /// The buffer that a0..a2 name: bytes, the address' low and high part. All of it is memory, or
  /// there is none.
  std::optional<GuestPhysRange> buffer(const Call& call) {
    const GuestPhysRange range{GuestPhysAddr(call.a[1]), call.a[0]};
    if (call.a[2] != 0 || range.base.value + range.size < range.base.value) return std::nullopt;
    const bool is_memory = range.size == 0 || vm().with_memory([&](auto& space, auto&) {
      return space.is_memory(range);
    });
    return is_memory ? std::optional(range) : std::nullopt;
  }
  static std::size_t most(const GuestPhysRange& range) {
    return static_cast<std::size_t>(range.size < kMostConsoleBytes ? range.size
                                                                   : kMostConsoleBytes);
  }

  TrapOutcome write(const Call& call) {
    const auto from = buffer(call);
    if (!from) return environment_.answer(call, Status::InvalidParam);
    Bytes bytes{};
    const auto text = std::span(bytes).first(most(*from));
    const auto done =
        vm().with_memory([&](auto& space, auto&) { return space.read(from->base, text); });
    if (!done) return environment_.answer(call, Status::Failed);
    for (const std::byte byte : text) put(std::to_integer<std::uint8_t>(byte));
    return environment_.answer(call, std::uint64_t{text.size()});
  }

  TrapOutcome read(const Call& call) {
    const auto to = buffer(call);
    if (!to) return environment_.answer(call, Status::InvalidParam);
    Bytes bytes{};
    std::size_t count = 0;
    for (; count < most(*to); ++count) {
      const auto byte = get();
      if (!byte) break;
      bytes[count] = std::byte{*byte};
    }
    const auto done = vm().with_memory([&](auto& space, auto& tlb) {
      return space.write(to->base, std::span(bytes).first(count), tlb);
    });
    if (!done) return environment_.answer(call, Status::Failed);
    return environment_.answer(call, std::uint64_t{count});
  }

  Environment<Vm, U>& environment_;
};

}  // namespace axvm::riscv64::sbi
