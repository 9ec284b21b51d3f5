// Where instructions access memory. The engine tells of a byte that it could not access; which one
// of an operand that is, is its own affair.

#include <array>
#include <cstring>
#include <sim/arch/x86_64/guest_core.hpp>

namespace axvm::sim::x86_64 {
namespace {

bool is_string(const Instruction& i) noexcept {
  if (i.map != Instruction::Map::OneByte) return false;
  return (i.opcode >= 0x6c && i.opcode <= 0x6f) || (i.opcode >= 0xa4 && i.opcode <= 0xa7) ||
         (i.opcode >= 0xaa && i.opcode <= 0xaf);
}

}  // namespace

std::uint64_t GuestCore::linear_operand() {
  const std::uint64_t offset = instruction_.effective_address(
      [this](unsigned n) { return engine_.gpr(n); }, engine_.rip() + instruction_.length);
  const EngineHead& head = engine_.look().head();
  // What is relative to SP or BP is in SS.
  const unsigned mod = instruction_.modrm >> 6;
  const unsigned rm = instruction_.modrm & 7;
  const unsigned base = rm == 4 ? instruction_.sib & 7U : rm;
  const bool narrow = instruction_.address_bytes == 2;
  const bool by_stack =
      narrow ? rm == 2 || rm == 3 || (rm == 6 && mod != 0)
             : (instruction_.rex & 1) == 0 && ((rm == 4 && base == 4) || (base == 5 && mod != 0));
  const unsigned n = by_stack && instruction_.segment == 0
                         ? unsigned{kSs}
                         : unsigned{segment_of_prefix(instruction_.segment)};
  if ((head.hflags & hflags::kCs64) != 0) {
    return offset + (n == kFs || n == kGs ? head.segments[n].base : 0);
  }
  return (offset + head.segments[n].base) & 0xffff'ffff;
}

std::uint64_t GuestCore::first_byte(const Refusal& refusal) {
  const std::uint64_t told = refusal.page | (refusal.offset & kPageMask);
  std::array<std::uint64_t, 3> operands{};
  std::size_t count = 0;
  if (instruction_.has_memory()) operands[count++] = linear_operand();
  const EngineHead& head = engine_.look().head();
  const bool is_64 = (head.hflags & hflags::kCs64) != 0;
  const auto note = [&](unsigned segment, unsigned gpr, std::uint64_t minus) {
    const bool flat = is_64 && segment != kFs && segment != kGs;
    std::uint64_t at = head.gpr[gpr] - minus;
    if (!is_64 && instruction_.address_bytes == 2 && gpr != kRsp) at &= 0xffff;
    at += flat ? 0 : head.segments[segment].base;
    operands[count++] = is_64 ? at : at & 0xffff'ffff;
  };
  if (is_string(instruction_)) {
    note(segment_of_prefix(instruction_.segment), kRsi, 0);
    note(kEs, kRdi, 0);
  } else {
    // What is pushed, or popped.
    const unsigned width =
        is_64 && instruction_.operand_bytes != 2 ? 8 : instruction_.operand_bytes;
    note(kSs, kRsp, refusal.access == Access::Write ? width : 0);
  }
  for (const std::uint64_t start : std::span(operands).first(count)) {
    // An operand is 16 bytes at most, or accessed from its first byte on.
    const std::uint64_t behind = told - start;
    const bool ahead = start - told < kSpillBytes && (start & ~kPageMask) == refusal.page;
    if (behind >= kSpillBytes && !ahead) continue;
    return start < refusal.page ? refusal.page : start;
  }
  return told;
}

void GuestCore::take_back_spills() noexcept {
  for (const Spill& spill : spills_) {
    if (spill.to != nullptr) std::memcpy(spill.to, spill.bytes, kSpillBytes);
  }
}

}  // namespace axvm::sim::x86_64
