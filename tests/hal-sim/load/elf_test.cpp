#include <doctest/doctest.h>

#include <hal-sim/load/elf.hpp>

#include "image_builder.hpp"

using namespace axvm::hal_sim;
using namespace axvm::hal_sim::test;

namespace {

ElfBuilder hello() {
  ElfBuilder elf;
  elf.add(0x4008'0000, "code", 4);
  elf.add(0x4009'0000, "data", 0x1000);
  return elf;
}

std::string error_of(const ElfBuilder& elf) {
  const auto program = parse_elf(elf.build(), Isa::Aarch64);
  return program ? "" : program.error();
}

template <class Change>
std::string error_after(Change&& change) {
  ElfBuilder elf = hello();
  change(elf);
  return error_of(elf);
}

}  // namespace

TEST_CASE("an executable: its segments by physical address, and its entry point") {
  const auto program = parse_elf(hello().build(), Isa::Aarch64);
  REQUIRE(program.has_value());
  CHECK(program->entry == 0x4008'0000);
  CHECK_FALSE(program->position_independent);
  REQUIRE(program->segments.size() == 2);
  CHECK(program->segments[0] == ElfSegment{0x4008'0000, 64 + 2 * 56, 4, 4});
  CHECK(program->segments[1] == ElfSegment{0x4009'0000, 64 + 2 * 56 + 4, 4, 0x1000});
}

TEST_CASE("the entry point is virtual: it moves with the segment that holds it") {
  ElfBuilder elf;
  elf.add(0xffff'0000'0000'1000, "code", 0x100).p_paddr = 0x4000'1000;
  elf.header.e_entry = 0xffff'0000'0000'1010;
  CHECK(parse_elf(elf.build(), Isa::Aarch64)->entry == 0x4000'1010);
}

TEST_CASE("segments come sorted, whatever their order in the file") {
  ElfBuilder elf;
  elf.add(0x2000, "b", 1);
  elf.add(0x1000, "a", 1);
  const auto program = parse_elf(elf.build(), Isa::Aarch64);
  REQUIRE(program.has_value());
  CHECK(program->base() == 0x1000);
  CHECK(program->entry == 0x2000);
}

TEST_CASE("a position-independent executable is one") {
  ElfBuilder elf = hello();
  elf.header.e_type = ET_DYN;
  CHECK(parse_elf(elf.build(), Isa::Aarch64)->position_independent);
}

TEST_CASE("what is no executable for AArch64 is refused with what it is") {
  CHECK(error_after([](auto& elf) { elf.header.e_ident[EI_CLASS] = ELFCLASS32; }) ==
        "is an ELF file of class 1, expected 2 (64-bit)");
  CHECK(error_after([](auto& elf) { elf.header.e_ident[EI_DATA] = ELFDATA2MSB; }) ==
        "is an ELF file of data encoding 2, expected 1 (little-endian)");
  CHECK(error_after([](auto& elf) { elf.header.e_machine = EM_X86_64; }) ==
        "is an ELF file for machine 62, expected 183 (AArch64)");
  CHECK(error_after([](auto& elf) { elf.header.e_type = ET_REL; }) ==
        "is an ELF file of type 1, expected 2 (ET_EXEC) or 3 (ET_DYN)");
  CHECK(error_after([](auto& elf) { elf.header.e_phentsize = 32; }) ==
        "has ELF program headers of 32 bytes, expected 56");
  CHECK(error_after([](auto& elf) { elf.segments[0].p_type = PT_INTERP; }) ==
        "is an ELF file for a dynamic linker, expected a statically linked one");
}

TEST_CASE("an executable is for the machine that it is to run on") {
  ElfBuilder elf = hello();
  CHECK(parse_elf(elf.build(), Isa::Riscv64).error() ==
        "is an ELF file for machine 183, expected 243 (RISC-V)");
  elf.header.e_machine = EM_RISCV;
  CHECK(parse_elf(elf.build(), Isa::Riscv64)->entry == 0x4008'0000);
  CHECK(error_of(elf) == "is an ELF file for machine 243, expected 183 (AArch64)");
}

TEST_CASE("headers and segments lie in the file") {
  Bytes cut = hello().build();
  cut.resize(63);
  CHECK(parse_elf(cut, Isa::Aarch64).error() ==
        "is an ELF file of 63 bytes, expected a header of 64");
  CHECK(error_after([](auto& elf) { elf.header.e_phoff = ~0ULL; }) ==
        "has 2 ELF program headers at file offset 0xffffffffffffffff, expected them inside the "
        "file of 0xb8 bytes");
  CHECK(
      error_after([](auto& elf) { elf.segments[1].p_filesz = 5; }) ==
      "has ELF segment 1 at file offset 0xb4 with 0x5 bytes, expected it inside the file of 0xb8");
}

TEST_CASE("segments take a sensible amount of memory, each its own") {
  CHECK(error_after([](auto& elf) { elf.segments[1].p_memsz = 3; }) ==
        "has ELF segment 1 with 0x3 bytes of memory, expected 0x4 (those in the file) to 1 GiB");
  CHECK(error_after([](auto& elf) { elf.segments[1].p_memsz = ~0ULL; }) ==
        "has ELF segment 1 with 0xffffffffffffffff bytes of memory, expected 0x4 (those in the "
        "file) to 1 GiB");
  CHECK(error_after([](auto& elf) { elf.segments[1].p_paddr = ~0ULL; }) ==
        "has ELF segment 1 at 0xffffffffffffffff with 0x1000 bytes, expected it to end below 2^64");
  CHECK(error_after([](auto& elf) { elf.segments[1].p_paddr = 0x4008'0003; }) ==
        "has ELF segments at 0x40080000 and 0x40080003 that overlap, expected disjoint ones");
  CHECK(error_after([](auto& elf) {
          elf.segments[0].p_memsz = elf.segments[1].p_memsz = 1ULL << 30;
          elf.segments[1].p_paddr = 1ULL << 40;
        }) == "is an ELF file that needs more than 1 GiB of memory");
}

TEST_CASE("there is something to load and to start") {
  CHECK(error_of(ElfBuilder()) == "is an ELF file without a segment to load");
  CHECK(error_after([](auto& elf) { elf.header.e_entry = 0x4008'0004; }) ==
        "has the ELF entry point 0x40080004, expected it inside a segment");
}

TEST_CASE("relocations are refused: nobody here applies them") {
  ElfBuilder elf = hello();
  elf.header.e_type = ET_DYN;
  const Elf64_Dyn none[] = {{.d_tag = DT_RELASZ, .d_un = {.d_val = 0}}, {}};
  elf.add(0x4010'0000, {reinterpret_cast<const char*>(none), sizeof(none)}, sizeof(none)).p_type =
      PT_DYNAMIC;
  CHECK(error_of(elf).empty());
  const Elf64_Dyn some[] = {{.d_tag = DT_RELASZ, .d_un = {.d_val = 24}}, {}};
  elf.add(0x4011'0000, {reinterpret_cast<const char*>(some), sizeof(some)}, sizeof(some)).p_type =
      PT_DYNAMIC;
  CHECK(error_of(elf) == "is an ELF file with relocations, expected one linked to its address");
}
