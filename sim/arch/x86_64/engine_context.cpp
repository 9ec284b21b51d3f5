#include <array>
#include <cstring>
#include <sim/arch/x86_64/engine_context.hpp>
#include <sim/arch/x86_64/registers.hpp>
#include <sim/cpu/engine_scope.hpp>
#include <vector>

namespace axvm::sim::x86_64 {
namespace {

constexpr std::size_t kHeader = 40;  // of a saved context

/// What RFLAGS has elsewhere in the engine: the arithmetic ones and DF.
constexpr std::uint64_t kArithmetic = 0x8d5;

struct Places {
  std::size_t tail = 0;
  std::array<std::size_t, kEngineMsrs> msrs{};
};

/// An engine of its own, in which words are given values to be found by, and intercepts are tried.
class Trial {
 public:
  Trial() {
    if (uc_open(UC_ARCH_X86, UC_MODE_64, &engine_) != UC_ERR_OK) return;
    good_ = uc_ctl_set_cpu_model(engine_, UC_CPU_X86_SANDYBRIDGE) == UC_ERR_OK &&
            uc_context_alloc(engine_, &context_) == UC_ERR_OK &&
            uc_mem_map(engine_, kCode, 4096, UC_PROT_ALL) == UC_ERR_OK &&
            uc_mem_map(engine_, kVmcb, 16384, UC_PROT_ALL) == UC_ERR_OK;
  }
  ~Trial() {
    if (context_ != nullptr) uc_context_free(context_);
    if (engine_ != nullptr) uc_close(engine_);
  }
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  std::optional<Places> run() {
    if (!good_) return std::nullopt;
    find_tail();
    check_head();
    find_msrs();
    if (good_) try_intercepts();
    return good_ ? std::optional(places_) : std::nullopt;
  }

 private:
  static constexpr std::uint64_t kCode = 0x10000;
  static constexpr std::uint64_t kVmcb = 0x20000;

  [[nodiscard]] std::byte* bytes() const noexcept {
    return reinterpret_cast<std::byte*>(context_);  // NOLINT(*-reinterpret-cast)
  }
  template <class T>
  [[nodiscard]] T& at(std::size_t place) const noexcept {
    return *reinterpret_cast<T*>(bytes() + place);  // NOLINT(*-reinterpret-cast)
  }
  void require(bool condition) noexcept { good_ = good_ && condition; }
  void write(int id, std::uint64_t value) { uc_reg_write(engine_, id, &value); }
  void save() { uc_context_save(engine_, context_); }

  /// The one place that has each value after it was set.
  template <class Set>
  std::size_t place(Set&& set) {
    constexpr std::array<std::uint64_t, 3> kValues{0x0000'1234'8765'4320, 0x0000'5a5a'1234'5678,
                                                   0x0000'0f0f'7654'1230};
    std::vector<std::size_t> candidates;
    for (std::size_t p = kHeader; p + 8 <= uc_context_size(engine_); p += 8)
      candidates.push_back(p);
    for (const std::uint64_t value : kValues) {
      set(value);
      save();
      std::erase_if(candidates, [&](std::size_t p) { return at<std::uint64_t>(p) != value; });
    }
    require(candidates.size() == 1);
    return good_ ? candidates.front() : 0;
  }

  void find_tail() {
    const std::size_t dr0 = place([&](std::uint64_t v) { write(UC_X86_REG_DR0, v); });
    const std::size_t dr3 = place([&](std::uint64_t v) { write(UC_X86_REG_DR3, v); });
    require(dr3 == dr0 + 3 * 8 && dr0 % 8 == 0);
    places_.tail = dr0 - offsetof(EngineTail, dr);
    require(good_ && places_.tail + sizeof(EngineTail) <= uc_context_size(engine_));
    write(UC_X86_REG_DR0, 0);
    write(UC_X86_REG_DR3, 0);
  }

  void check_head() {
    uc_x86_mmr gdt{.selector = 0, .base = 0x1234'5000, .limit = 0x1237, .flags = 0};
    uc_x86_mmr tr{.selector = 0x48, .base = 0x7654'3000, .limit = 0x67, .flags = 0x8b00};
    uc_reg_write(engine_, UC_X86_REG_GDTR, &gdt);
    uc_reg_write(engine_, UC_X86_REG_TR, &tr);
    write(UC_X86_REG_RIP, 0x0fed'cba9);
    write(UC_X86_REG_R15, 0x0aaa'5555);
    write(UC_X86_REG_CR2, 0x3333'4444);
    write(UC_X86_REG_GS_BASE, 0x1717'2828);
    uc_x86_msr efer{.rid = 0xc000'0080, .value = 0};
    uc_reg_read(engine_, UC_X86_REG_MSR, &efer);
    save();
    const auto& head = at<EngineHead>(kHeader);
    require(head.gdt.base == gdt.base && head.gdt.limit == gdt.limit);
    require(head.tr.selector == tr.selector && head.tr.base == tr.base &&
            head.tr.flags == tr.flags);
    require(head.rip == 0x0fed'cba9 && head.gpr[15] == 0x0aaa'5555 && head.cr[2] == 0x3333'4444);
    require(head.segments[kGs].base == 0x1717'2828);
    require(efer.value != 0 && head.efer == efer.value);
    require((head.hflags & (hflags::kCs64 | hflags::kLma | hflags::kPe)) ==
            (hflags::kCs64 | hflags::kLma | hflags::kPe));
  }

  void find_msrs() {
    constexpr std::array<std::uint32_t, kEngineMsrs> kNumbers{
        0x174,       0x175,       0x176,       0xc000'0081, 0xc000'0082,
        0xc000'0083, 0xc000'0084, 0xc000'0102, 0xc000'0103};
    for (std::size_t n = 1; n < kEngineMsrs; ++n) {
      places_.msrs[n] = place([&](std::uint64_t v) {
        uc_x86_msr msr{.rid = kNumbers[n], .value = v};
        uc_reg_write(engine_, UC_X86_REG_MSR, &msr);
      });
    }
    // 32 bits wide, before the next one.
    uc_x86_msr msr{.rid = kNumbers[0], .value = 0x4321};
    uc_reg_write(engine_, UC_X86_REG_MSR, &msr);
    save();
    places_.msrs[0] = places_.msrs[1] - 8;
    require(good_ && at<std::uint32_t>(places_.msrs[0]) == 0x4321);
  }

  /// What the intercepts lead to, with the instruction not executed.
  void try_intercepts() {
    uc_hook hook = 0;
    using InterruptHook = void (*)(uc_engine*, std::uint32_t, void*);
    const InterruptHook note = [](uc_engine* engine, std::uint32_t number, void* self) {
      static_cast<Trial*>(self)->number_ = number;
      uc_emu_stop(engine);
    };
    // NOLINTNEXTLINE(*-reinterpret-cast): the engine takes void*
    uc_hook_add(engine_, &hook, UC_HOOK_INTR, reinterpret_cast<void*>(note), this, 1, 0);
    uc_ctl_exits_enable(engine_);
    const std::array<std::byte, 8192> all = [] {
      std::array<std::byte, 8192> a{};
      a.fill(std::byte{0xff});
      return a;
    }();
    constexpr std::uint64_t kPermissions = kVmcb + 0x1000;
    uc_mem_write(engine_, kVmcb + 0x48, &kPermissions, sizeof kPermissions);
    uc_mem_write(engine_, kPermissions, all.data(), all.size());
    save();
    auto& head = at<EngineHead>(kHeader);
    auto& tail = at<EngineTail>(places_.tail);
    head.hflags |= hflags::kGuest;
    tail.vmcb = kVmcb;
    tail.intercept = 1ULL << (0x72 - 0x60) | 1ULL << (0x7c - 0x60) | 1ULL << (0x75 - 0x60);
    tail.intercept_cr_write = 1U << 3;
    tail.intercept_exceptions = ~0U;
    uc_context_restore(engine_, context_);
    trap({0x0f, 0xa2}, 0x172);        // CPUID
    trap({0x0f, 0x22, 0xd8}, 0x113);  // MOV CR3, RAX
    trap({0x0f, 0x0b}, 0x146);        // UD2
    trap({0xcd, 0x80}, 0x175);        // INT 0x80
    trap({0x0f, 0x30}, 0x17c);        // WRMSR
    save();
    require(at<EngineTail>(places_.tail).error_code == 1);
  }
  void trap(std::array<std::uint8_t, 3> code, std::uint32_t number) {
    const EngineScope scope;
    number_ = 0;
    uc_mem_write(engine_, kCode, code.data(), code.size());
    uc_ctl_remove_cache(engine_, kCode, kCode + 16);
    uc_emu_start(engine_, kCode, 0, 0, 0);
    std::uint64_t rip = 0;
    uc_reg_read(engine_, UC_X86_REG_RIP, &rip);
    require(number_ == number && rip == kCode);
  }

  uc_engine* engine_ = nullptr;
  uc_context* context_ = nullptr;
  bool good_ = false;
  std::uint32_t number_ = 0;
  Places places_;
};

const std::optional<Places>& places() {
  static const std::optional<Places> kPlaces = Trial().run();
  return kPlaces;
}

}  // namespace

void set_rflags(EngineHead& head, std::uint64_t value) noexcept {
  constexpr std::uint32_t kCcEflags = 1;  // cc_src has them
  head.cc_op = kCcEflags;
  head.cc_src = value & kArithmetic;
  head.cc_dst = head.cc_src2 = 0;
  head.df = (value & rflags::DF) != 0 ? -1 : 1;
  head.eflags = (value & ~(kArithmetic | rflags::DF)) | rflags::ONE;
}

std::uint32_t hidden_flags(const EngineHead& head, unsigned cpl) noexcept {
  constexpr std::uint32_t kL = 1U << 21;
  constexpr std::uint32_t kB = 1U << 22;
  const std::uint64_t control = head.cr[0];
  std::uint32_t flags = (head.hflags & hflags::kInhibitIrq) | hflags::kGuest | cpl;
  flags |= static_cast<std::uint32_t>(control & (cr0::MP | cr0::EM | cr0::TS)) << 8;
  if ((control & cr0::PE) != 0) flags |= hflags::kPe;
  if ((head.efer & efer::LMA) != 0) flags |= hflags::kLma;
  if ((head.cr[4] & cr4::OSFXSR) != 0) flags |= hflags::kOsfxsr;
  if ((head.cr[4] & cr4::SMAP) != 0) flags |= hflags::kSmap;
  const std::uint32_t cs = head.segments[kCs].flags;
  if ((head.efer & efer::LMA) != 0 && (cs & kL) != 0) {
    return flags | hflags::kCs64 | hflags::kCs32 | hflags::kSs32;
  }
  if ((cs & kB) != 0) flags |= hflags::kCs32;
  if ((head.segments[kSs].flags & kB) != 0) flags |= hflags::kSs32;
  const bool flat =
      (head.segments[kDs].base | head.segments[kEs].base | head.segments[kSs].base) == 0;
  const bool protected32 =
      (control & cr0::PE) != 0 && (head.eflags & rflags::VM) == 0 && (flags & hflags::kCs32) != 0;
  return flags | (protected32 && flat ? 0 : hflags::kAddSegment);
}

std::optional<EngineContext> EngineContext::of(uc_engine* engine) {
  uc_context* context = nullptr;
  if (!places() || uc_context_alloc(engine, &context) != UC_ERR_OK) return std::nullopt;
  return EngineContext(engine, context);
}

EngineTail& EngineContext::tail() noexcept { return *at<EngineTail>(places()->tail); }

std::uint64_t EngineContext::msr(EngineMsr msr) const noexcept {
  const std::size_t place = places()->msrs[static_cast<std::size_t>(msr)];
  const std::uint64_t word = *at<std::uint64_t>(place);
  return msr == EngineMsr::SysenterCs ? word & 0xffff'ffff : word;
}

void EngineContext::set_msr(EngineMsr msr, std::uint64_t value) noexcept {
  const std::size_t place = places()->msrs[static_cast<std::size_t>(msr)];
  const std::size_t bytes = msr == EngineMsr::SysenterCs ? 4 : 8;
  std::memcpy(at<std::byte>(place), &value, bytes);
}

}  // namespace axvm::sim::x86_64
