// Instructions that the engine executes in other ways than the manual says, or with values of the
// host: the machine looks before each of them, and carries it out itself. When a page is first
// fetched from, it is looked through. (They are not replaced in a copy of the code: where an
// instruction begins is known only when it is executed.)

#include <cstring>
#include <sim/arch/riscv64/guest_core.hpp>

namespace axvm::sim::riscv64 {

bool GuestCore::needs_watch(std::uint32_t word) noexcept {
  const auto csr = decode_csr_instruction(word);
  if (!csr) return false;
  switch (static_cast<Csr>(csr->csr)) {
    // Their writes leave sstatus.SD clear in the engine.
    case Csr::fflags:
    case Csr::frm:
    case Csr::fcsr: return csr->writes();
    // It has no virtual interrupts.
    case Csr::sie:
    case Csr::sip: return true;
    // It keeps any value.
    case Csr::scounteren: return true;
    default:
      // Counters are the host's.
      return csr->csr >= static_cast<std::uint16_t>(Csr::cycle) &&
             csr->csr <= static_cast<std::uint16_t>(Csr::hpmcounter31);
  }
}

void GuestCore::examine_code(std::uint64_t page_va, std::uint64_t pa) {
  if (examined_pages_.note(page_va, pa, 0)) return;
  const std::uint8_t* const bytes = machine_.memory().at(pa);
  constexpr unsigned kLast = PhysicalMemory::kFrameSize - 2;
  for (unsigned offset = 0; offset < kLast; offset += 2) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes + offset, sizeof word);
    if (needs_watch(word)) watch(page_va + offset);
  }
  // The second half is in the next page, whatever that will be.
  std::uint16_t half = 0;
  std::memcpy(&half, bytes + kLast, sizeof half);
  if (is_system(half)) watch(page_va + kLast);
}

void GuestCore::watch(std::uint64_t va) {
  // A guest that is full of these must not fill the engine with watches.
  if (watches_.size() >= kMaxWatches) {
    forget_watches_next_ = true;
    attention_ = 0;
  }
  uc_hook& hook = watches_[va];
  if (hook != 0) return;
  hook = engine_.watch(
      va, va,
      [](uc_engine*, std::uint64_t at, std::uint32_t, void* self) {
        static_cast<GuestCore*>(self)->on_watch(at);
      },
      this);
}

void GuestCore::on_watch(std::uint64_t va) {
  // Its block has been held, or an interrupt has been taken before it.
  if (stop_ != Stop::None || retirement_.discontinued()) return;
  const std::uint32_t word = instruction_at(va);
  if (!needs_watch(word)) return;
  repair(va);
  retirement_.stop_at(va);
  const Outcome outcome = carry_out(word, va);
  if (outcome != Outcome::Done) {
    if (refuse_instruction(outcome, word, va)) engine_.set_pc(va + 4);
    return;
  }
  retire(va);
  engine_.set_pc(va + 4);
}

void GuestCore::forget_watches() {
  for (const auto& [va, hook] : watches_) engine_.unwatch(hook);
  watches_.clear();
  forget_all_code();
}

void GuestCore::forget_all_code() {
  engine_.flush_code();
  forget_translations();
  code_pages_.forget_blocks();
  examined_pages_.forget_all();
}

void GuestCore::forget_code(std::uint64_t pa) {
  engine_.forget_code(pa, PhysicalMemory::kFrameSize);
  code_pages_.forget_blocks();
  examined_pages_.forget(pa);
}

}  // namespace axvm::sim::riscv64
