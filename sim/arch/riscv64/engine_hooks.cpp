// The engine's hooks: what it asks while it runs guest code, and what it is told.

#include <algorithm>
#include <sim/arch/riscv64/guest_core.hpp>
#include <utility>

namespace axvm::sim::riscv64 {
void GuestCore::install_hooks() {
  // Each hook is a captureless function; the context pointer brings us back here.
  using FillHook = bool (*)(uc_engine*, std::uint64_t, uc_mem_type, uc_tlb_entry*, void*);
  const FillHook fill = [](uc_engine*, std::uint64_t va, uc_mem_type type, uc_tlb_entry* entry,
                           void* self) {
    return static_cast<GuestCore*>(self)->on_fill(va, type, *entry);
  };
  using BlockHook = void (*)(uc_engine*, std::uint64_t, std::uint32_t, void*);
  const BlockHook block = [](uc_engine*, std::uint64_t va, std::uint32_t size, void* self) {
    static_cast<GuestCore*>(self)->on_block(va, size);
  };
  using InterruptHook = void (*)(uc_engine*, std::uint32_t, void*);
  const InterruptHook exception = [](uc_engine*, std::uint32_t number, void* self) {
    static_cast<GuestCore*>(self)->on_exception(number);
  };
  const auto add = [&](int type, auto* function) {
    uc_hook hook = 0;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the engine takes void*
    uc_hook_add(engine_.handle(), &hook, type, reinterpret_cast<void*>(function), this, 1, 0);
  };
  add(UC_HOOK_TLB_FILL, fill);
  add(UC_HOOK_BLOCK, block);
  add(UC_HOOK_INTR, exception);
}

bool GuestCore::mount(std::uint64_t base, std::uint64_t size, BoardDevice* device) {
  const auto read = [](uc_engine*, std::uint64_t offset, unsigned width, void* d) {
    return static_cast<BoardDevice*>(d)->read(offset, width);
  };
  const auto write = [](uc_engine*, std::uint64_t offset, unsigned width, std::uint64_t value,
                        void* d) { static_cast<BoardDevice*>(d)->write(offset, width, value); };
  return uc_mmio_map(engine_.handle(), base, size, read, device, write, device) == UC_ERR_OK;
}

AccessContext GuestCore::access_context(Access access) const {
  const bool user = engine_.privilege() == Privilege::User;
  AccessContext context{.access = access, .user = user};
  if (access == Access::Fetch) return context;
  const bool hs_mxr = (hs_.sstatus & status::MXR) != 0;
  context.hs_mxr = hs_mxr;
  // The engine gives its status register to S-mode for less.
  const std::uint64_t s = user ? engine_.read(Hidden::Mstatus) : engine_.reg(UC_RISCV_REG_SSTATUS);
  context.sum = (s & status::SUM) != 0;
  context.mxr = (s & status::MXR) != 0;
  return context;
}

bool GuestCore::on_fill(std::uint64_t va, uc_mem_type type, uc_tlb_entry& entry) {
  if (engine_.is_magic(va)) {
    entry.paddr = Engine::magic_to_pa(va);
    entry.perms = UC_PROT_EXEC;
    return true;
  }
  if (engine_.probing()) return false;

  const Access access = type == UC_MEM_FETCH   ? Access::Fetch
                        : type == UC_MEM_WRITE ? Access::Store
                                               : Access::Load;
  const std::uint64_t pc = engine_.pc();
  if (access == Access::Fetch && is_ahead(va, pc)) return grant_ahead(va, entry);
  if (access == Access::Fetch && va == pc - kPageMask - 1) return lend_page(pc, entry);
  const std::uint64_t evictions = statistics_.tlb_evictions;
  const auto translation = mmu_.translate(va, access_context(access));
  if (!translation) return refuse(Refusal::Kind::Fault, access, va, translation.error());
  if (statistics_.tlb_evictions != evictions) after_eviction(access, pc);
  return grant(va, access, *translation, entry);
}

bool GuestCore::refuse(Refusal::Kind kind, Access access, std::uint64_t va, const Fault& fault) {
  refusal_ = Refusal{.kind = kind, .fault = fault, .access = access, .page = va};
  return false;
}

bool GuestCore::lend_page(std::uint64_t pc, uc_tlb_entry& entry) {
  const std::uint8_t* const page = code_page(pc);
  const auto pa = page == nullptr ? std::nullopt : machine_.memory().pa_of(page);
  if (!pa) return refuse(Refusal::Kind::Ahead, Access::Fetch, pc, {});
  entry.paddr = *pa;
  entry.perms = UC_PROT_EXEC;
  page_is_lent_ = true;
  return true;
}

bool GuestCore::grant_ahead(std::uint64_t va, uc_tlb_entry& entry) {
  const auto t = mmu_.translate_ahead(va, access_context(Access::Fetch));
  const std::uint64_t pa = t ? t->pa & ~kPageMask : 0;
  if (!t || !machine_.fetch_coherence().has_code(pa) || !examined_pages_.has(va, pa, 0)) {
    return refuse(Refusal::Kind::Ahead, Access::Fetch, va, {});
  }
  entry.paddr = pa;
  entry.perms = UC_PROT_EXEC;
  return true;
}

void GuestCore::after_eviction(Access access, std::uint64_t pc) {
  forget_translations();
  if (access == Access::Fetch) return;
  // The next instruction is fetched through the TLB, too: if its page was dropped, it comes back
  // now. (The engine would look at its next block only, wherever that begins.)
  [[maybe_unused]] const auto fetched =
      mmu_.translate(pc & ~kPageMask, access_context(Access::Fetch));
}

bool GuestCore::grant(std::uint64_t va, Access access, const Translation& translation,
                      uc_tlb_entry& entry) {
  const std::uint64_t pa = translation.pa & ~kPageMask;
  const Fault nowhere{
      .kind = FaultKind::Access, .access = access, .va = va, .gpa = translation.gpa};
  FetchCoherence& coherence = machine_.fetch_coherence();
  const Permissions& allowed = translation.permissions;
  std::uint32_t perms = allowed.load ? std::uint32_t{UC_PROT_READ} : 0;
  entry.paddr = pa;
  const std::uint8_t* const bytes = machine_.memory().at(pa);
  if (bytes == nullptr) {
    if (access == Access::Fetch || machine_.board().find(pa).device == nullptr) {
      return refuse(Refusal::Kind::NoMemory, access, va, nowhere);
    }
    if (allowed.store) perms |= UC_PROT_WRITE;
    entry.perms = static_cast<uc_prot>(perms);
    return true;
  }
  switch (access) {
    case Access::Fetch:
      coherence.claim_for_fetch(pa);
      code_pages_.note(va, bytes);
      examine_code(va, pa);
      perms |= UC_PROT_EXEC;
      break;
    case Access::Load:
      if (allowed.store && !coherence.has_code(pa)) {
        coherence.claim_for_write(pa);
        perms |= UC_PROT_WRITE;
      }
      break;
    case Access::Store:
      // The rest of the running block may be what is about to change: end it first.
      if (!stepping_own_code_ && coherence.has_code(pa) && runs_from(pa)) {
        return refuse(Refusal::Kind::OwnCode, access, va, nowhere);
      }
      coherence.claim_for_write(pa);
      perms |= UC_PROT_WRITE;
      break;
  }
  entry.perms = static_cast<uc_prot>(perms);
  return true;
}

bool GuestCore::runs_from(std::uint64_t pa) const {
  const std::uint64_t pc = engine_.pc();
  const std::uint64_t end = std::max(pc + 4, retirement_.successor());
  for (const std::uint64_t va : {pc, end - 1}) {
    const std::uint8_t* const page = code_page(va & ~kPageMask);
    if (page != nullptr && page == machine_.memory().at(pa)) return true;
  }
  return false;
}

void GuestCore::on_block(std::uint64_t va, std::uint32_t size) {
  if (repair_ != Repair::None) [[unlikely]]
    repair(retirement_.successor());
  const CodeBlock* known = code_pages_.find(va, size);
  if (known == nullptr) [[unlikely]]
    known = find_block(va, size);
  if (retirement_.total() + known->count > attention_ || known->count == 0) [[unlikely]] {
    const CodeBlock block = *known;  // the entry may change meanwhile
    if (attend(va, block.count)) begin_block(va, block);
    return;
  }
  begin_block(va, *known);
}

void GuestCore::begin_block(std::uint64_t va, const CodeBlock& block) noexcept {
  retirement_.begin_block(va, block.size, block.count, block.code, block.synchronizes);
  repair_ = block.repair;
  repair_rd_ = block.rd;
}

const CodeBlock* GuestCore::find_block(std::uint64_t va, std::uint32_t size) {
  static constexpr CodeBlock kUnknown{};
  // A block of one instruction that cannot be decoded has no size.
  if (size == 0 || size > 2 * kPageMask || (va & 1) != 0) return &kUnknown;
  const std::uint8_t* const page = code_page(va & ~kPageMask);
  if (page == nullptr) return &kUnknown;
  return &code_pages_.note_block(va, size, page + (va & kPageMask));
}

void GuestCore::repair(std::uint64_t next) {
  const Repair what = std::exchange(repair_, Repair::None);
  // Otherwise the block was left before its last instruction had retired.
  if (next != retirement_.successor()) return;
  if (what == Repair::Status) {
    engine_.set_x(repair_rd_, engine_.x(repair_rd_) | status::UXL_64);
  } else if (const std::uint64_t sepc = engine_.reg(UC_RISCV_REG_SEPC); (sepc & 1) != 0) {
    engine_.set_reg(UC_RISCV_REG_SEPC, sepc & ~1ULL);
  }
}

bool GuestCore::attend(std::uint64_t va, std::uint64_t count) {
  // What the block before has retired counts; what is next has not begun.
  retirement_.close();
  const std::uint64_t total = retirement_.total();
  const auto hold = [&](Stop stop) {
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
  if ((va & 1) != 0) return hold(Stop::Resume);
  if (exactly) {
    // A trap leads elsewhere: what was asked for ends here.
    if (va != retirement_.successor()) return hold(Stop::Resume);
    if (count <= exact_target_ - total) return true;
    flush_code_next_ = true;
    return hold(Stop::Resume);
  }
  if (forget_watches_next_) return hold(Stop::Resume);

  // An asynchronous point is a discontinuity of the PC, or lies behind an instruction that the
  // engine always ends a block with: neither depends on how blocks are cut.
  const std::uint64_t leave_cut = this->leave_cut();
  const std::uint64_t take_cut = this->take_cut();
  const bool point = is_asynchronous_point(va);
  if (point || total >= leave_cut) {
    if (const Stop stop = reason_to_leave(); stop != Stop::None) return hold(stop);
  }
  if ((point || total >= take_cut) && take_interrupt(va)) return false;
  if (count > limit_ - total) return stop_within(limit_);
  if (total < leave_cut && count > leave_cut - total) return stop_within(leave_cut);
  if (total < take_cut && count > take_cut - total) return stop_within(take_cut);

  if (chaos_.enabled()) {
    switch (chaos_.next()) {
      case Chaos::Action::None: break;
      case Chaos::Action::FlushTranslations: forget_translations(); break;
      case Chaos::Action::FlushCode: flush_code_next_ = true; return hold(Stop::Resume);
      case Chaos::Action::SingleStep: exact_count_ = 1; return hold(Stop::Exactly);
    }
  }
  return true;
}

void GuestCore::schedule_attention() noexcept {
  const std::uint64_t now = time();
  if (exact_target_ != kNoTarget || chaos_.enabled() || forget_watches_next_ ||
      Interrupts::vstopi(hs_, now) != 0 || Interrupts::for_hs(hs_, now)) {
    attention_ = 0;
  } else {
    attention_ = std::min(limit_, instructions_at(std::min(turn_end_, next_deadline())));
  }
}

void GuestCore::set_chaos(std::uint64_t seed) {
  chaos_.seed(seed);
  if (seed == 0) return;
  // A hook on every instruction makes the engine cut its blocks elsewhere.
  engine_.watch(1, 0, [](uc_engine*, std::uint64_t, std::uint32_t, void*) {}, nullptr);
}

}  // namespace axvm::sim::riscv64
