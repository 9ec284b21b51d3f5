// Control registers, debug registers and MSRs as guests access them (APM Vol. 2 3.1, 3.2, 13.1,
// 15.9, 15.11).

#include <sim/arch/x86_64/guest_core.hpp>
#include <sim/arch/x86_64/machine.hpp>

namespace axvm::sim::x86_64 {
namespace {

using Map = Instruction::Map;
enum Vector : std::uint8_t { kUndefined = 6, kProtection = 13 };
constexpr std::uint64_t kHigh = 0xffff'ffff'0000'0000;

enum Msr : std::uint32_t {
  kTsc = 0x10,
  kSysenterCs = 0x174,
  kSysenterEsp = 0x175,
  kSysenterEip = 0x176,
  kPat = 0x277,
  kEfer = 0xc000'0080,
  kStar = 0xc000'0081,
  kLstar = 0xc000'0082,
  kCstar = 0xc000'0083,
  kFmask = 0xc000'0084,
  kFsBase = 0xc000'0100,
  kGsBase = 0xc000'0101,
  kKernelGsBase = 0xc000'0102,
  kTscAux = 0xc000'0103,
};

std::optional<EngineMsr> engine_msr(std::uint32_t msr) noexcept {
  switch (msr) {
    case kSysenterCs: return EngineMsr::SysenterCs;
    case kSysenterEsp: return EngineMsr::SysenterEsp;
    case kSysenterEip: return EngineMsr::SysenterEip;
    case kStar: return EngineMsr::Star;
    case kLstar: return EngineMsr::Lstar;
    case kCstar: return EngineMsr::Cstar;
    case kFmask: return EngineMsr::Fmask;
    case kKernelGsBase: return EngineMsr::KernelGsBase;
    case kTscAux: return EngineMsr::TscAux;
    default: return std::nullopt;
  }
}

constexpr bool is_canonical(std::uint64_t va) noexcept {
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(va << 7) >> 7) == va;
}

}  // namespace

void GuestCore::set_paging(std::uint64_t cr0, std::uint64_t cr4, std::uint64_t efer) {
  Registers& r = mmu_.registers();
  r.cr0 = cr0;
  r.cr4 = cr4;
  r.efer = efer;
  engine_.change([&](EngineContext& c) {
    EngineHead& head = c.head();
    head.cr[0] = cr0;
    head.cr[4] = cr4;
    head.efer = efer;
    head.hflags = hidden_flags(head, head.hflags & hflags::kCpl);
  });
  cs_may_change_ = true;
}

GuestCore::Exit GuestCore::move_to_control_register(unsigned number) {
  if (number == 8) return move_cr8(true);
  const std::uint64_t old = mmu_.registers().cr0;
  std::uint64_t value = engine_.gpr(instruction_.rm());
  if (!is_64_bit_code()) value &= 0xffff'ffff;
  if (instruction_.is(Map::TwoByte, 0x06)) {  // CLTS
    value = old & ~cr0::TS;
  } else if (instruction_.is(Map::TwoByte, 0x01)) {  // LMSW, which cannot clear PE
    constexpr std::uint64_t kStatus = cr0::PE | cr0::MP | cr0::EM | cr0::TS;
    if (instruction_.has_memory()) {
      const auto word = read_value<std::uint16_t>(linear_operand());
      if (!word) return raise_fault(*word.error().memory);
      value = *word;
    }
    value = (old & ~(kStatus & ~cr0::PE)) | (value & kStatus);
  }
  switch (number) {
    case 0: return write_cr0(value);
    case 3: return write_cr3(value);
    case 4: return write_cr4(value);
    default: return raise(kUndefined);
  }
}

GuestCore::Exit GuestCore::write_cr0(std::uint64_t value) {
  const Registers r = mmu_.registers();
  const bool pg = (value & cr0::PG) != 0;
  const bool was_pg = (r.cr0 & cr0::PG) != 0;
  constexpr std::uint64_t kBits = cr0::PE | cr0::MP | cr0::EM | cr0::TS | cr0::ET | cr0::NE |
                                  cr0::WP | cr0::AM | cr0::NW | cr0::CD | cr0::PG;
  const bool wrong = (value & kHigh) != 0 || (pg && (value & cr0::PE) == 0) ||
                     ((value & cr0::NW) != 0 && (value & cr0::CD) == 0);
  if (wrong) return raise(kProtection, 0);
  value = (value & kBits) | cr0::ET;
  constexpr std::uint64_t kUnselected = cr0::TS | cr0::MP;
  if (controls_.wants(ExitCode::Cr0SelWrite) && ((value ^ r.cr0) & ~kUnselected) != 0) {
    return leave_at_instruction(ExitCode::Cr0SelWrite);
  }
  std::uint64_t new_efer = r.efer;
  if (pg && !was_pg && (r.efer & efer::LME) != 0) {
    const EngineHead& head = engine_.look().head();
    const bool is_long_code = (head.segments[kCs].flags & 1U << 21) != 0;
    if ((r.cr4 & cr4::PAE) == 0 || is_long_code) return raise(kProtection, 0);
    new_efer |= efer::LMA;
  }
  if (!pg && was_pg) {
    if (is_64_bit_code() || (r.cr4 & cr4::PCIDE) != 0) return raise(kProtection, 0);
    new_efer &= ~efer::LMA;
  }
  if (pg != was_pg) mmu_.flush_guest();
  set_paging(value, r.cr4, new_efer);
  return retire();
}

GuestCore::Exit GuestCore::write_cr3(std::uint64_t value) {
  Registers& r = mmu_.registers();
  constexpr std::uint64_t kKeep = 1ULL << 63;
  const bool keep = (r.cr4 & cr4::PCIDE) != 0 && (value & kKeep) != 0;
  if (keep) value &= ~kKeep;
  if ((value >> 52) != 0) return raise(kProtection, 0);
  r.cr3 = value;
  engine_.change([&](EngineContext& c) { c.head().cr[3] = value; });
  if (!keep) mmu_.flush_address_space();
  return retire();
}

GuestCore::Exit GuestCore::write_cr4(std::uint64_t value) {
  const Registers r = mmu_.registers();
  // VME, PVI, TSD, DE, MCE and PCE, too.
  constexpr std::uint64_t kBits = 0x7ff | cr4::LA57 | cr4::PCIDE | cr4::SMEP | cr4::SMAP;
  const std::uint64_t changed = value ^ r.cr4;
  const bool is_long = (r.efer & efer::LMA) != 0;
  bool wrong = (value & ~kBits) != 0;
  wrong = wrong || (is_long && ((value & cr4::PAE) == 0 || (changed & cr4::LA57) != 0));
  const bool begins_pcid = (changed & value & cr4::PCIDE) != 0;
  wrong = wrong || (begins_pcid && (!is_long || (r.cr3 & 0xfff) != 0));
  if (wrong) return raise(kProtection, 0);
  constexpr std::uint64_t kFlushing =
      cr4::PSE | cr4::PAE | cr4::PGE | cr4::LA57 | cr4::PCIDE | cr4::SMEP | cr4::SMAP;
  if ((changed & kFlushing) != 0) mmu_.flush_guest();
  set_paging(r.cr0, value, r.efer);
  return retire();
}

GuestCore::Exit GuestCore::move_cr8(bool write) {
  if (write) {
    const std::uint64_t value = engine_.gpr(instruction_.rm());
    if (value > 15) return raise(kProtection, 0);
    virtual_interrupt_ = (virtual_interrupt_ & ~0xffULL) | value;
  } else {
    engine_.set_gpr(instruction_.rm(), virtual_interrupt_ & 15);
  }
  return retire();
}

GuestCore::Exit GuestCore::move_debug_register(unsigned number, bool write) {
  if (number == 4 || number == 5) {
    constexpr std::uint64_t kDebugExtensions = 1ULL << 3;
    if ((mmu_.registers().cr4 & kDebugExtensions) != 0) return raise(kUndefined);
    number += 2;
  }
  std::uint64_t& reg = number == 7 ? dr7_ : number == 6 ? dr6_ : dr_[number & 3];
  const unsigned gpr = instruction_.rm();
  if (!write) {
    engine_.set_gpr(gpr, reg);
    return retire();
  }
  const std::uint64_t value = engine_.gpr(gpr);
  if (number >= 6 && (value & kHigh) != 0) return raise(kProtection, 0);
  if (number == 7) {
    reg = (value & ~0xd800ULL) | 0x400;
  } else {
    reg = number == 6 ? (value & 0xe00f) | 0xffff'0ff0 : value;
  }
  return retire();
}

bool GuestCore::msr_is_intercepted(std::uint32_t msr, bool write) const {
  if (!controls_.wants(ExitCode::Msr)) return false;
  // Three ranges of 8192 MSRs, two bits for each (15.11).
  std::uint32_t index = msr;
  if (msr >= 0xc000'0000 && msr < 0xc000'2000) {
    index = msr - 0xc000'0000 + 0x2000;
  } else if (msr >= 0xc001'0000 && msr < 0xc001'2000) {
    index = msr - 0xc001'0000 + 0x4000;
  } else if (msr >= 0x2000) {
    return true;
  }
  const std::uint8_t* const map = machine_.memory().at(controls_.msrpm + index / 4);
  return map == nullptr || bit(*map, index % 4 * 2 + (write ? 1 : 0));
}

GuestCore::Exit GuestCore::access_msr() {
  const bool write = instruction_.opcode == 0x30;
  const auto msr = static_cast<std::uint32_t>(engine_.gpr(kRcx));
  if (msr_is_intercepted(msr, write)) {
    return leave_at_instruction(ExitCode::Msr, write ? 1 : 0);
  }
  if (write) {
    const std::uint64_t value = engine_.gpr(kRdx) << 32 | (engine_.gpr(kRax) & 0xffff'ffff);
    if (!write_msr(msr, value)) return raise(kProtection, 0);
    return retire();
  }
  const auto value = read_msr(msr);
  if (!value) return raise(kProtection, 0);
  engine_.set_gpr(kRax, *value & 0xffff'ffff);
  engine_.set_gpr(kRdx, *value >> 32);
  return retire();
}

std::optional<std::uint64_t> GuestCore::read_msr(std::uint32_t msr) {
  EngineContext& c = engine_.look();
  if (const auto own = engine_msr(msr)) return c.msr(*own);
  switch (msr) {
    case kTsc: return time() + controls_.tsc_offset;
    case kEfer: return mmu_.registers().efer;
    case kPat: return pat_;
    case kFsBase: return c.head().segments[kFs].base;
    case kGsBase: return c.head().segments[kGs].base;
    default: return std::nullopt;
  }
}

bool GuestCore::write_msr(std::uint32_t msr, std::uint64_t value) {
  const bool is_address =
      msr == kFsBase || msr == kGsBase || msr == kKernelGsBase || msr == kLstar || msr == kCstar;
  if (is_address && !is_canonical(value)) return false;
  if (const auto own = engine_msr(msr)) {
    engine_.change([&](EngineContext& c) { c.set_msr(*own, value); });
    return true;
  }
  const Registers& r = mmu_.registers();
  switch (msr) {
    case kEfer: {
      constexpr std::uint64_t kBits = efer::SCE | efer::LME | efer::NXE | efer::SVME;
      const bool paging = (r.cr0 & cr0::PG) != 0;
      if ((value & ~(kBits | efer::LMA)) != 0) return false;
      if (paging && ((value ^ r.efer) & efer::LME) != 0) return false;
      if (((value ^ r.efer) & efer::NXE) != 0) mmu_.flush_guest();
      set_paging(r.cr0, r.cr4, (value & kBits) | (r.efer & efer::LMA));
      return true;
    }
    case kPat: pat_ = value; return true;
    case kFsBase:
    case kGsBase:
      engine_.change(
          [&](EngineContext& c) { c.head().segments[msr == kFsBase ? kFs : kGs].base = value; });
      return true;
    default: return false;
  }
}

}  // namespace axvm::sim::x86_64
