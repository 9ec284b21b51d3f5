// The engine's hooks: what it asks while it runs guest code, and what it is told.

#include <algorithm>
#include <sim/arch/aarch64/guest_core.hpp>
#include <sim/arch/aarch64/syndrome.hpp>

namespace axvm::sim::aarch64 {
namespace {

constexpr std::uint64_t kPage = 4096;

/// LDTR, STTR and their kin (C4.1.94, "Load/store register (unprivileged)").
constexpr bool is_unprivileged(std::uint32_t instruction) {
  return (instruction & 0x3f200c00) == 0x38000800;
}

/// A turn that no branch ends is cut here, this many instructions late.
constexpr std::uint64_t kMaxStraightLine = 4096;

}  // namespace

void GuestCore::install_hooks() {
  // Each hook is a captureless function; the context pointer brings us back here.
  const auto fill = [](uc_engine*, std::uint64_t va, uc_mem_type type, uc_tlb_entry* entry,
                       void* self) {
    return static_cast<GuestCore*>(self)->on_fill(va, type, *entry);
  };
  const auto block = [](uc_engine*, std::uint64_t va, std::uint32_t size, void* self) {
    static_cast<GuestCore*>(self)->on_block(va, size);
  };
  const auto interrupt = [](uc_engine*, std::uint32_t number, void* self) {
    static_cast<GuestCore*>(self)->on_interrupt(number);
  };
  using SystemHook = std::uint32_t (*)(uc_engine*, uc_arm64_reg, const uc_arm64_cp_reg*, void*);
  const SystemHook mrs = [](uc_engine*, uc_arm64_reg target, const uc_arm64_cp_reg* cp,
                            void* self) -> std::uint32_t {
    return static_cast<GuestCore*>(self)->on_mrs(*cp, target);
  };
  const SystemHook msr = [](uc_engine*, uc_arm64_reg, const uc_arm64_cp_reg* cp,
                            void* self) -> std::uint32_t {
    return static_cast<GuestCore*>(self)->on_msr(*cp);
  };
  const SystemHook sys = [](uc_engine*, uc_arm64_reg, const uc_arm64_cp_reg* cp,
                            void* self) -> std::uint32_t {
    return static_cast<GuestCore*>(self)->on_sys(*cp);
  };

  uc_engine* const uc = engine_.handle();
  uc_hook hook = 0;
  const auto address = [](auto* function) { return reinterpret_cast<void*>(function); };
  const auto add = [&](int type, void* function) {
    uc_hook_add(uc, &hook, type, function, this, 1, 0);
  };
  add(UC_HOOK_TLB_FILL,
      address(static_cast<bool (*)(uc_engine*, std::uint64_t, uc_mem_type, uc_tlb_entry*, void*)>(
          fill)));
  add(UC_HOOK_BLOCK,
      address(static_cast<void (*)(uc_engine*, std::uint64_t, std::uint32_t, void*)>(block)));
  add(UC_HOOK_INTR, address(static_cast<void (*)(uc_engine*, std::uint32_t, void*)>(interrupt)));
  uc_hook_add(uc, &hook, UC_HOOK_INSN, address(mrs), this, 1, 0, UC_ARM64_INS_MRS);
  uc_hook_add(uc, &hook, UC_HOOK_INSN, address(msr), this, 1, 0, UC_ARM64_INS_MSR);
  uc_hook_add(uc, &hook, UC_HOOK_INSN, address(sys), this, 1, 0, UC_ARM64_INS_SYS);
}

bool GuestCore::mount(std::uint64_t base, std::uint64_t size, BoardDevice* device) {
  const auto read = [](uc_engine*, std::uint64_t offset, unsigned width, void* d) {
    return static_cast<BoardDevice*>(d)->read(offset, width);
  };
  const auto write = [](uc_engine*, std::uint64_t offset, unsigned width, std::uint64_t value,
                        void* d) { static_cast<BoardDevice*>(d)->write(offset, width, value); };
  return uc_mmio_map(engine_.handle(), base, size, read, device, write, device) == UC_ERR_OK;
}

bool GuestCore::on_fill(std::uint64_t va, uc_mem_type type, uc_tlb_entry& entry) {
  if (engine_.is_magic(va)) {
    entry.paddr = Engine::magic_to_pa(va);
    entry.perms = UC_PROT_EXEC;
    return true;
  }
  if (engine_.probing()) return false;

  const Access access = type == UC_MEM_FETCH   ? Access::Fetch
                        : type == UC_MEM_WRITE ? Access::Write
                                               : Access::Read;
  const std::uint32_t pstate = engine_.pstate();
  AccessContext context = access_context(access, pstate, false);
  if (access != Access::Fetch && context.el == 1 && is_unprivileged(instruction_at(engine_.pc()))) {
    context = access_context(access, pstate, true);
  }

  const std::uint64_t evictions = statistics_.tlb_evictions;
  const auto translation = mmu_.translate(va, context);
  if (!translation) {
    refusal_ = Refusal{Refusal::Kind::Fault, translation.error(), access, va, (pstate >> 2) & 3};
    return false;
  }
  if (statistics_.tlb_evictions != evictions) after_eviction(access, engine_.pc());
  return grant(va, access, *translation, entry);
}

void GuestCore::after_eviction(Access access, std::uint64_t pc) {
  forget_translations();
  if (access == Access::Fetch) return;
  // The next instruction is fetched through the TLB, too: if its page was dropped, it comes back
  // now. (The engine would look at its next block only, wherever that begins.)
  [[maybe_unused]] const auto fetched = mmu_.translate(
      pc & ~(kPage - 1),
      {.access = Access::Fetch, .el = static_cast<std::uint8_t>(current_el()), .pan = false});
}

bool GuestCore::grant(std::uint64_t va, Access access, const Translation& translation,
                      uc_tlb_entry& entry) {
  const std::uint64_t pa = translation.pa & ~(kPage - 1);
  const auto refuse = [&](Refusal::Kind kind) {
    refusal_ = Refusal{kind, {.va = va, .ipa = translation.ipa}, access, va, current_el()};
    return false;
  };
  FetchCoherence& coherence = machine_.fetch_coherence();
  std::uint32_t perms = translation.readable ? std::uint32_t{UC_PROT_READ} : 0;
  entry.paddr = pa;
  if (machine_.memory().at(pa) == nullptr) {
    const Board::Hit hit = machine_.board().find(pa);
    if (access == Access::Fetch || hit.device == nullptr) return refuse(Refusal::Kind::NoMemory);
    // What an access there does to interrupts has to happen between two instructions.
    if (hit.device == &machine_.virtual_interfaces_ && !stepping_interface_) {
      refuse(Refusal::Kind::Interface);
      refusal_->page = hit.offset;
      return false;
    }
    if (translation.writable) perms |= UC_PROT_WRITE;
    entry.perms = static_cast<uc_prot>(perms);
    return true;
  }
  switch (access) {
    case Access::Fetch:
      if (engine_.code_copies().full() && fetched_from(pa) == pa)
        return refuse(Refusal::Kind::NoCopy);
      coherence.claim_for_fetch(pa);
      entry.paddr = examine_code(va & ~(kPage - 1), pa);
      perms = entry.paddr == pa ? perms | UC_PROT_EXEC : std::uint32_t{UC_PROT_EXEC};
      break;
    case Access::Read:
      if (translation.writable && !coherence.has_code(pa)) {
        coherence.claim_for_write(pa);
        perms |= UC_PROT_WRITE;
      }
      break;
    case Access::Write:
      // The rest of the running block may be what is about to change: end it first.
      if (!stepping_own_code_ && coherence.has_code(pa) && runs_from(pa)) {
        return refuse(Refusal::Kind::OwnCode);
      }
      coherence.claim_for_write(pa);
      perms |= UC_PROT_WRITE;
      break;
  }
  entry.perms = static_cast<uc_prot>(perms);
  return true;
}

bool GuestCore::runs_from(std::uint64_t pa) const {
  const auto here = mmu_.translate_without_side_effects(
      engine_.pc(),
      {.access = Access::Fetch, .el = static_cast<std::uint8_t>(current_el()), .pan = false});
  return here && (here->pa & ~(kPage - 1)) == pa;
}

void GuestCore::on_block(std::uint64_t va, std::uint32_t size) {
  const std::uint64_t count = size / Retirement::kInstructionBytes;
  if (retirement_.total() + count > attention_ || (va & 3) != 0) [[unlikely]]
    return attend_block(va, count);
  retirement_.begin_block(va, count);
}

void GuestCore::attend_block(std::uint64_t va, std::uint64_t count) {
  if (attend(va, count)) retirement_.begin_block(va, count);
}

bool GuestCore::attend(std::uint64_t va, std::uint64_t count) {
  const std::uint64_t total = retirement_.total();
  const auto hold = [&](Stop stop) {
    retirement_.close();
    request(stop);
    return false;
  };
  const auto stop_within = [&](std::uint64_t at) {
    exact_count_ = at - total;
    return hold(Stop::Exactly);
  };

  const bool exactly = exact_target_ != kNoTarget;
  if (exactly && total >= exact_target_) return hold(Stop::Resume);
  if (total >= limit_) return hold(Stop::Limit);
  if ((va & 3) != 0) {
    retirement_.close();
    take_abort_to_el1(pc_alignment_syndrome(), va, va);
    return false;
  }
  if (exactly) {
    // An exception leads elsewhere: what was asked for ends here.
    const std::uint64_t left = (exact_target_ - total) * Retirement::kInstructionBytes;
    return va == exact_end_ - left || hold(Stop::Resume);
  }
  if (forget_watches_next_) return hold(Stop::Resume);

  // An asynchronous point is a discontinuity of the PC, or lies behind an instruction that the
  // engine always ends a block with: neither depends on how blocks are cut.
  const std::uint64_t due = instructions_at(leaves_at());
  const std::uint64_t cut = due > kNoTarget - kMaxStraightLine ? kNoTarget : due + kMaxStraightLine;
  if (va != retirement_.successor() || total >= cut || follows_synchronization(va)) {
    if (take_interrupt(va)) return false;
  }
  if (count > limit_ - total) return stop_within(limit_);
  if (total < cut && count > cut - total) return stop_within(cut);

  if (chaos_.enabled()) {
    switch (chaos_.next()) {
      case Chaos::Action::None: break;
      case Chaos::Action::FlushTranslations: engine_.flush_tlb(); break;
      case Chaos::Action::FlushCode: flush_code_next_ = true; return hold(Stop::Resume);
      case Chaos::Action::SingleStep: exact_count_ = 1; return hold(Stop::Exactly);
    }
  }
  return true;
}

void GuestCore::schedule_attention() noexcept {
  if (exact_target_ != kNoTarget || chaos_.enabled() || forget_watches_next_ ||
      virtual_interrupts() != 0) {
    attention_ = 0;
  } else {
    attention_ = std::min(limit_, instructions_at(std::min(turn_end_, interrupt_due_)));
  }
}

void GuestCore::set_chaos(std::uint64_t seed) {
  chaos_.seed(seed);
  if (seed == 0) return;
  // A hook on every instruction makes the engine cut its blocks elsewhere.
  engine_.watch(1, 0, [](uc_engine*, std::uint64_t, std::uint32_t, void*) {}, nullptr);
}

}  // namespace axvm::sim::aarch64
