// Instructions that the engine does not execute: intercepted by the hypervisor, or carried out here
// (APM Vol. 2 15.7 to 15.11).

#include <fmt/format.h>

#include <sim/arch/x86_64/cpuid.hpp>
#include <sim/arch/x86_64/guest_core.hpp>
#include <sim/arch/x86_64/machine.hpp>
#include <utility>

namespace axvm::sim::x86_64 {
namespace {

using Map = Instruction::Map;
enum Vector : std::uint8_t {
  kDebug = 1,
  kBreakpoint = 3,
  kOverflow = 4,
  kUndefined = 6,
  kProtection = 13
};

/// Of EXITINFO1 (15.10.2).
namespace ioio {
constexpr std::uint64_t kIn = 1U << 0;
constexpr std::uint64_t kString = 1U << 2;
constexpr std::uint64_t kRepeated = 1U << 3;
}  // namespace ioio

}  // namespace

GuestCore::Exit GuestCore::carry_out(ExitCode code) {
  const std::uint64_t number = code_of(code);
  if (number >= code_of(ExitCode::Exception0) && number < code_of(ExitCode::Intr)) {
    return after_exception(static_cast<std::uint8_t>(number - code_of(ExitCode::Exception0)));
  }
  instruction_ = instruction_at(current_pc());
  if (std::exchange(abandoned_, false)) {
    engine_.set_gpr(kRcx, abandoned_rcx_);
    return carry_out_abandoned();
  }
  if (code == ExitCode::Hlt && !instruction_.is(Map::OneByte, 0xf4)) return after_unsafe_place();
  if (code == ExitCode::Swint) return software_interrupt();
  // The engine has one for both.
  if (code == ExitCode::Wbinvd && instruction_.opcode == 0x08) code = ExitCode::Invd;
  if (code == ExitCode::Msr) return access_msr();
  if (controls_.wants(code)) return leave_at_instruction(code);
  if (number < 0x10) return number == 8 ? move_cr8(false) : fail("the engine reads a CR by itself");
  if (number < 0x20) return move_to_control_register(static_cast<unsigned>(number & 15));
  if (number < 0x40) {
    return move_debug_register(static_cast<unsigned>(number & 15), number >= 0x30);
  }
  switch (code) {
    case ExitCode::Cpuid: return cpuid();
    case ExitCode::Hlt: return halt();
    case ExitCode::Rdpmc: return raise(kProtection, 0);
    case ExitCode::Wbinvd:
    case ExitCode::Invd: return retire();
    case ExitCode::Invlpg: {
      mmu_.invlpg(linear_operand());
      return retire();
    }
    default: return raise(kUndefined);
  }
}

GuestCore::Exit GuestCore::carry_out_undefined() {
  instruction_ = instruction_at(current_pc());
  constexpr std::pair<std::uint8_t, ExitCode> kIntercepted[] = {
      {0xd1, ExitCode::Xsetbv}, {0xd8, ExitCode::Vmrun},  {0xd9, ExitCode::Vmmcall},
      {0xda, ExitCode::Vmload}, {0xdb, ExitCode::Vmsave}, {0xdc, ExitCode::Stgi},
      {0xdd, ExitCode::Clgi},   {0xde, ExitCode::Skinit}, {0xdf, ExitCode::Invlpga}};
  for (const auto& [modrm, exit] : kIntercepted) {
    if (!instruction_.is_group7(modrm)) continue;
    // Without SVM of its own a guest has the call only.
    const bool is_there = exit == ExitCode::Vmmcall || exit == ExitCode::Vmrun;
    if (is_there && controls_.wants(exit)) return leave_at_instruction(exit);
  }
  // CLAC and STAC, which the engine does not know.
  const bool stac = instruction_.is_group7(0xcb);
  const EngineHead& head = engine_.look().head();
  if ((stac || instruction_.is_group7(0xca)) && (head.hflags & hflags::kCpl) == 0) {
    const std::uint64_t flags = engine_.rflags() & ~rflags::AC;
    engine_.set_reg(UC_X86_REG_RFLAGS, flags | (stac ? rflags::AC : 0));
    return retire();
  }
  return raise(kUndefined);
}

GuestCore::Exit GuestCore::carry_out_abandoned() {
  if (instruction_.is(Map::TwoByte, 0x05)) return system_call();
  if (instruction_.is(Map::TwoByte, 0x34)) return sysenter();
  return input_output();
}

GuestCore::Exit GuestCore::retire() {
  const std::uint64_t pc = current_pc();
  const bool traced = (engine_.rflags() & rflags::TF) != 0;
  engine_.change([this](EngineContext& c) {
    EngineHead& head = c.head();
    head.rip += instruction_.length;
    if ((head.hflags & hflags::kCs64) == 0) head.rip &= 0xffff'ffff;
    head.hflags &= ~hflags::kInhibitIrq;
  });
  retirement_.retire(pc, instruction_.length);
  if (!traced) return std::nullopt;
  constexpr std::uint64_t kSingleStep = 1ULL << 14;
  dr6_ |= kSingleStep;
  return raise(kDebug);
}

GuestCore::Exit GuestCore::software_interrupt() {
  const std::uint64_t next = engine_.rip() + instruction_.length;
  const auto trap = [&](std::uint8_t vector) -> Exit {
    const auto exit = static_cast<ExitCode>(code_of(ExitCode::Exception0) + vector);
    if (controls_.wants(exit)) return leave_at_instruction(exit);
    return deliver({.type = Event::Type::Exception, .vector = vector}, next);
  };
  switch (instruction_.opcode) {
    case 0xcc: return trap(kBreakpoint);
    case 0xce: return trap(kOverflow);
    case 0xf1: return trap(kDebug);
    default: break;
  }
  const auto vector = static_cast<std::uint8_t>(instruction_.immediate);
  if (controls_.wants(ExitCode::Swint)) return leave_at_instruction(ExitCode::Swint, vector);
  return deliver({.type = Event::Type::Software, .vector = vector}, next);
}

GuestCore::Exit GuestCore::cpuid() {
  const auto leaf = static_cast<std::uint32_t>(engine_.gpr(kRax));
  const CpuidResult result = cpuid_of(leaf, index_);
  engine_.set_gpr(kRax, result.eax);
  engine_.set_gpr(kRbx, result.ebx);
  engine_.set_gpr(kRcx, result.ecx);
  engine_.set_gpr(kRdx, result.edx);
  return retire();
}

GuestCore::Exit GuestCore::halt() {
  if (const Exit exit = retire()) return exit;
  if (virtual_interrupt_is_due()) return std::nullopt;
  if (turn_end_ == kNoTarget) {
    guest_is_stuck_ = true;
    return fail(fmt::format("HLT before {:#x} waits for an interrupt that nothing can raise",
                            current_pc()));
  }
  skip_to(turn_end_);
  return leave_to_owner();
}

GuestCore::Exit GuestCore::input_output() {
  const std::uint8_t opcode = instruction_.opcode;
  const bool string = opcode >= 0x6c && opcode <= 0x6f;
  const bool in = string ? opcode < 0x6e : (opcode & 2) == 0;
  const unsigned bytes = (opcode & 1) == 0 ? 1 : instruction_.operand_bytes == 2 ? 2 : 4;
  const bool immediate = !string && opcode < 0xe8;
  const auto port =
      static_cast<std::uint16_t>(immediate ? instruction_.immediate : engine_.gpr(kRdx));
  const EngineHead head = engine_.look().head();
  const bool is_protected = (head.cr[0] & cr0::PE) != 0;
  const std::uint64_t iopl = field(head.eflags, 13, 12);
  if (is_protected && ((head.hflags & hflags::kCpl) > iopl || (head.eflags & rflags::VM) != 0)) {
    // The task's bitmap of ports, of which two bytes are always read (APM Vol. 2 12.2.5).
    constexpr unsigned kMapBase = 102;
    if ((head.tr.flags & 0x800) == 0 || head.tr.limit < kMapBase + 1) return raise(kProtection, 0);
    const auto base = read_value<std::uint16_t>(head.tr.base + kMapBase);
    if (!base) return raise_fault(*base.error().memory);
    const std::uint64_t at = *base + port / 8U;
    if (at + 1 > head.tr.limit) return raise(kProtection, 0);
    const auto denied = read_value<std::uint16_t>(head.tr.base + at);
    if (!denied) return raise_fault(*denied.error().memory);
    if ((*denied >> port % 8 & ((1U << bytes) - 1)) != 0) return raise(kProtection, 0);
  }
  if (controls_.wants(ExitCode::Ioio) && port_is_intercepted(port, bytes)) {
    const unsigned segment = string && !in ? segment_of_prefix(instruction_.segment) : 0;
    std::uint64_t info = std::uint64_t{port} << 16 | std::uint64_t{segment} << 10 |
                         std::uint64_t{instruction_.address_bytes} << 6 | bytes << 4;
    if (in) info |= ioio::kIn;
    if (string) info |= ioio::kString;
    if (string && (instruction_.rep || instruction_.repne)) info |= ioio::kRepeated;
    return leave_at_instruction(ExitCode::Ioio, info, engine_.rip() + instruction_.length);
  }
  // Nobody answers at this machine's ports.
  if (string) return fail(fmt::format("a guest moves strings to or from port {:#x}", port));
  if (in) {
    const std::uint64_t ones = (1ULL << (8 * bytes)) - 1;
    engine_.set_gpr(kRax, bytes == 4 ? ones : engine_.gpr(kRax) | ones);
  }
  return retire();
}

bool GuestCore::port_is_intercepted(std::uint16_t port, unsigned bytes) const {
  for (unsigned n = 0; n < bytes; ++n) {
    const unsigned p = port + n;
    const std::uint8_t* const map = machine_.memory().at(controls_.iopm + p / 8);
    if (map == nullptr || bit(*map, p % 8)) return true;
  }
  return false;
}

GuestCore::Exit GuestCore::system_call() {
  const std::uint64_t flags = engine_.rflags();
  if ((mmu_.registers().efer & efer::SCE) == 0) return raise(kUndefined);
  const std::uint64_t pc = current_pc();
  engine_.change([&](EngineContext& c) {
    EngineHead& head = c.head();
    const std::uint64_t star = c.msr(EngineMsr::Star);
    const auto selector = static_cast<std::uint32_t>(field(star, 47, 32) & ~3ULL);
    const std::uint64_t next = head.rip + instruction_.length;
    const bool is_long = (head.efer & efer::LMA) != 0;
    const bool from_64 = (head.hflags & hflags::kCs64) != 0;
    head.gpr[kRcx] = next;
    if (is_long) {
      head.gpr[11] = flags & ~rflags::RF;
      head.rip = c.msr(from_64 ? EngineMsr::Lstar : EngineMsr::Cstar);
      set_rflags(head, flags & ~c.msr(EngineMsr::Fmask) & ~rflags::RF);
    } else {
      head.rip = star & 0xffff'ffff;
      set_rflags(head, flags & ~(rflags::IF | rflags::RF | rflags::VM));
    }
    head.segments[kCs] = {selector, 0, 0, 0xffff'ffff, is_long ? 0xa0'9b00U : 0xc0'9b00U};
    head.segments[kSs] = {selector + 8, 0, 0, 0xffff'ffff, 0xc0'9300};
    head.hflags = hidden_flags(head, 0) & ~hflags::kInhibitIrq;
  });
  retirement_.retire(pc, instruction_.length);
  cs_may_change_ = true;
  return std::nullopt;
}

GuestCore::Exit GuestCore::sysenter() {
  // AMD's has none in long mode.
  if ((mmu_.registers().efer & efer::LMA) != 0) return raise(kUndefined);
  const std::uint64_t flags = engine_.rflags();
  const auto selector =
      static_cast<std::uint32_t>(engine_.look().msr(EngineMsr::SysenterCs) & 0xfffc);
  if (selector == 0) return raise(kProtection, 0);
  const std::uint64_t pc = current_pc();
  engine_.change([&](EngineContext& c) {
    EngineHead& head = c.head();
    head.rip = c.msr(EngineMsr::SysenterEip) & 0xffff'ffff;
    head.gpr[kRsp] = c.msr(EngineMsr::SysenterEsp) & 0xffff'ffff;
    head.segments[kCs] = {selector, 0, 0, 0xffff'ffff, 0xc0'9b00};
    head.segments[kSs] = {selector + 8, 0, 0, 0xffff'ffff, 0xc0'9300};
    set_rflags(head, flags & ~(rflags::IF | rflags::RF | rflags::VM));
    head.hflags = hidden_flags(head, 0) & ~hflags::kInhibitIrq;
  });
  retirement_.retire(pc, instruction_.length);
  cs_may_change_ = true;
  return std::nullopt;
}

}  // namespace axvm::sim::x86_64
