// Instructions that the engine executes, and before which this machine has to look: they are
// watched. When a page is first fetched from, its words are looked through.

#include <array>
#include <bit>
#include <cstring>
#include <sim/arch/aarch64/alignment.hpp>
#include <sim/arch/aarch64/decode.hpp>
#include <sim/arch/aarch64/guest_core.hpp>
#include <sim/arch/aarch64/syndrome.hpp>
#include <sim/arch/aarch64/traps.hpp>

namespace axvm::sim::aarch64 {
namespace {

/// SPSR_EL1.M of a return to EL0, or to EL1 with either stack pointer (C5.2.18); the rest is
/// illegal.
bool is_legal_mode(std::uint64_t spsr) {
  const std::uint64_t mode = spsr & 0x1f;
  return mode == 0 || mode == 4 || mode == 5;
}
constexpr std::uint64_t kIllegal = 1ULL << 20;

}  // namespace

bool GuestCore::needs_watch(std::uint32_t word, std::uint64_t cpacr, unsigned el) const noexcept {
  if (word == instruction::kEret) return true;
  // EL1's trap is EL0's, too.
  if (is_fp(word) && (fp_traps_to_el1(cpacr, 0) || traps_to_el2(el2_, word))) return true;
  return needs_stack_watch(word, el) || (checks_alignment() && alignment_of(word) > 1);
}

std::uint64_t GuestCore::examine_code(std::uint64_t page_va, std::uint64_t pa) {
  const unsigned el = current_el();
  CodeCopies& copies = engine_.code_copies();
  auto copy = copies.find(pa);
  const auto address = [&] { return copy ? copy->address : pa; };
  if (examined_pages_.note(page_va, pa, el)) return address();
  watch_unmaintained_code(page_va, pa);
  const std::uint8_t* const bytes = machine_.memory().at(pa);
  const bool replaced = copy.has_value();
  std::array<std::uint64_t, kMaxWatchesOfPage> sites{};
  std::size_t count = 0;
  const std::uint64_t cpacr = engine_.system(reg::CPACR_EL1);
  for (unsigned offset = 0; offset < 4096; offset += Retirement::kInstructionBytes) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes + offset, sizeof word);
    if (replaces(word)) {
      if (replaced) continue;
      if (!copy) copy = copies.make(pa, bytes);
      std::memcpy(copy->bytes + offset, &instruction::kSvc, sizeof instruction::kSvc);
    } else if (needs_watch(word, cpacr, el)) {
      if (count < sites.size()) sites[count] = page_va + offset;
      ++count;
    }
  }
  if (count > sites.size()) {
    watch(page_va, page_va + 4095);
  } else {
    for (std::size_t i = 0; i < count; ++i) watch(sites[i], sites[i]);
  }
  return address();
}

std::uint64_t GuestCore::fetched_from(std::uint64_t pa) const {
  const auto copy = engine_.code_copies().find(pa);
  return copy ? copy->address : pa;
}

void GuestCore::forget_code(std::uint64_t pa) {
  engine_.forget_code(fetched_from(pa), PhysicalMemory::kFrameSize);
  engine_.code_copies().forget(pa);
  examined_pages_.forget(pa);
}

void GuestCore::watch_unmaintained_code(std::uint64_t page_va, std::uint64_t pa) {
  constexpr unsigned kMaxRuns = 8;
  std::array<std::pair<unsigned, unsigned>, kMaxRuns> runs{};  // first line, number of lines
  unsigned count = 0;
  CodeMaintenance::LineSet lines = machine_.fetch_coherence().maintenance().unmaintained(pa);
  while (lines != 0) {
    if (count == kMaxRuns) return watch(page_va, page_va + 4095);
    const auto first = static_cast<unsigned>(std::countr_zero(lines));
    const auto length = static_cast<unsigned>(std::countr_one(lines >> first));
    runs[count++] = {first, length};
    lines = first + length < 64 ? lines >> (first + length) << (first + length) : 0;
  }
  for (unsigned n = 0; n < count; ++n) {
    const std::uint64_t start = page_va + runs[n].first * CodeMaintenance::kLine;
    watch(start, start + runs[n].second * CodeMaintenance::kLine - 1);
  }
}

void GuestCore::report_unmaintained_code(std::uint64_t va) {
  if ((va & ~std::uint64_t{4095}) != instruction_page_.va) return;
  const std::uint64_t pa = instruction_page_.pa + (va & 4095);
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
  // A guest that traps everywhere must not fill the engine with watches.
  if (watches_.size() >= kMaxWatches) {
    forget_watches_next_ = true;
    attention_ = 0;
  }
  uc_hook& hook = watches_[{first, last}];
  if (hook == 0) hook = engine_.watch(first, last, watch_function(), this);
}

void GuestCore::forget_watches() {
  for (const auto& [range, hook] : watches_) engine_.unwatch(hook);
  watches_.clear();
  forget_all_code();
}

void GuestCore::forget_all_code() {
  engine_.flush_code();
  engine_.code_copies().forget_all();
  refused_accesses_.forget_replacements();
  examined_pages_.forget_all();
  forget_translations();
}

// Inline: on the way out of a trap, each return costs as much as the rest of the function.
inline void GuestCore::on_watch(std::uint64_t va) {
  // Another watch of the instruction has led away from it.
  if (retirement_.discontinued()) return;
  if (exact_target_ != kNoTarget && retirement_.total_at(va) == exact_target_) {
    retirement_.stop_at(va);
    request(Stop::Resume);
    return;
  }
  const std::uint32_t word = instruction_at(va);
  report_unmaintained_code(va);
  const unsigned el = current_el();
  const auto stop = [&](Stop why) {
    retirement_.stop_at(va);
    request(why);
  };
  if (word == instruction::kEret && el == 1) {
    const std::uint64_t spsr = engine_.system(reg::SPSR_EL1);
    if ((spsr & kIllegal) != 0 || !is_legal_mode(spsr)) return stop(Stop::IllegalReturn);
    event_ = true;  // D1.6.1
    note_use_of_sp_el0();
  }
  if (is_fp(word)) {
    if (fp_traps_to_el1(engine_.system(reg::CPACR_EL1), el)) return stop(Stop::Undefined);
    if (traps_from(el, word)) return trap_instruction(word, va);
  }
  if (!is_system_access(word) && watch_stack(word, va, el)) return;
  if (checks_alignment() && refuse_unaligned(word, va)) return;
  note_idle_watch(word, el);
}

void GuestCore::note_idle_watch(std::uint32_t word, unsigned el) {
  // Lines that were reported, or maintained since, stay watched: to look at all code anew soon
  // costs less. Not at a steady rate, lest it find the same watches again and again.
  if (--watch_patience_ != 0) return;
  const bool idle = !needs_watch(word, engine_.system(reg::CPACR_EL1), el);
  if (idle) {
    forget_watches_next_ = true;
    attention_ = 0;
    next_patience_ *= 2;
  }
  watch_patience_ = next_patience_;
}

Engine::CodeHook GuestCore::watch_function() noexcept {
  return [](uc_engine*, std::uint64_t va, std::uint32_t, void* self) {
    static_cast<GuestCore*>(self)->on_watch(va);
  };
}

void GuestCore::take_illegal_return() {
  // D1.4.4: an illegal return retires, with PSTATE.IL set; so does a legal one of SPSR_EL1.IL. The
  // next instruction then is an exception, whatever it is.
  constexpr std::uint64_t kFlags = 0xf00003c0;
  const std::uint64_t pc = engine_.pc();
  const std::uint64_t spsr = engine_.system(reg::SPSR_EL1);
  const std::uint64_t mode = (is_legal_mode(spsr) ? spsr : engine_.pstate()) & 0xf;
  retirement_.begin_block(pc, 1);
  retirement_.close();
  engine_.set_pstate(static_cast<std::uint32_t>((spsr & kFlags) | kIllegal | mode));
  take_synchronous_to_el1(illegal_state_syndrome(), engine_.system(reg::ELR_EL1));
}

bool GuestCore::refuse_unaligned(std::uint32_t word, std::uint64_t va) {
  const unsigned alignment = alignment_of(word);
  if (alignment <= 1) return false;
  const std::uint64_t address = decode_memory_instruction(word)->address(
      [this](unsigned n) { return n == 31 ? engine_.sp() : engine_.x(n); }, va);
  if (address % alignment == 0) return false;
  retirement_.stop_at(va);
  refuse_as_unaligned();
  return true;
}

void GuestCore::control_alignment(std::uint64_t old, std::uint64_t now) {
  if (((old ^ now) & (kSctlrA | kSctlrSa | kSctlrSa0)) == 0) return;
  if (stacks_are_misaligned()) note_stack(1);
  forget_watches_next_ = true;
  attention_ = 0;
}

void GuestCore::control_fp(std::uint64_t old, std::uint64_t now) {
  // Code that was looked through while nothing trapped has no watches on FP instructions.
  if (fp_traps_to_el1(old, 0) || !fp_traps_to_el1(now, 0)) return;
  forget_watches_next_ = true;
  attention_ = 0;
}

}  // namespace axvm::sim::aarch64
