// Instructions that the engine executes in other ways than the manual says, or with values of the
// host: the machine looks before each of them, and carries it out itself. When a page is first
// fetched from, it is looked through. (They are not replaced in a copy of the code: where an
// instruction begins is known only when it is executed.)

#include <array>
#include <bit>
#include <cstring>
#include <sim/arch/riscv64/guest_core.hpp>

namespace axvm::sim::riscv64 {

bool GuestCore::needs_watch(std::uint32_t word) noexcept {
  if (is_fence_i(word)) return true;
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
  watch_unmaintained_code(page_va, pa);
  const std::uint8_t* const bytes = machine_.memory().at(pa);
  std::array<std::uint64_t, kMaxWatchesOfPage> sites{};
  std::size_t count = 0;
  const auto note = [&](unsigned offset) {
    if (count < sites.size()) sites[count] = page_va + offset;
    ++count;
  };
  constexpr unsigned kLast = PhysicalMemory::kFrameSize - 2;
  for (unsigned offset = 0; offset < kLast; offset += 2) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes + offset, sizeof word);
    if (needs_watch(word)) note(offset);
  }
  // The second half is in the next page, whatever that will be.
  std::uint16_t half = 0;
  std::memcpy(&half, bytes + kLast, sizeof half);
  if (is_system(half) || is_fence_i(half)) note(kLast);
  if (count > sites.size()) return watch(page_va, page_va + kPageMask);
  for (std::size_t n = 0; n < count; ++n) watch(sites[n], sites[n]);
}

void GuestCore::watch_unmaintained_code(std::uint64_t page_va, std::uint64_t pa) {
  CodeMaintenance::LineSet lines = machine_.fetch_coherence().maintenance().unmaintained(pa);
  while (lines != 0) {
    const auto first = static_cast<unsigned>(std::countr_zero(lines));
    const auto length = static_cast<unsigned>(std::countr_one(lines >> first));
    const std::uint64_t start = page_va + first * CodeMaintenance::kLine;
    watch(start, start + length * CodeMaintenance::kLine - 1);
    if (first + length == CodeMaintenance::kLinesOfFrame) return;
    lines = lines >> (first + length) << (first + length);
  }
}

void GuestCore::report_unmaintained_code(std::uint64_t va) {
  const std::uint8_t* const page = code_page(va & ~kPageMask);
  const auto frame = page == nullptr ? std::nullopt : machine_.memory().pa_of(page);
  if (!frame) return;
  const std::uint64_t pa = *frame + (va & kPageMask);
  if (!machine_.fetch_coherence().maintenance().report(pa)) return;
  ++statistics_.unmaintained_lines;
  const std::uint64_t instructions = retirement_.total_at(va);
  machine_.report({.pcpu = index_,
                   .instructions = instructions,
                   .time_ns = instructions + idle_,
                   .pc = va,
                   .address = pa});
}

void GuestCore::watch(std::uint64_t first, std::uint64_t last) {
  const auto [entry, is_new] = watches_.try_emplace({first, last});
  if (!is_new) return;
  // A guest that is full of these must not fill the engine with watches.
  if (watches_.size() > kMaxWatches) {
    forget_watches_next_ = true;
    attention_ = 0;
  }
  entry->second = engine_.watch(
      first, last,
      [](uc_engine*, std::uint64_t at, std::uint32_t, void* self) {
        static_cast<GuestCore*>(self)->on_watch(at);
      },
      this);
}

void GuestCore::on_watch(std::uint64_t va) {
  // Its block has been held, an interrupt has been taken before it, or another watch of it has
  // carried it out.
  if (stop_ != Stop::None || engine_.pc() != va) return;
  report_unmaintained_code(va);
  const std::uint32_t word = instruction_at(va);
  const bool in_two_pages = (va & kPageMask) == kPageMask - 1;
  if (in_two_pages && word == kSret) return retirement_.block_synchronizes();
  if (!needs_watch(word) && !(in_two_pages && decode_csr_instruction(word))) return;
  repair(va);
  retirement_.stop_at(va);
  const Outcome outcome = is_fence_i(word) ? synchronise_code() : carry_out(word, va);
  if (outcome != Outcome::Done) {
    if (refuse_instruction(outcome, word, va)) engine_.set_pc(va + 4);
    return;
  }
  retire(va);
  engine_.set_pc(va + 4);
}

GuestCore::Outcome GuestCore::synchronise_code() {
  // Fetches see all stores anyway. Whether software said FENCE.I where others need it is checked;
  // not on which harts.
  machine_.fetch_coherence().all_invalidated();
  return Outcome::Done;
}

void GuestCore::forget_watches() {
  for (const auto& [range, hook] : watches_) engine_.unwatch(hook);
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
