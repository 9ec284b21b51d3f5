#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <explain/aarch64/typed_registers.hpp>
#include <explain/registers.hpp>
#include <hal-sim/config/nearest_name.hpp>
#include <hal-sim/config/size_text.hpp>
#include <hal-sim/config/toml_file.hpp>

namespace axvm::explain::aarch64 {

namespace {

using hal_sim::FieldReader;
using hal_sim::ReadContext;
using sim::aarch64::Features;
using sim::aarch64::Registers;

struct Known {
  std::string_view name;
  std::uint64_t Registers::* member;
};

constexpr auto kKnown = std::to_array<Known>({
    {"HCR_EL2", &Registers::hcr_el2},
    {"MAIR_EL1", &Registers::mair_el1},
    {"SCTLR_EL1", &Registers::sctlr_el1},
    {"TCR_EL1", &Registers::tcr_el1},
    {"TTBR0_EL1", &Registers::ttbr0_el1},
    {"TTBR1_EL1", &Registers::ttbr1_el1},
    {"VTCR_EL2", &Registers::vtcr_el2},
    {"VTTBR_EL2", &Registers::vttbr_el2},
});
constexpr std::string_view kMmfr0 = "ID_AA64MMFR0_EL1";
constexpr std::string_view kMmfr1 = "ID_AA64MMFR1_EL1";
constexpr std::string_view kMemory = "memory";

std::string_view nearest(std::string_view name) {
  std::vector<std::string_view> names{kMmfr0, kMmfr1, kMemory};
  for (const Known& known : kKnown) names.push_back(known.name);
  return hal_sim::nearest_name(name, names);
}

void set_features(Features& features, std::string_view name, std::uint64_t value) {
  if (name == kMmfr0) {
    constexpr std::array<unsigned, 16> kBits = {32, 36, 40, 42, 44, 48, 48, 48,
                                                48, 48, 48, 48, 48, 48, 48, 48};
    features.pa_bits = kBits.at(value & 15);
  } else {
    features.hierarchical_disable = (value >> 12 & 15) != 0;
    features.vmid16 = (value >> 4 & 15) != 0;
  }
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

void read_memory(ReadContext& context, const toml::table& root, TypedRegisters& typed) {
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
    typed.dumps.push_back(std::move(dump));
  });
}

TypedRegisters read_registers(ReadContext& context, const toml::table& root) {
  TypedRegisters typed;
  for (const auto& [key, node] : root) {
    const std::string_view name = key.str();
    if (name == kMemory) continue;
    const hal_sim::Location at = FieldReader::location_of(node);
    const auto value = value_of(node);
    if (!value) {
      context.error(at, std::string(name), "is no 64-bit number", std::string(kNumber));
      continue;
    }
    if (const auto set = set_register(typed, name, *value); !set) {
      context.error(at, std::string(name), set.error());
    }
  }
  read_memory(context, root, typed);
  return typed;
}

}  // namespace

std::expected<void, std::string> set_register(TypedRegisters& typed, std::string_view name,
                                              std::uint64_t value) {
  const Register* const found = find_register(name);
  const std::string_view full = found != nullptr ? found->name : name;
  if (full == kMmfr0 || full == kMmfr1) {
    set_features(typed.features, full, value);
    return {};
  }
  const auto* const known = std::ranges::find(kKnown, full, &Known::name);
  if (known != kKnown.end()) {
    typed.registers.*known->member = value;
    return {};
  }
  std::string text = "is no register that translation depends on";
  if (const std::string_view near = nearest(name); !near.empty()) {
    text += fmt::format(", expected perhaps {}", near);
  }
  return std::unexpected(std::move(text));
}

std::expected<TypedRegisters, std::vector<hal_sim::Diagnostic>> parse_registers(
    const std::string& name, const std::string& text) {
  hal_sim::Diagnostics diagnostics;
  hal_sim::Locations locations;
  ReadContext context{name, diagnostics, locations};
  const auto root = hal_sim::parse_toml(context, text);
  TypedRegisters typed;
  if (root) typed = read_registers(context, *root);
  if (!diagnostics.errors.empty()) return std::unexpected(std::move(diagnostics.errors));
  return typed;
}

std::expected<TypedRegisters, std::vector<hal_sim::Diagnostic>> load_registers(
    const std::filesystem::path& file) {
  auto typed = hal_sim::load_toml(file, "registers in TOML",
                                  [](ReadContext& context, const toml::table& root,
                                     const std::string&) { return read_registers(context, root); });
  if (!typed) return typed;
  for (MemoryDump& dump : typed->dumps) {
    if (dump.words.empty()) dump.file = (file.parent_path() / dump.file).string();
  }
  return typed;
}

std::optional<MemoryDump> parse_dump(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  const auto address = hal_sim::parse_number(text.substr(at + 1));
  if (!address) return std::nullopt;
  return MemoryDump{.file = std::string(text.substr(0, at)), .address = *address};
}

std::string unsupported(const TypedRegisters& typed) {
  const Registers& r = typed.registers;
  constexpr std::string_view kOnly = "only the 4 KiB granule with 48 bits can be walked";
  const bool host = (r.hcr_el2 >> 34 & 1) != 0 && (r.hcr_el2 >> 27 & 1) != 0;
  if (host) {
    return "HCR_EL2.E2H and TGE are set: only the translation of EL1 and EL0 under EL2 can be "
           "walked";
  }
  if ((r.sctlr_el1 & 1) != 0) {
    if ((r.tcr_el1 >> 14 & 3) != 0) return fmt::format("TCR_EL1.TG0 is not 4 KiB: {}", kOnly);
    // With EPD1 nobody looks at TG1.
    if ((r.tcr_el1 >> 23 & 1) == 0 && (r.tcr_el1 >> 30 & 3) != 2) {
      return fmt::format("TCR_EL1.TG1 is not 4 KiB: {}", kOnly);
    }
    if ((r.tcr_el1 >> 59 & 1) != 0) return fmt::format("TCR_EL1.DS is set: {}", kOnly);
  }
  if ((r.hcr_el2 & 1) != 0) {
    if ((r.vtcr_el2 >> 14 & 3) != 0) return fmt::format("VTCR_EL2.TG0 is not 4 KiB: {}", kOnly);
    if ((r.vtcr_el2 >> 32 & 1) != 0) return fmt::format("VTCR_EL2.DS is set: {}", kOnly);
    if ((r.vtcr_el2 >> 38 & 1) != 0) {
      return "VTCR_EL2.D128 is set: only descriptors of 64 bits can be walked";
    }
    if ((r.vtcr_el2 >> 36 & 1) != 0) {
      return "VTCR_EL2.S2PIE is set: only direct permissions of stage 2 can be walked";
    }
    if ((r.hcr_el2 >> 46 & 1) != 0) {
      return "HCR_EL2.FWB is set: only stage-2 memory types without it are known";
    }
  }
  return {};
}

}  // namespace axvm::explain::aarch64
