#include <doctest/doctest.h>

#include <tests/support/temporary_folder.hpp>

#include "config_text.hpp"

using namespace axvm;
using namespace axvm::hal_sim;
using namespace axvm::hal_sim::test;

namespace {

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("config_from_toml_error_handling: a syntax error names its place") {
  CHECK(errors_of("[base\nid = 1\n").front().starts_with("vm.toml:1:6: "));
}

TEST_CASE("a wrong type names the key, what it is and what it should be") {
  CHECK(errors_of(replaced(kValid, "cpu_num = 1", "cpu_num = \"two\"")) ==
        Lines{"vm.toml:5:11: base.cpu_num: is \"two\", expected an integer from 1 to 64"});
  CHECK(errors_of(replaced(kValid, "\"guest.bin\"", "7")) ==
        Lines{"vm.toml:9:15: kernel.kernel_path: is 7, expected a string"});
  CHECK(errors_of(replaced(kValid, "0x7, 0]]", "-1, 0]]")) ==
        Lines{"vm.toml:11:45: kernel.memory_regions[0].flags: is -1, expected an integer of at "
              "least 0"});
}

TEST_CASE("a missing key is reported at its table") {
  CHECK(errors_of(replaced(kValid, "kernel_path = \"guest.bin\"\n", "")) ==
        Lines{"vm.toml:7:1: kernel.kernel_path: is missing, expected a string"});
  CHECK(errors_of(replaced(kValid, "[[0x4000_0000, 0x100_0000, 0x7, 0]]",
                           "[[0x4000_0000, 0x100_0000, 0x7]]")) ==
        Lines{"vm.toml:11:19: kernel.memory_regions[0].map_type: is missing, expected an integer"});
}

TEST_CASE("a missing table is reported at the file's beginning") {
  CHECK(errors_of("") == Lines{"vm.toml:1:1: base: is missing, expected a table",
                               "vm.toml:1:1: kernel: is missing, expected a table",
                               "vm.toml:1:1: devices: is missing, expected a table"});
}

TEST_CASE("an unknown key is an error that names the nearest one") {
  CHECK(errors_of(replaced(kValid, "cpu_num = 1\n", "cpu_num = 1\nphys_cpu_id = [0]\n")) ==
        Lines{"vm.toml:6:1: base.phys_cpu_id: is an unknown key, expected perhaps "
              "\"phys_cpu_ids\""});
  CHECK(errors_of(kValid + "[simm]\npcpus = 1\n") ==
        Lines{"vm.toml:16:2: simm: is an unknown table, expected perhaps \"sim\""});
  CHECK(errors_of(kValid + "[sim]\nquantum = 1\n") ==
        Lines{"vm.toml:17:1: sim.quantum: is an unknown key"});
}

TEST_CASE("several mistakes are reported together, in the order of the file") {
  std::string text = replaced(kValid, "id = 1", "id = 256");
  text = replaced(text, "kernel_path", "kernel_pathh");
  CHECK(errors_of(text) ==
        Lines{"vm.toml:2:6: base.id: is 256, expected an integer from 1 to 255",
              "vm.toml:7:1: kernel.kernel_path: is missing, expected a string",
              "vm.toml:9:1: kernel.kernel_pathh: is an unknown key, expected perhaps "
              "\"kernel_path\""});
}

TEST_CASE("a row with too many elements is refused") {
  CHECK(errors_of(replaced(kValid, "0x7, 0]]", "0x7, 0, 1]]")) ==
        Lines{"vm.toml:11:53: kernel.memory_regions[0]: has 5 elements, expected at most 4"});
}

TEST_CASE("a row of the wrong kind is reported once") {
  CHECK(errors_of(replaced(kValid, "[[0x4000_0000, 0x100_0000, 0x7, 0]]", "[5]")) ==
        Lines{"vm.toml:11:19: kernel.memory_regions[0]: is 5, expected an array or an inline "
              "table"});
}

TEST_CASE("guests may reset their VMs as often as they like unless [sim] has a limit") {
  const auto config = parse_config({{"vm.toml", kValid + "[sim]\npcpus = 1\n"}});
  REQUIRE(config.has_value());
  CHECK_FALSE(config->sim.max_resets.has_value());
  const auto none = parse_config({{"vm.toml", kValid + "[sim]\nmax_resets = 0\n"}});
  REQUIRE(none.has_value());
  CHECK(none->sim.max_resets == 0);
}

TEST_CASE("[sim] describes the machine") {
  const auto config = parse_config({{"vm.toml", kValid + R"([sim]
memory = "256M"
memory_base = 0x8000_0000
pcpus = 3
turn_instructions = 5000
max_resets = 7
tlb_entries = 64
)"}});
  REQUIRE(config.has_value());
  CHECK(config->sim.max_resets == 7);
  CHECK(config->sim.turn_instructions == 5000);
  CHECK(config->sim.tlb_entries == 64);
  CHECK(plan_pcpus(*config) == 3);
  CHECK(plan_memory(*config) == std::vector<MemoryBank>{{0x8000'0000, 256ULL << 20}});
}

TEST_CASE("[sim] values are checked") {
  CHECK(errors_of(kValid + "[sim]\nmemory = \"lots\"\n") ==
        Lines{"vm.toml:17:10: sim.memory: is \"lots\", expected a number of bytes or a size such "
              "as \"64M\""});
  CHECK(errors_of(kValid + "[sim]\nmemory = \"1K\"\n") ==
        Lines{"vm.toml:17:10: sim.memory: is \"1K\", expected a size from 1 MiB to 1 TiB"});
  CHECK(errors_of(kValid + "[sim]\nmemory_base = 1\n") ==
        Lines{"vm.toml:17:15: sim.memory_base: is 0x1, expected a multiple of 4096"});
  CHECK(errors_of(kValid + "[sim]\ntlb_entries = 63\n") ==
        Lines{"vm.toml:17:15: sim.tlb_entries: is 63, expected an integer from 64 to 16777216"});
  CHECK(errors_of(kValid + "[sim]\npcpus = 65\n") ==
        Lines{"vm.toml:17:9: sim.pcpus: is 65, expected an integer from 1 to 64"});
}

TEST_CASE("[sim] names the G-stage's modes that RISC-V's harts have, all by default") {
  const std::string board = kValid + "[sim]\narch = \"riscv64\"\n";
  const auto modes_of = [](const std::string& text) {
    const auto config = parse_config({{"vm.toml", text}});
    return config ? config->sim.g_stage_modes : 0;
  };
  CHECK(modes_of(board) == 0x700);
  CHECK(modes_of(board + "g_stage_modes = [\"sv39x4\"]\n") == 0x100);
  CHECK(modes_of(board + "g_stage_modes = [\"sv57x4\", \"sv48x4\"]\n") == 0x600);
  CHECK(errors_of(board + "g_stage_modes = [\"sv48x4\", \"sv48\"]\n") ==
        Lines{"vm.toml:18:28: sim.g_stage_modes[1]: is \"sv48\", expected one of \"sv39x4\", "
              "\"sv48x4\", \"sv57x4\""});
  CHECK(errors_of(board + "g_stage_modes = []\n") ==
        Lines{"vm.toml:18:17: sim.g_stage_modes: is an array, expected at least one element"});
  CHECK(errors_of(board + "g_stage_modes = \"sv39x4\"\n") ==
        Lines{"vm.toml:18:17: sim.g_stage_modes: is \"sv39x4\", expected an array"});
  CHECK(errors_of(kValid + "[sim]\ng_stage_modes = [\"sv39x4\"]\n") ==
        Lines{"vm.toml:17:17: sim.g_stage_modes: is given for aarch64, expected arch = "
              "\"riscv64\""});
}

TEST_CASE("[sim] may stand in several files that agree") {
  const std::string second = replaced(kValid, "id = 1", "id = 2");
  const auto config = parse_config({{"a.toml", kValid + "[sim]\nmax_resets = 0\n"},
                                    {"b.toml", second + "[sim]\nmax_resets = 0x0\n"}});
  REQUIRE(config.has_value());
  CHECK(config->sim.max_resets == 0);
}

TEST_CASE("[sim] is one machine, and ids differ") {
  const auto config =
      parse_config({{"a.toml", kValid + "[sim]\n"}, {"b.toml", kValid + "[sim]\npcpus = 1\n"}});
  REQUIRE_FALSE(config.has_value());
  Lines lines;
  for (const Diagnostic& error : config.error()) lines.push_back(to_string(error));
  CHECK(lines == Lines{"b.toml:2:6: base.id: is 1, as in a.toml, expected a different id per VM",
                       "b.toml:16:1: sim: is the second table of this name, and says otherwise, "
                       "expected [sim] in one file, or the same in each"});
}

TEST_CASE("without [sim], the machine fits its VMs") {
  auto config = parse_config({{"vm.toml", kValid}});
  REQUIRE(config.has_value());
  CHECK(plan_pcpus(*config) == 1);

  SUBCASE("allocated regions need a pool at memory_base") {
    const auto banks = plan_memory(*config);
    REQUIRE(banks.size() == 1);
    CHECK(banks[0].base == 0x4000'0000);
    CHECK(banks[0].size > 0x100'0000);
  }
  SUBCASE("identity-mapped regions get RAM where they are, the pool goes beside them") {
    config->vms[0].memory_regions[0] = {0x4000'0000, 0x100'0000, 7, MapType::Identical};
    config->vms[0].memory_regions.push_back({0x8000'0000, 0x100'0000, 7, MapType::Identical});
    const auto banks = plan_memory(*config);
    REQUIRE(banks.size() == 2);
    CHECK(banks[0].base == 0x4000'0000);
    CHECK(banks[0].size > 0x100'0000);
    CHECK(banks[1] == MemoryBank{0x8000'0000, 0x100'0000});
  }
  SUBCASE("absurd regions do not overflow the plan") {
    config->vms[0].memory_regions.push_back({~0ULL - 4096, ~0ULL, 7, MapType::Identical});
    CHECK(plan_memory(*config).size() == 1);
  }
}

TEST_CASE("a finding is one line, whatever the file's names and values contain") {
  CHECK(errors_of(replaced(kValid, "cpu_num = 1", "cpu_num = \"\\n\\u0007\"")) ==
        Lines{"vm.toml:5:11: base.cpu_num: is \"\\n\\x07\", expected an integer from 1 to 64"});
}

TEST_CASE("an integer that TOML does not have is reported with those that it has") {
  const Lines lines = errors_of(replaced(kValid, "0x100_0000,", "0x8000_0000_0000_0000,"));
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].starts_with("vm.toml:11:"));
  CHECK(
      lines[0].ends_with("'0x8000000000000000' is not representable in 64 bits, expected an "
                         "integer from 0 to 0x7fffffffffffffff"));
}

TEST_CASE("only regular files of a sensible size are read") {
  CHECK(to_string(load_config({"/dev/zero"}).error()[0]) ==
        "/dev/zero: is not a regular file, expected a TOML file");
  CHECK(to_string(load_config({"/"}).error()[0]) ==
        "/: is not a regular file, expected a TOML file");
  const axvm::test::TemporaryFolder folder;
  const auto large = folder.file("large.toml", std::string((1 << 20) + 1, '#'));
  CHECK(to_string(load_config({large}).error()[0]) ==
        large.string() + ": is larger than 1 MiB, expected a TOML file");
}

TEST_CASE("an unreadable file is one line") {
  const auto config = load_config({"/nonexistent/vm.toml"});
  REQUIRE_FALSE(config.has_value());
  CHECK(to_string(config.error()[0]) ==
        "/nonexistent/vm.toml: cannot be read, expected a TOML file");
}
