// What each guest makes the VMM do, against files that people have read. Left out is what depends
// on the guests' compiler: addresses in RAM, register numbers, counts, how often a trap repeats.
//
// AXVM_UPDATE_GOLDEN=1 writes the files anew.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>
#include <vector>

#include "guest_run.hpp"

using namespace axvm;
using namespace axvm::test;

namespace {

using Blocks = std::vector<std::string>;

bool is_interrupt(const std::string& block) {
  return block.starts_with("IRQ") || block.find(" interrupt") < block.find('\n');
}

// A block per trap: its name, its syndrome, what the VMM did.
Blocks blocks_of(const std::string& trace, hal_sim::Isa isa) {
  static const std::regex kRegister(R"( (SRT|Rt)=(0x)?[0-9a-f]+ \([wx][0-9zr]+\))");
  const std::regex ram_address(isa == hal_sim::Isa::Aarch64 ? R"(0x4[0-9a-f]{7}\b)"
                                                            : R"(0x8[0-9a-f]{7}\b)");
  // The address that follows it, without its lowest two bits.
  static const std::regex kShifted(R"( htval=0x[0-9a-f]+)");
  std::istringstream lines(trace);
  Blocks blocks(1);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('[')) {
      blocks.push_back(line.substr(line.find("instructions: ") + 14) + '\n');
    } else if (line.starts_with("  ESR_EL2")) {
      blocks.back() +=
          "  " + std::regex_replace(line.substr(line.find("EC=")), kRegister, "") + '\n';
    } else if (line.starts_with("  scause")) {
      blocks.back() +=
          std::regex_replace(std::regex_replace(line, kShifted, ""), ram_address, "RAM") + '\n';
    } else if (line.starts_with("  →")) {
      blocks.back() += std::regex_replace(line, ram_address, "RAM") + '\n';
    }
  }
  std::erase_if(blocks, is_interrupt);
  return blocks;
}

// Blocks that came since the last one of another kind are there once. A character written to the
// console, and the look at the flags before it, is a block the first time and a letter afterwards.
std::string reduced(const std::string& trace, hal_sim::Isa isa) {
  static const std::regex kCharacter(R"((?:DR|THR) = 0x[0-9a-f]+ '([^']+)')");
  std::string out;
  std::set<std::string> recent;
  std::set<std::string> console;
  bool in_text = false;
  for (const std::string& block : blocks_of(trace, isa)) {
    std::smatch character;
    const bool writes = std::regex_search(block, character, kCharacter);
    const std::string key = writes ? std::regex_replace(block, kCharacter, "DR") : block;
    const bool looks = block.find("pl011 read FR") != std::string::npos ||
                       block.find("uart read LSR") != std::string::npos;
    if ((writes || looks) && !console.insert(key).second) {
      if (!in_text) out += "console: ";
      in_text = true;
      if (writes) out += character[1].str();
      continue;
    }
    if (in_text) out += '\n';
    in_text = false;
    const bool maps = block.find("map IPA") != std::string::npos;
    if (!maps && !recent.contains(block)) recent.clear();
    if (recent.insert(block).second) out += block;
  }
  return in_text ? out + '\n' : out;
}

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void check_golden(const char* name, hal_sim::Isa isa, const std::string& path) {
  CAPTURE(name);
  const std::string now = reduced(run({.name = name, .traced = true, .isa = isa}).trace_text, isa);
  if (std::getenv("AXVM_UPDATE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << now;
  const std::string golden = contents(path);
  REQUIRE_FALSE(golden.empty());
  std::istringstream is(now);
  std::istringstream should(golden);
  std::string a;
  std::string b;
  for (int line = 1; std::getline(should, b); ++line) {
    CAPTURE(line);
    const bool has_line = static_cast<bool>(std::getline(is, a));
    REQUIRE(has_line);
    REQUIRE(a == b);
  }
  CHECK_FALSE(std::getline(is, a));
}

}  // namespace

TEST_CASE("golden: what the VMM does for each guest") {
  for (const char* name :
       {"hello", "mmio", "mmio_forms", "hvc", "sysreg", "paging", "lazy", "smp", "selfmod",
        "demand", "permissions", "spinlock", "unknown", "its", "virtio"}) {
    check_golden(name, hal_sim::Isa::Aarch64, std::string(AXVM_GOLDEN) + "/" + name + ".txt");
  }
}

TEST_CASE("golden: what the VMM does for each guest of RISC-V") {
  for (const char* name :
       {"hello", "mmio", "mmio_forms", "sbi", "csr", "paging", "lazy", "smp", "selfmod", "demand",
        "permissions", "spinlock", "unknown", "plic", "aia", "virtio", "pmu"}) {
    check_golden(name, hal_sim::Isa::Riscv64,
                 std::string(AXVM_GOLDEN) + "/riscv64/" + name + ".txt");
  }
}
