// What the processor does to take an event: through the interrupt vectors of real mode, and through
// the gates of protected and long mode (APM Vol. 2 8.6, 8.7, 8.9).

#include <array>
#include <cstring>
#include <sim/arch/x86_64/guest_core.hpp>

namespace axvm::sim::x86_64 {
namespace {

enum Vector : std::uint8_t { kInvalidTss = 10, kNotPresent = 11, kStack = 12, kProtection = 13 };

/// An interrupt or trap gate, of any size.
struct Gate {
  std::uint64_t offset = 0;
  std::uint16_t selector = 0;
  std::uint8_t type = 0;
  std::uint8_t dpl = 0;
  std::uint8_t ist = 0;
  bool present = false;

  Gate(std::uint64_t low, std::uint64_t high) noexcept
      : offset(field(low, 15, 0) | field(low, 63, 48) << 16 | (high & 0xffff'ffff) << 32),
        selector(static_cast<std::uint16_t>(field(low, 31, 16))),
        type(static_cast<std::uint8_t>(field(low, 43, 40))),
        dpl(static_cast<std::uint8_t>(field(low, 46, 45))),
        ist(static_cast<std::uint8_t>(field(low, 34, 32))),
        present(bit(low, 47)) {}
  [[nodiscard]] bool is_wide() const noexcept { return type >= 14; }
  /// Interrupt gates clear IF.
  [[nodiscard]] bool masks() const noexcept { return (type & 1) == 0; }
};

/// A descriptor of a segment.
struct Descriptor {
  std::uint64_t raw = 0;

  [[nodiscard]] std::uint8_t dpl() const noexcept {
    return static_cast<std::uint8_t>(field(raw, 46, 45));
  }
  [[nodiscard]] bool present() const noexcept { return bit(raw, 47); }
  [[nodiscard]] bool is_code() const noexcept { return field(raw, 44, 43) == 3; }
  [[nodiscard]] bool is_writable_data() const noexcept {
    return field(raw, 44, 43) == 2 && bit(raw, 41);
  }
  [[nodiscard]] bool conforming() const noexcept { return bit(raw, 42); }
  [[nodiscard]] bool is_long() const noexcept { return bit(raw, 53); }
  [[nodiscard]] bool is_big() const noexcept { return bit(raw, 54); }
  [[nodiscard]] EngineSegment segment(std::uint16_t selector) const noexcept {
    const auto limit = static_cast<std::uint32_t>(field(raw, 15, 0) | field(raw, 51, 48) << 16);
    const auto base = field(raw, 39, 16) | field(raw, 63, 56) << 24;
    return {.selector = selector,
            .unused = 0,
            .base = base,
            .limit = bit(raw, 55) ? limit << 12 | 0xfff : limit,
            // What has been loaded has been accessed.
            .flags = static_cast<std::uint32_t>(field(raw, 63, 32) & 0x00f0'ff00) | 0x100};
  }
};

/// The words that an event leaves on the stack, pushed from high addresses to low ones.
class Frame {
 public:
  explicit Frame(unsigned width) noexcept : width_(width) {}
  void push(std::uint64_t value) noexcept {
    at_ -= width_;
    std::memcpy(bytes_.data() + at_, &value, width_);
  }
  [[nodiscard]] std::span<const std::uint8_t> bytes() const noexcept {
    return std::span(bytes_).subspan(at_);
  }

 private:
  std::array<std::uint8_t, 80> bytes_{};
  std::size_t at_ = 80;
  unsigned width_;
};

bool is_fault(const Event& event) noexcept {
  // #DB, #BP and #OF are traps.
  return event.type == Event::Type::Exception && event.vector != 1 && event.vector != 3 &&
         event.vector != 4;
}

/// RFLAGS as the handler finds them on its stack.
std::uint64_t saved_flags(const Event& event, std::uint64_t flags) noexcept {
  return flags | (is_fault(event) ? rflags::RF : 0);
}
std::uint64_t handler_flags(std::uint64_t flags, bool masks) noexcept {
  flags &= ~(rflags::TF | rflags::NT | rflags::RF | rflags::VM);
  return masks ? flags & ~rflags::IF : flags;
}

/// EXT: not the program's own INT.
std::uint32_t external(const Event& event) noexcept {
  return event.type == Event::Type::Software ? 0 : 1;
}

constexpr std::uint32_t kIdt = 2;  ///< of an error code: it is about a gate

}  // namespace

GuestCore::Delivered GuestCore::take_event(const Event& event, std::uint64_t return_rip) {
  const Registers& r = mmu_.registers();
  if ((r.cr0 & cr0::PE) == 0) return take_in_real_mode(event, return_rip);
  if ((r.efer & efer::LMA) != 0) return take_in_long_mode(event, return_rip);
  return take_by_gate(event, return_rip);
}

GuestCore::Delivered GuestCore::take_in_real_mode(const Event& event, std::uint64_t return_rip) {
  const std::uint64_t flags = engine_.rflags();
  EngineHead head = engine_.look().head();
  const std::uint64_t at = std::uint64_t{event.vector} * 4;
  if (at + 3 > head.idt.limit) {
    return std::unexpected(DeliveryFault{.vector = kProtection, .error = 0, .memory = {}});
  }
  const auto vector = read_value<std::uint32_t>(head.idt.base + at);
  if (!vector) return std::unexpected(vector.error());
  Frame frame(2);
  frame.push(flags);
  frame.push(head.segments[kCs].selector);
  frame.push(return_rip);
  const std::uint64_t sp = (head.gpr[kRsp] - 6) & 0xffff;
  if (auto pushed = write_linear(head.segments[kSs].base + sp, frame.bytes()); !pushed) {
    return pushed;
  }
  engine_.change([&](EngineContext& c) {
    EngineHead& h = c.head();
    h.gpr[kRsp] = (h.gpr[kRsp] & ~0xffffULL) | sp;
    h.segments[kCs].selector = *vector >> 16;
    h.segments[kCs].base = std::uint64_t{*vector >> 16} << 4;
    h.rip = *vector & 0xffff;
    set_rflags(h, flags & ~(rflags::IF | rflags::TF | rflags::RF | rflags::AC));
    h.hflags = hidden_flags(h, 0) & ~hflags::kInhibitIrq;
  });
  cs_may_change_ = true;
  return {};
}

GuestCore::Delivered GuestCore::take_by_gate(const Event& event, std::uint64_t return_rip) {
  const auto fault = [](std::uint8_t vector, std::uint32_t error) {
    return std::unexpected(DeliveryFault{.vector = vector, .error = error, .memory = {}});
  };
  const std::uint64_t flags = engine_.rflags();
  EngineHead head = engine_.look().head();
  const unsigned cpl = head.hflags & hflags::kCpl;
  const std::uint32_t ext = external(event);
  const std::uint32_t of_gate = event.vector * 8U + kIdt + ext;
  if (event.vector * 8U + 7 > head.idt.limit) return fault(kProtection, of_gate);
  const auto raw_gate = read_value<std::uint64_t>(head.idt.base + event.vector * 8U);
  if (!raw_gate) return std::unexpected(raw_gate.error());
  const Gate gate(*raw_gate, 0);
  // Interrupt and trap gates of both sizes. Task gates are not for this machine.
  if (gate.type != 6 && gate.type != 7 && !gate.is_wide()) return fault(kProtection, of_gate);
  if (event.type == Event::Type::Software && gate.dpl < cpl) return fault(kProtection, of_gate);
  if (!gate.present) return fault(kNotPresent, of_gate);

  const auto descriptor_of = [&](std::uint16_t selector,
                                 std::uint8_t vector) -> std::expected<Descriptor, DeliveryFault> {
    const EngineSegment& table = (selector & 4) != 0 ? head.ldt : head.gdt;
    const std::uint32_t error = (selector & 0xfffcU) | ext;
    if ((selector & 0xfffc) == 0) return fault(vector, ext);
    if ((selector | 7U) > table.limit) return fault(vector, error);
    const auto raw = read_value<std::uint64_t>(table.base + (selector & 0xfff8U));
    if (!raw) return std::unexpected(raw.error());
    return Descriptor{*raw};
  };
  const auto code = descriptor_of(gate.selector, kProtection);
  if (!code) return std::unexpected(code.error());
  const std::uint32_t of_code = (gate.selector & 0xfffcU) | ext;
  if (!code->is_code() || code->dpl() > cpl) return fault(kProtection, of_code);
  if (!code->present()) return fault(kNotPresent, of_code);
  const unsigned new_cpl = code->conforming() ? cpl : code->dpl();

  EngineSegment stack = head.segments[kSs];
  std::uint64_t sp = head.gpr[kRsp];
  if (new_cpl != cpl) {
    // The inner stack is in the task state segment: of 16 or 32 bits.
    const bool wide = (head.tr.flags & 0x800) != 0;
    const std::uint64_t at = wide ? 4 + 8 * new_cpl : 2 + 4 * new_cpl;
    if (at + (wide ? 7 : 3) > head.tr.limit)
      return fault(kInvalidTss, (head.tr.selector & 0xfffc) | ext);
    const auto pair = read_value<std::uint64_t>(head.tr.base + at);
    if (!pair) return std::unexpected(pair.error());
    sp = wide ? *pair & 0xffff'ffff : *pair & 0xffff;
    const auto selector = static_cast<std::uint16_t>(wide ? *pair >> 32 : *pair >> 16);
    const auto data = descriptor_of(selector, kInvalidTss);
    if (!data) return std::unexpected(data.error());
    const std::uint32_t of_stack = (selector & 0xfffcU) | ext;
    if (!data->is_writable_data() || data->dpl() != new_cpl || (selector & 3U) != new_cpl) {
      return fault(kInvalidTss, of_stack);
    }
    if (!data->present()) return fault(kStack, of_stack);
    stack = data->segment(selector);
  }
  Frame frame(gate.is_wide() ? 4 : 2);
  const bool from_virtual = (flags & rflags::VM) != 0;
  if (from_virtual) {
    for (const unsigned n : {kGs, kFs, kDs, kEs}) frame.push(head.segments[n].selector);
  }
  if (new_cpl != cpl) {
    frame.push(head.segments[kSs].selector);
    frame.push(head.gpr[kRsp]);
  }
  frame.push(saved_flags(event, flags));
  frame.push(head.segments[kCs].selector);
  frame.push(return_rip);
  if (event.has_error) frame.push(event.error);
  const std::uint64_t mask = (stack.flags & 1U << 22) != 0 ? 0xffff'ffff : 0xffff;
  const std::uint64_t new_sp = (sp - frame.bytes().size()) & mask;
  if (new_sp > (sp & mask)) return fault(kStack, ext);
  if (auto pushed = write_linear((stack.base + new_sp) & 0xffff'ffff, frame.bytes()); !pushed) {
    return pushed;
  }
  engine_.change([&](EngineContext& c) {
    EngineHead& h = c.head();
    h.gpr[kRsp] = (sp & ~mask) | new_sp;
    h.segments[kCs] =
        code->segment(static_cast<std::uint16_t>((gate.selector & 0xfffcU) | new_cpl));
    h.segments[kSs] = stack;
    if (from_virtual) {
      for (const unsigned n : {kGs, kFs, kDs, kEs}) h.segments[n] = {0, 0, 0, 0, 0};
    }
    h.rip = gate.is_wide() ? gate.offset : gate.offset & 0xffff;
    set_rflags(h, handler_flags(flags, gate.masks()));
    h.hflags = hidden_flags(h, new_cpl) & ~hflags::kInhibitIrq;
  });
  cs_may_change_ = true;
  return {};
}

GuestCore::Delivered GuestCore::take_in_long_mode(const Event& event, std::uint64_t return_rip) {
  const auto fault = [](std::uint8_t vector, std::uint32_t error) {
    return std::unexpected(DeliveryFault{.vector = vector, .error = error, .memory = {}});
  };
  const std::uint64_t flags = engine_.rflags();
  EngineHead head = engine_.look().head();
  const unsigned cpl = head.hflags & hflags::kCpl;
  const std::uint32_t ext = external(event);
  const std::uint32_t of_gate = event.vector * 8U + kIdt + ext;
  const std::uint64_t at = std::uint64_t{event.vector} * 16;
  if (at + 15 > head.idt.limit) return fault(kProtection, of_gate);
  const auto low = read_value<std::uint64_t>(head.idt.base + at);
  if (!low) return std::unexpected(low.error());
  const auto high = read_value<std::uint64_t>(head.idt.base + at + 8);
  if (!high) return std::unexpected(high.error());
  const Gate gate(*low, *high);
  if (!gate.is_wide()) return fault(kProtection, of_gate);
  if (event.type == Event::Type::Software && gate.dpl < cpl) return fault(kProtection, of_gate);
  if (!gate.present) return fault(kNotPresent, of_gate);

  const EngineSegment& table = (gate.selector & 4) != 0 ? head.ldt : head.gdt;
  const std::uint32_t of_code = (gate.selector & 0xfffcU) | ext;
  if ((gate.selector & 0xfffc) == 0) return fault(kProtection, ext);
  if ((gate.selector | 7U) > table.limit) return fault(kProtection, of_code);
  const auto raw = read_value<std::uint64_t>(table.base + (gate.selector & 0xfff8U));
  if (!raw) return std::unexpected(raw.error());
  const Descriptor code{*raw};
  if (!code.is_code() || code.dpl() > cpl || !code.is_long() || code.is_big()) {
    return fault(kProtection, of_code);
  }
  if (!code.present()) return fault(kNotPresent, of_code);
  const unsigned new_cpl = code.conforming() ? cpl : code.dpl();
  if (!mmu_.regime().guest.is_canonical(gate.offset)) return fault(kProtection, ext);

  std::uint64_t sp = head.gpr[kRsp];
  if (gate.ist != 0 || new_cpl != cpl) {
    const std::uint64_t place = gate.ist != 0 ? 36 + 8 * (gate.ist - 1U) : 4 + 8 * new_cpl;
    if (place + 7 > head.tr.limit) return fault(kInvalidTss, (head.tr.selector & 0xfffc) | ext);
    const auto inner = read_value<std::uint64_t>(head.tr.base + place);
    if (!inner) return std::unexpected(inner.error());
    sp = *inner;
  }
  Frame frame(8);
  frame.push(head.segments[kSs].selector);
  frame.push(head.gpr[kRsp]);
  frame.push(saved_flags(event, flags));
  frame.push(head.segments[kCs].selector);
  frame.push(return_rip);
  if (event.has_error) frame.push(event.error);
  const std::uint64_t new_sp = (sp & ~15ULL) - frame.bytes().size();
  if (!mmu_.regime().guest.is_canonical(new_sp)) return fault(kStack, ext);
  if (auto pushed = write_linear(new_sp, frame.bytes()); !pushed) return pushed;
  engine_.change([&](EngineContext& c) {
    EngineHead& h = c.head();
    h.gpr[kRsp] = new_sp;
    h.segments[kCs] = code.segment(static_cast<std::uint16_t>((gate.selector & 0xfffcU) | new_cpl));
    if (new_cpl != cpl) {
      // A null selector that is fit for use.
      h.segments[kSs] = {new_cpl, 0, 0, 0xffff'ffff, 0xc0'9300 | new_cpl << 13};
    }
    h.rip = gate.offset;
    set_rflags(h, handler_flags(flags, gate.masks()));
    h.hflags = hidden_flags(h, new_cpl) & ~hflags::kInhibitIrq;
  });
  cs_may_change_ = true;
  return {};
}

}  // namespace axvm::sim::x86_64
