// What each guest makes the VMM do, against files that people have read. Left out is what depends
// on the guests' compiler: addresses in RAM, register numbers, counts.
//
// AXVM_UPDATE_GOLDEN=1 writes the files anew.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>

#include "guest_run.hpp"

using namespace axvm;
using namespace axvm::test;

namespace {

std::string reduced(const std::string& trace) {
  static const std::regex kRegister(R"( (SRT|Rt)=(0x)?[0-9a-f]+ \([wx][0-9zr]+\))");
  static const std::regex kRamAddress(R"(0x4[0-9a-f]{7}\b)");
  std::istringstream lines(trace);
  std::string out;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('[')) {
      out += line.substr(line.find("instructions: ") + 14) + '\n';
    } else if (line.starts_with("  ESR_EL2")) {
      out += "  " + std::regex_replace(line.substr(line.find("EC=")), kRegister, "") + '\n';
    } else if (line.starts_with("  →")) {
      out += std::regex_replace(line, kRamAddress, "RAM") + '\n';
    }
  }
  return out;
}

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("golden: what the VMM does for each small guest") {
  for (const char* name : {"hello", "mmio", "hvc", "sysreg"}) {
    CAPTURE(name);
    const std::string path = std::string(AXVM_GOLDEN) + "/" + name + ".txt";
    const std::string now = reduced(run({.name = name, .traced = true}).trace_text);
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
}
