#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <hal-sim/trace/disassembler.hpp>
#include <hal-sim/trace/trace_difference.hpp>
#include <hal-sim/trace/trap_text.hpp>
#include <string_view>
#include <utility>
#include <vector>

namespace axvm::hal_sim {
namespace {

using Side = std::optional<TraceEvent>;

constexpr std::size_t kContext = 5;         // events shown before a difference
constexpr std::uint64_t kInstructions = 4;  // shown on each side of the one that trapped

std::string_view shown_name(const TraceEvent& event, std::string_view name, const TrapText& traps) {
  std::string_view shown;
  if (event.kind == "ExceptionInjected") shown = traps.injection_member(name);
  if (event.kind == "TrapTaken") shown = traps.trap_member(name);
  return shown.empty() ? name : shown;
}

// The rows of a table: a name and both values.
class Rows {
 public:
  Rows(const std::string& a, const std::string& b) { add("", a, b); }

  void add(std::string_view name, std::string a, std::string b) {
    rows_.push_back({std::string(name), std::move(a), std::move(b)});
  }
  [[nodiscard]] std::string text() const {
    std::array<std::size_t, 2> widths{};
    for (const auto& row : rows_) {
      for (std::size_t n = 0; n < 2; ++n) widths[n] = std::max(widths[n], row[n].size());
    }
    std::string text;
    for (const auto& [name, a, b] : rows_) {
      text += fmt::format("  {:<{}}  {:<{}}  {}\n", name, widths[0], a, widths[1], b);
    }
    return text;
  }

 private:
  std::vector<std::array<std::string, 3>> rows_;
};

std::string field_text(const SyndromeField* field) {
  if (field == nullptr) return "-";
  if (field->meaning.empty()) return fmt::format("{:#x}", field->value);
  return fmt::format("{:#x} ({})", field->value, field->meaning);
}

// The fields of ESR that differ; one that only one of both has is "-" in the other.
void add_syndrome(std::string_view register_name, const TrapText& traps, std::uint64_t a,
                  std::uint64_t b, Rows& rows) {
  const auto ours = traps.syndrome_fields(a);
  const auto theirs = traps.syndrome_fields(b);
  const auto find = [](const auto& fields, std::string_view name) {
    const auto found = std::ranges::find(fields, name, &SyndromeField::name);
    return found == fields.end() ? nullptr : &*found;
  };
  const auto row = [&](std::string_view name) {
    const std::string in_a = field_text(find(ours, name));
    const std::string in_b = field_text(find(theirs, name));
    if (in_a != in_b) rows.add(fmt::format("{}.{}", register_name, name), in_a, in_b);
  };
  for (const auto& field : ours) row(field.name);
  for (const auto& field : theirs) {
    if (find(ours, field.name) == nullptr) row(field.name);
  }
}

void add_field(const TraceEvent& event, std::string_view name, const TraceValue& a,
               const TraceValue& b, const TrapText& traps, Rows& rows) {
  const std::string_view shown = shown_name(event, name, traps);
  const auto* const list_a = std::get_if<std::vector<std::uint64_t>>(&a);
  const auto* const list_b = std::get_if<std::vector<std::uint64_t>>(&b);
  if (list_a != nullptr && list_b != nullptr && list_a->size() == list_b->size()) {
    for (std::size_t n = 0; n < list_a->size(); ++n) {
      if ((*list_a)[n] == (*list_b)[n]) continue;
      const std::string element =
          name == "registers" ? traps.general_register(n) : fmt::format("{}[{}]", shown, n);
      rows.add(element, fmt::format("{:#x}", (*list_a)[n]), fmt::format("{:#x}", (*list_b)[n]));
    }
    return;
  }
  rows.add(shown, value_text(a), value_text(b));
  const auto* const number_a = std::get_if<std::uint64_t>(&a);
  const auto* const number_b = std::get_if<std::uint64_t>(&b);
  if (name == "syndrome" && number_a != nullptr && number_b != nullptr) {
    add_syndrome(shown, traps, *number_a, *number_b, rows);
  }
}

// Both sides, whichever of them there are.
std::string table(const std::string& name_a, const Side& a, const std::string& name_b,
                  const Side& b, const TrapText& traps) {
  Rows rows(fmt::format("{}:{}", name_a, a ? std::to_string(a->line) : "end"),
            fmt::format("{}:{}", name_b, b ? std::to_string(b->line) : "end"));
  if (!a || !b || a->kind != b->kind) {
    rows.add("event", a ? event_text(*a, traps) : "(the end)",
             b ? event_text(*b, traps) : "(the end)");
    return rows.text();
  }
  for (const TraceField& field : a->fields) {
    const TraceValue* const other = b->find(field.name);
    if (other == nullptr) {
      rows.add(shown_name(*a, field.name, traps), value_text(field.value), "-");
    } else if (field.value != *other) {
      add_field(*a, field.name, field.value, *other, traps, rows);
    }
  }
  return rows.text();
}

// Before the one that trapped, as many as have a known length: none where that varies.
std::string code_text(const TraceEvent& trap, const CodeReader& code, Isa isa,
                      const Disassembler& disassembler) {
  const std::uint64_t at = trap_text(isa).trapped_instruction(trap_of(trap));
  const std::uint64_t vm = trap.number("vm");
  const std::uint64_t before = isa == Isa::Aarch64 ? kInstructions : 0;
  std::string text;
  std::uint64_t address = at - 4 * before;
  for (std::uint64_t n = 0; n <= before + kInstructions; ++n) {
    const auto word = code(vm, address);
    if (word) {
      text += fmt::format("  {} {:#x}: {}\n", address == at ? '>' : ' ', address,
                          disassembler.instruction(address, *word));
    }
    address += word ? instruction_bytes(isa, *word) : 4;
  }
  if (text.empty()) return fmt::format("code at {:#x} is in no image\n", at);
  return "instructions around:\n" + text;
}

// The instructions of the trap on either side; of both when they are at different places.
std::string code_text(const Side& a, const Side& b, const CodeReader& code, Isa isa) {
  const Disassembler disassembler(isa);
  std::string text;
  for (const Side* side : {&a, &b}) {
    if (!*side || (*side)->kind != "TrapTaken") continue;
    const std::string around = code_text(**side, code, isa, disassembler);
    if (around != text) text += around;
  }
  return text;
}

}  // namespace

std::string event_text(const TraceEvent& event, const TrapText& traps) {
  std::string text = event.kind;
  if (const TrapTaken trap = trap_of(event);
      event.kind == "TrapTaken" && !traps.is_interrupt(trap)) {
    text += fmt::format(", {}", traps.name(trap));
  }
  for (const TraceField& field : event.fields) {
    if (field.name == "registers" || field.name == "cause") continue;
    if (field.name == "instruction" && event.number(field.name) == 0) continue;
    text += fmt::format(" {}={}", shown_name(event, field.name, traps), value_text(field.value));
  }
  return text;
}

std::expected<TraceComparison, std::string> compare_traces(TraceReader& a, TraceReader& b,
                                                           const CodeReader& code,
                                                           const PermittedDifference& permitted,
                                                           const PermittedAbsence& absent) {
  TraceComparison result;
  const TrapText& traps = trap_text(a.isa());
  std::deque<std::string> last;
  std::optional<TraceEvent> last_trap;
  const TraceReader* fuller = nullptr;  // the one that has what the other lacks
  auto in_a = a.next();
  auto in_b = b.next();
  const auto passes = [&](const TraceReader& side, const Side& event) {
    if (!absent || !event || !absent(*event) || (fuller != nullptr && fuller != &side))
      return false;
    fuller = &side;
    ++result.absent;
    return true;
  };
  for (;;) {
    if (!in_a) return std::unexpected(in_a.error());
    if (!in_b) return std::unexpected(in_b.error());
    if (!*in_a && !*in_b) return result;
    const bool both = *in_a && *in_b;
    const bool same = both && (*in_a)->kind == (*in_b)->kind && (*in_a)->fields == (*in_b)->fields;
    if (same || (both && permitted && permitted(**in_a, **in_b))) {
      ++result.agreed;
      if (!same) ++result.permitted;
      last.push_back(fmt::format("  {} {}\n", result.agreed, event_text(**in_a, traps)));
      if (last.size() > kContext) last.pop_front();
      if ((*in_a)->kind == "TrapTaken") last_trap = std::move(*in_a);
      in_a = a.next();
      in_b = b.next();
      continue;
    }
    if (passes(a, *in_a)) {
      in_a = a.next();
      continue;
    }
    if (passes(b, *in_b)) {
      in_b = b.next();
      continue;
    }
    result.difference = fmt::format("event {} differs:\n", result.agreed + 1);
    result.difference += table(a.name(), *in_a, b.name(), *in_b, traps);
    if (code) {
      std::string around = code_text(*in_a, *in_b, code, a.isa());
      // What follows a trap is told by where that was.
      if (around.empty() && last_trap) around = code_text(last_trap, std::nullopt, code, a.isa());
      result.difference += around;
    }
    if (!last.empty()) result.difference += "the last events that agree:\n";
    for (const std::string& line : last) result.difference += line;
    return result;
  }
}

}  // namespace axvm::hal_sim
