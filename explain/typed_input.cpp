#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <explain/registers.hpp>
#include <explain/typed_input.hpp>
#include <hal-sim/config/nearest_name.hpp>
#include <hal-sim/config/size_text.hpp>
#include <hal-sim/config/toml_file.hpp>

namespace axvm::explain {

namespace {

using hal_sim::FieldReader;
using hal_sim::Isa;
using hal_sim::ReadContext;

constexpr std::string_view kMemory = "memory";

std::optional<Isa> isa_of(std::string_view name) {
  if (std::ranges::find(aarch64::typed_register_names(), name) !=
      aarch64::typed_register_names().end()) {
    return Isa::Aarch64;
  }
  if (std::ranges::find(riscv64::typed_register_names(), name) !=
      riscv64::typed_register_names().end()) {
    return Isa::Riscv64;
  }
  return std::nullopt;
}

std::string_view nearest(std::string_view name) {
  std::vector<std::string_view> names{kMemory};
  for (const auto known : {aarch64::typed_register_names(), riscv64::typed_register_names()}) {
    names.insert(names.end(), known.begin(), known.end());
  }
  return hal_sim::nearest_name(name, names);
}

template <class Registers>
void set_one(TypedInput& input, std::string_view name, std::uint64_t value) {
  if (!std::holds_alternative<Registers>(input.registers)) input.registers.emplace<Registers>();
  set_register(std::get<Registers>(input.registers), name, value);
}

// A register's value: an integer, or text for what TOML's integers do not reach.
std::optional<std::uint64_t> value_of(const toml::node& node) {
  if (const auto* integer = node.as_integer()) {
    if (integer->get() < 0) return std::nullopt;
    return static_cast<std::uint64_t>(integer->get());
  }
  if (const auto* text = node.as_string()) return hal_sim::parse_number(text->get());
  return std::nullopt;
}

constexpr std::string_view kNumber = "an integer, or text such as \"0x8000000000000000\"";

std::vector<std::uint64_t> read_words(ReadContext& context, const toml::node& row,
                                      const std::string& key) {
  std::vector<std::uint64_t> words;
  const toml::table* const table = row.as_table();
  const toml::array* const list = table != nullptr ? (*table)["words"].as_array() : nullptr;
  if (list == nullptr) return words;
  if (list->empty()) {
    context.error(FieldReader::location_of(*list), key + ".words", "is empty", "at least one word");
  }
  for (const toml::node& node : *list) {
    const auto value = value_of(node);
    if (!value) {
      context.error(FieldReader::location_of(node), key + ".words", "is no 64-bit number",
                    std::string(kNumber));
      return words;
    }
    words.push_back(*value);
  }
  return words;
}

void read_memory(ReadContext& context, const toml::table& root, TypedInput& input) {
  static constexpr std::array<std::string_view, 2> kNames = {"file", "address"};
  FieldReader reader(context, root, "");
  reader.rows(kMemory, false, [&](const toml::node& row, const std::string& key) {
    const hal_sim::Location at = FieldReader::location_of(row);
    const bool typed_in = row.is_table() && row.as_table()->contains("words");
    FieldReader fields(context, row, key, kNames);
    MemoryDump dump{.address = fields.required_integer("address")};
    if (typed_in) {
      fields.rows("words", true, [](const toml::node&, const std::string&) {});
      dump.words = read_words(context, row, key);
      if (dump.address % 8 != 0) context.error(at, key, "address is no multiple of 8");
    } else {
      dump.file = fields.required_string("file");
    }
    fields.finish();
    input.dumps.push_back(std::move(dump));
  });
}

TypedInput read_registers(ReadContext& context, const toml::table& root) {
  TypedInput input;
  for (const auto& [key, node] : root) {
    const std::string_view name = key.str();
    if (name == kMemory) continue;
    const hal_sim::Location at = FieldReader::location_of(node);
    const auto value = value_of(node);
    if (!value) {
      context.error(at, std::string(name), "is no 64-bit number", std::string(kNumber));
      continue;
    }
    if (const auto set = set_register(input, name, *value); !set) {
      context.error(at, std::string(name), set.error());
    }
  }
  read_memory(context, root, input);
  return input;
}

}  // namespace

std::optional<Isa> TypedInput::isa() const noexcept {
  if (std::holds_alternative<aarch64::TypedRegisters>(registers)) return Isa::Aarch64;
  if (std::holds_alternative<riscv64::TypedRegisters>(registers)) return Isa::Riscv64;
  return std::nullopt;
}

std::expected<void, std::string> set_register(TypedInput& input, std::string_view name,
                                              std::uint64_t value) {
  const Register* const found = find_register(name);
  const std::string_view full = found != nullptr ? found->name : name;
  const auto isa = isa_of(full);
  if (!isa) {
    std::string text = "is no register that translation depends on";
    if (const std::string_view near = nearest(name); !near.empty()) {
      text += fmt::format(", expected perhaps {}", near);
    }
    return std::unexpected(std::move(text));
  }
  if (const auto others = input.isa(); others && *others != *isa) {
    return std::unexpected(fmt::format("is of {}, expected one of {}, as others are",
                                       to_string(*isa), to_string(*others)));
  }
  if (*isa == Isa::Aarch64) {
    set_one<aarch64::TypedRegisters>(input, full, value);
  } else {
    set_one<riscv64::TypedRegisters>(input, full, value);
  }
  return {};
}

std::expected<TypedInput, std::vector<hal_sim::Diagnostic>> parse_registers(
    const std::string& name, const std::string& text) {
  hal_sim::Diagnostics diagnostics;
  hal_sim::Locations locations;
  ReadContext context{name, diagnostics, locations};
  const auto root = hal_sim::parse_toml(context, text);
  TypedInput input;
  if (root) input = read_registers(context, *root);
  if (!diagnostics.errors.empty()) return std::unexpected(std::move(diagnostics.errors));
  return input;
}

std::expected<TypedInput, std::vector<hal_sim::Diagnostic>> load_registers(
    const std::filesystem::path& file) {
  auto input = hal_sim::load_toml(file, "registers in TOML",
                                  [](ReadContext& context, const toml::table& root,
                                     const std::string&) { return read_registers(context, root); });
  if (!input) return input;
  for (MemoryDump& dump : input->dumps) {
    if (dump.words.empty()) dump.file = (file.parent_path() / dump.file).string();
  }
  return input;
}

std::optional<MemoryDump> parse_dump(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  const auto address = hal_sim::parse_number(text.substr(at + 1));
  if (!address) return std::nullopt;
  return MemoryDump{.file = std::string(text.substr(0, at)), .address = *address};
}

}  // namespace axvm::explain
