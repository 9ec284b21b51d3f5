#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <axvm/event_fields.hpp>
#include <charconv>
#include <hal-sim/trace/trace_reader.hpp>
#include <hal-sim/trace/trap_text.hpp>
#include <nlohmann/json.hpp>
#include <span>
#include <system_error>

namespace axvm::hal_sim {
namespace {

using Json = nlohmann::json;

// The names of an event's members, from the core's own list of them.
class NameList {
 public:
  void text(std::string_view name, std::string_view value) {
    if (name == "event") {
      kind = value;
    } else {
      names.emplace_back(name);
    }
  }
  void number(std::string_view name, std::uint64_t) { names.emplace_back(name); }
  void hex(std::string_view name, std::uint64_t) { names.emplace_back(name); }
  void hex_list(std::string_view name, std::span<const std::uint64_t>) { names.emplace_back(name); }
  void flag(std::string_view name, bool) { names.emplace_back(name); }

  std::string kind;
  std::vector<std::string> names;
};

template <class... E>
std::array<NameList, sizeof...(E)> lists_of(std::variant<E...>*) {
  std::array<NameList, sizeof...(E)> lists;
  std::size_t n = 0;
  (write_fields(Event(E{}), lists[n++]), ...);
  return lists;
}

const NameList* names_of(std::string_view kind) {
  static const auto kLists = lists_of(static_cast<Event*>(nullptr));
  const auto* found = std::ranges::find(kLists, kind, &NameList::kind);
  return found == kLists.end() ? nullptr : found;
}

std::optional<std::uint64_t> hexadecimal(const std::string& text) {
  if (!text.starts_with("0x") || text.size() == 2) return std::nullopt;
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data() + 2, end, value, 16);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> number_of(const Json& json) {
  if (json.is_number_unsigned()) return json.get<std::uint64_t>();
  return json.is_string() ? hexadecimal(json.get_ref<const std::string&>()) : std::nullopt;
}

std::optional<TraceValue> value_of(const Json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (const auto number = number_of(json)) return *number;
  if (json.is_string()) return json.get<std::string>();
  if (!json.is_array()) return std::nullopt;
  std::vector<std::uint64_t> list;
  for (const Json& element : json) {
    const auto number = number_of(element);
    if (!number) return std::nullopt;
    list.push_back(*number);
  }
  return list;
}

bool is_compared(const Json& event, std::string_view name) {
  if (name == "hpa") return false;
  const auto of_vcpu = event.find("of_vcpu");
  return name != "vcpu" || of_vcpu == event.end() || *of_vcpu != false;
}

bool is_due_to_time(const TraceEvent& event, const TrapText& traps) {
  if (event.kind != "TrapTaken") return false;
  const TrapTaken trap = trap_of(event);
  return traps.is_interrupt(trap) || traps.is_wait(trap);
}

// Hardware may leave htinst 0 where it would be the instruction transformed, whose bit 0 is set
// (Privileged ISA, "Transformed Instruction or Pseudoinstruction for mtinst or htinst").
void forget_transformed(TraceEvent& event) {
  const auto found = std::ranges::find(event.fields, "instruction", &TraceField::name);
  if (found != event.fields.end() && (event.number("instruction") & 1) != 0) {
    found->value = std::uint64_t{0};
  }
}

// SBI's calls whose argument is a time.
bool is_timers(const TraceEvent& event) {
  const TraceValue* const name = event.find("name");
  return event.kind == "FirmwareCall" && name != nullptr &&
         (*name == TraceValue(std::string("sbi_set_timer")) ||
          *name == TraceValue(std::string("sbi_legacy_set_timer")));
}

void forget_times(TraceEvent& event) {
  const bool timers = is_timers(event);
  std::erase_if(event.fields, [timers](const TraceField& field) {
    return field.name == "registers" || field.name == "saved_state" ||
           (timers && field.name == "arguments");
  });
}

std::string kind_of(const Json& json) {
  const auto kind = json.find("event");
  return kind != json.end() && kind->is_string() ? kind->get<std::string>() : std::string();
}

struct ValueText {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::uint64_t value) const { return fmt::format("{:#x}", value); }
  std::string operator()(const std::string& value) const { return value.empty() ? "none" : value; }
  std::string operator()(const std::vector<std::uint64_t>& list) const {
    std::string text;
    for (const std::uint64_t value : list) {
      text += fmt::format("{}{:#x}", text.empty() ? "" : " ", value);
    }
    return text;
  }
};

}  // namespace

std::string value_text(const TraceValue& value) { return std::visit(ValueText{}, value); }

const TraceValue* TraceEvent::find(std::string_view name) const {
  const auto found = std::ranges::find(fields, name, &TraceField::name);
  return found == fields.end() ? nullptr : &found->value;
}

std::uint64_t TraceEvent::number(std::string_view name) const {
  const TraceValue* const value = find(name);
  const auto* const number = value != nullptr ? std::get_if<std::uint64_t>(value) : nullptr;
  return number != nullptr ? *number : 0;
}

TrapTaken trap_of(const TraceEvent& event) {
  TrapTaken trap;
  trap.vm = VmId(static_cast<std::uint32_t>(event.number("vm")));
  trap.vcpu = VcpuId(static_cast<std::uint32_t>(event.number("vcpu")));
  trap.cause = event.number("cause");
  trap.syndrome = event.number("syndrome");
  trap.fault_address = event.number("fault_address");
  trap.fault_gpa = event.number("fault_gpa");
  trap.return_address = event.number("return_address");
  trap.saved_state = event.number("saved_state");
  trap.instruction = event.number("instruction");
  return trap;
}

TraceReader::TraceReader(std::string name, std::istream& input, TraceContent content,
                         std::optional<std::uint32_t> vm)
    : name_(std::move(name)), input_(input), content_(content), vm_(vm) {
  std::string text;
  if (!std::getline(input_, text)) return;
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_object() && kind_of(json) == "Machine") {
    ++line_;
    const auto isa = json.find("isa");
    if (isa != json.end() && isa->is_string()) {
      named_isa_ = isa_named(isa->get_ref<const std::string&>());
    }
  } else {
    first_line_ = std::move(text);
  }
}

bool TraceReader::next_line(std::string& text) {
  if (first_line_) {
    text = *std::exchange(first_line_, std::nullopt);
  } else if (!std::getline(input_, text)) {
    return false;
  }
  ++line_;
  return true;
}

std::unexpected<std::string> TraceReader::wrong(std::string_view what) const {
  return std::unexpected(fmt::format("{}:{}: {}", name_, line_, what));
}

std::expected<std::optional<TraceEvent>, std::string> TraceReader::next_of_any_time() {
  std::string text;
  while (next_line(text)) {
    if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return wrong("is no JSON object");
    TraceEvent event{line_, kind_of(json), {}};
    if (event.kind.empty()) {
      return wrong("has no \"event\" with a name");
    }
    const NameList* const list = names_of(event.kind);
    if (list == nullptr || json.value("host", Json()) == true) continue;
    for (const std::string& name : list->names) {
      if (!is_compared(json, name)) continue;
      const auto member = json.find(name);
      auto value = member != json.end() ? value_of(*member) : std::nullopt;
      if (!value) {
        return wrong(fmt::format("{} has no {}", event.kind, name));
      }
      event.fields.push_back({name, std::move(*value)});
    }
    if (content_ != TraceContent::Everything) forget_transformed(event);
    if (vm_ && event.number("vm") != *vm_) continue;
    if (content_ == TraceContent::UpToTime) {
      if (is_due_to_time(event, trap_text(isa()))) continue;
      forget_times(event);
    }
    return event;
  }
  if (input_.bad()) return std::unexpected(name_ + ": cannot be read to its end");
  return std::nullopt;
}

std::expected<std::optional<TraceEvent>, std::string> TraceReader::next() {
  for (;;) {
    auto event = next_of_any_time();
    if (!event) return event;
    if (begun_ || (*event && (*event)->kind == "TrapTaken")) {
      begun_ = true;
      return event;
    }
    if (!*event) return std::unexpected(name_ + ": has no trap");
  }
}

}  // namespace axvm::hal_sim
