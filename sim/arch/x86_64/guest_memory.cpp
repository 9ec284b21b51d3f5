// Memory as the processor accesses it for its own sake, with the engine stopped, and code as it is
// to be executed.

#include <algorithm>
#include <cstring>
#include <sim/arch/x86_64/guest_core.hpp>
#include <sim/arch/x86_64/machine.hpp>

namespace axvm::sim::x86_64 {
namespace {

constexpr std::uint64_t kFrame = PhysicalMemory::kFrameSize;

/// Bytes up to the end of the page, `size` at most.
std::size_t in_page(std::uint64_t va, std::size_t size) noexcept {
  return std::min<std::size_t>(size, kFrame - va % kFrame);
}

}  // namespace

GuestCore::Delivered GuestCore::read_linear(std::uint64_t va, std::span<std::uint8_t> to) {
  while (!to.empty()) {
    const std::size_t n = in_page(va, to.size());
    const auto t = mmu_.translate(va, {.access = Access::Read, .implicit = true});
    if (!t) return std::unexpected(DeliveryFault{.vector = 0, .error = 0, .memory = t.error()});
    const std::uint8_t* const from = machine_.memory().at(t->pa);
    // Nobody answers: all ones.
    if (from == nullptr) {
      std::ranges::fill(to.first(n), std::uint8_t{0xff});
    } else {
      std::memcpy(to.data(), from, n);
    }
    va += n;
    to = to.subspan(n);
  }
  return {};
}

GuestCore::Delivered GuestCore::write_linear(std::uint64_t va, std::span<const std::uint8_t> from) {
  struct Piece {
    std::uint64_t pa;
    std::size_t bytes;
  };
  // All or nothing; no frame of an event is longer than a page.
  std::array<Piece, 2> pieces{};
  std::size_t count = 0;
  for (std::size_t done = 0; done < from.size() && count < pieces.size();) {
    const std::size_t n = in_page(va + done, from.size() - done);
    const auto t = mmu_.translate(va + done, {.access = Access::Write, .implicit = true});
    if (!t) return std::unexpected(DeliveryFault{.vector = 0, .error = 0, .memory = t.error()});
    pieces[count++] = {t->pa, n};
    done += n;
  }
  for (const Piece& piece : std::span(pieces).first(count)) {
    if (std::uint8_t* const to = machine_.memory().at(piece.pa)) {
      std::memcpy(to, from.data(), piece.bytes);
      machine_.fetch_coherence().claim_for_write(piece.pa & ~kPageMask);
    }
    from = from.subspan(piece.bytes);
  }
  return {};
}

CodeSize GuestCore::code_size() {
  const EngineHead& head = engine_.look().head();
  if ((head.hflags & hflags::kCs64) != 0) return CodeSize::Bits64;
  return (head.hflags & hflags::kCs32) != 0 ? CodeSize::Bits32 : CodeSize::Bits16;
}

CodeBytes GuestCore::code_at(std::uint64_t va) {
  CodeBytes code{.size = code_size()};
  const AccessContext context = access_context(Access::Fetch);
  const auto bytes = [&](std::uint64_t at) -> const std::uint8_t* {
    const auto t = mmu_.translate_without_side_effects(at, context);
    return t ? machine_.memory().at(t->pa) : nullptr;
  };
  code.first = bytes(va);
  code.room = code.first == nullptr ? 0 : static_cast<std::uint32_t>(kFrame - va % kFrame);
  code.next = code.first == nullptr ? nullptr : bytes((va & ~kPageMask) + kFrame);
  return code;
}

}  // namespace axvm::sim::x86_64
