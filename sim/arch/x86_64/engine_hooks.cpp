// The engine's hooks: what it asks while it runs guest code, and what it is told.

#include <algorithm>
#include <cstring>
#include <sim/arch/x86_64/guest_core.hpp>
#include <sim/arch/x86_64/machine.hpp>
#include <sim/board/board.hpp>
#include <utility>

namespace axvm::sim::x86_64 {

void GuestCore::install_hooks() {
  // Each hook is a captureless function; the context pointer brings us back here.
  const auto add = [&](int type, auto* function, std::uint64_t first, std::uint64_t last,
                       int instruction = 0) {
    uc_hook hook = 0;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the engine takes void*
    uc_hook_add(engine_.handle(), &hook, type, reinterpret_cast<void*>(function), this, first, last,
                instruction);
  };
  constexpr std::uint64_t kAll = 1;  // the first is above the last one: everywhere
  add(
      UC_HOOK_TLB_FILL,
      +[](uc_engine*, std::uint64_t va, uc_mem_type type, uc_tlb_entry* entry, void* self) {
        return static_cast<GuestCore*>(self)->on_fill(va, type, *entry);
      },
      kAll, 0);
  add(
      UC_HOOK_BLOCK,
      +[](uc_engine*, std::uint64_t va, std::uint32_t size, void* self) {
        static_cast<GuestCore*>(self)->on_block(va, size);
      },
      kAll, 0);
  add(
      UC_HOOK_INTR,
      +[](uc_engine*, std::uint32_t number, void* self) {
        static_cast<GuestCore*>(self)->on_interrupt(number);
      },
      kAll, 0);
  add(
      UC_HOOK_MEM_UNMAPPED,
      +[](uc_engine*, uc_mem_type, std::uint64_t pa, int, std::int64_t, void* self) {
        static_cast<GuestCore*>(self)->on_trapped_access(pa);
        return false;
      },
      Engine::kTrapPage, Engine::kTrapPage + kPageMask);
  add(
      UC_HOOK_INSN,
      +[](uc_engine*, std::uint32_t, int, void* self) -> std::uint32_t {
        static_cast<GuestCore*>(self)->on_instruction();
      },
      kAll, 0, UC_X86_INS_IN);
  add(
      UC_HOOK_INSN,
      +[](uc_engine*, std::uint32_t, int, std::uint32_t, void* self) {
        static_cast<GuestCore*>(self)->on_instruction();
      },
      kAll, 0, UC_X86_INS_OUT);
  const auto leave =
      +[](uc_engine*, void* self) { static_cast<GuestCore*>(self)->on_instruction(); };
  add(UC_HOOK_INSN, leave, kAll, 0, UC_X86_INS_SYSCALL);
  add(UC_HOOK_INSN, leave, kAll, 0, UC_X86_INS_SYSENTER);
  add(
      UC_HOOK_INSN,
      +[](uc_engine*, void* self) {
        static_cast<GuestCore*>(self)->on_rdtsc(false);
        return 1;
      },
      kAll, 0, UC_X86_INS_RDTSC);
  add(
      UC_HOOK_INSN,
      +[](uc_engine*, void* self) {
        static_cast<GuestCore*>(self)->on_rdtsc(true);
        return 1;
      },
      kAll, 0, UC_X86_INS_RDTSCP);
}

bool GuestCore::mount(std::uint64_t base, std::uint64_t size, BoardDevice* device) {
  const auto read = [](uc_engine*, std::uint64_t offset, unsigned width, void* d) {
    return static_cast<BoardDevice*>(d)->read(offset, width);
  };
  const auto write = [](uc_engine*, std::uint64_t offset, unsigned width, std::uint64_t value,
                        void* d) { static_cast<BoardDevice*>(d)->write(offset, width, value); };
  return uc_mmio_map(engine_.handle(), base, size, read, device, write, device) == UC_ERR_OK;
}

AccessContext GuestCore::access_context(Access access) {
  AccessContext context{.access = access};
  const EngineHead& head = engine_.look().head();
  context.user = (head.hflags & hflags::kCpl) == 3;
  context.ac = (head.eflags & rflags::AC) != 0;
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
                        : type == UC_MEM_WRITE ? Access::Write
                                               : Access::Read;
  if (access == Access::Fetch && is_ahead(va)) return grant_ahead(va, entry);
  const AccessContext context = access_context(access);
  const auto t = mmu_.translate(va, context);
  if (mmu_.take_forgotten()) forget_translations();
  if (t) return grant(va, access, *t, entry);
  const Refusal refusal{.kind = Refusal::Kind::Fault,
                        .fault = t.error(),
                        .access = access,
                        .page = va,
                        .pa = 0,
                        .offset = kPageMask + 1};
  // A page has the fault of each of its bytes, but for the address.
  return access == Access::Fetch ? refuse(refusal) : trap_access(refusal, entry);
}

bool GuestCore::is_ahead(std::uint64_t va) {
  const std::uint64_t pc = current_pc();
  if (va != (pc & ~kPageMask) + kPageMask + 1) return false;
  // Its own bytes are not ahead of it.
  CodeBytes code = code_at(pc);
  code.next = nullptr;
  return code.first != nullptr && code.at(0).length != 0;
}

bool GuestCore::grant_ahead(std::uint64_t va, uc_tlb_entry& entry) {
  const auto t = mmu_.translate_ahead(va, access_context(Access::Fetch));
  const std::uint64_t pa = t ? t->pa & ~kPageMask : 0;
  if (!t || !machine_.fetch_coherence().has_code(pa) || !examined_pages_.has(va, pa, 0)) {
    return refuse({.kind = Refusal::Kind::Ahead,
                   .fault = {},
                   .access = Access::Fetch,
                   .page = va,
                   .pa = 0,
                   .offset = 0});
  }
  entry.paddr = pa;
  entry.perms = UC_PROT_EXEC;
  return true;
}

bool GuestCore::grant(std::uint64_t va, Access access, const Translation& t, uc_tlb_entry& entry) {
  const std::uint64_t pa = t.pa & ~kPageMask;
  const auto refuse_as = [&](Refusal::Kind kind) {
    return refuse({.kind = kind, .fault = {}, .access = access, .page = va, .pa = pa, .offset = 0});
  };
  FetchCoherence& coherence = machine_.fetch_coherence();
  const Permissions& allowed = t.permissions;
  std::uint32_t perms = allowed.read ? std::uint32_t{UC_PROT_READ} : 0;
  entry.paddr = pa;
  if (machine_.memory().at(pa) == nullptr) {
    const bool device = machine_.board().find(pa).device != nullptr;
    if (access == Access::Fetch || !device) return refuse_as(Refusal::Kind::NoMemory);
    if (allowed.write) perms |= UC_PROT_WRITE;
    entry.perms = static_cast<uc_prot>(perms);
    return true;
  }
  switch (access) {
    case Access::Fetch:
      coherence.claim_for_fetch(pa);
      examine_code(va, pa);
      perms |= UC_PROT_EXEC;
      break;
    case Access::Read:
      if (allowed.write && !coherence.has_code(pa)) {
        coherence.claim_for_write(pa);
        perms |= UC_PROT_WRITE;
      }
      break;
    case Access::Write:
      // The rest of the running block may be what is about to change: end it first.
      if (!stepping_own_code_ && coherence.has_code(pa) && runs_from(pa)) {
        return refuse_as(Refusal::Kind::OwnCode);
      }
      coherence.claim_for_write(pa);
      perms |= UC_PROT_WRITE;
      break;
  }
  entry.perms = static_cast<uc_prot>(perms);
  return true;
}

bool GuestCore::runs_from(std::uint64_t pa) {
  const std::uint64_t pc = current_pc();
  const std::uint64_t end = std::max(pc + kMaxInstructionBytes, retirement_.successor());
  for (const std::uint64_t va : {pc, end - 1}) {
    const auto t =
        mmu_.translate_without_side_effects(va & ~kPageMask, access_context(Access::Fetch));
    if (t && (t->pa & ~kPageMask) == pa) return true;
  }
  return false;
}

bool GuestCore::trap_access(const Refusal& refusal, uc_tlb_entry& entry) {
  entry.paddr = Engine::kTrapPage;
  entry.perms = static_cast<uc_prot>(UC_PROT_READ | UC_PROT_WRITE);
  // It may ask again, for what is left of the same operand.
  if (refusal_ && refusal_->page == refusal.page && refusal_->access == refusal.access) return true;
  refusal_ = refusal;
  for (Spill& spill : spills_) spill.to = nullptr;
  if (refusal.access != Access::Write) return true;
  // The engine writes an operand that lies in two pages byte by byte, the refused page or not. What
  // it writes beside that page is put back (take_back_spills()).
  const std::uint64_t beside[2] = {refusal.page - kSpillBytes, refusal.page + kPageMask + 1};
  const AccessContext context = access_context(Access::Write);
  for (unsigned n = 0; n < 2; ++n) {
    const auto t = mmu_.translate_without_side_effects(beside[n], context);
    spills_[n].to = t ? machine_.memory().at(t->pa) : nullptr;
    if (spills_[n].to != nullptr) std::memcpy(spills_[n].bytes, spills_[n].to, kSpillBytes);
  }
  return true;
}

void GuestCore::on_trapped_access(std::uint64_t pa) {
  if (refusal_ && refusal_->offset > kPageMask) refusal_->offset = pa & kPageMask;
}

void GuestCore::on_interrupt(std::uint32_t number) {
  trap_ = number;
  request(Stop::Trap);
}

void GuestCore::on_instruction() {
  abandoned_ = true;
  abandoned_rcx_ = engine_.gpr(kRcx);
  engine_.abandon_instruction();
}

void GuestCore::on_rdtsc(bool with_aux) {
  const std::uint64_t now = retirement_.total_at(current_pc()) + idle_ + controls_.tsc_offset;
  engine_.set_gpr(kRax, now & 0xffff'ffff);
  engine_.set_gpr(kRdx, now >> 32);
  if (with_aux) {
    engine_.set_gpr(kRcx, engine_.look().msr(EngineMsr::TscAux) & 0xffff'ffff);
  }
}

void GuestCore::table_written(std::uint64_t pa) {
  if (machine_.fetch_coherence().has_code(pa)) machine_.fetch_coherence().claim_for_write(pa);
}

void GuestCore::on_block(std::uint64_t va, std::uint32_t size) {
  if (std::exchange(cs_may_change_, false)) [[unlikely]] {
    if (std::exchange(code_size_, code_size()) != code_size_) blocks_.forget();
  }
  const CodeBlock* known = blocks_.find(va, size);
  if (known == nullptr) [[unlikely]]
    known = &find_block(va, size);
  bool elements = true;
  if (va == retirement_.repeats()) [[unlikely]] {
    // The engine looks once more when no element is left; nothing retires then.
    const std::uint64_t mask =
        known->address_bytes == 8 ? ~0ULL : (1ULL << (8 * known->address_bytes)) - 1;
    elements = (engine_.gpr(kRcx) & mask) != 0;
  }
  if (elements && retirement_.total() + known->count > attention_) [[unlikely]] {
    const CodeBlock block = *known;  // the entry may change meanwhile
    if (!attend(va, block.count)) return;
    retirement_.begin_block(va, block);
    cs_may_change_ = block.far;
    return;
  }
  retirement_.begin_block(va, *known, elements);
  cs_may_change_ = known->far;
}

const CodeBlock& GuestCore::find_block(std::uint64_t va, std::uint32_t size) {
  return blocks_.note(va, describe_block(code_at(va), size));
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
  if (stepping_ != 0) {
    if (stepping_++ == 1) return true;
    return hold(Stop::Resume);
  }
  if (total >= limit_) return hold(Stop::Limit);
  const std::uint64_t cut = this->cut();
  const bool due = time() >= turn_end_ || virtual_interrupt_is_due();
  if (due && (is_asynchronous_point(va) || total >= cut)) {
    // In the shadow of STI or MOV SS nothing is taken.
    if (!in_shadow()) return hold(Stop::Points);
  }
  if (count > limit_ - total) return stop_within(limit_);
  if (total < cut && count > cut - total) return stop_within(cut);
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

}  // namespace axvm::sim::x86_64
