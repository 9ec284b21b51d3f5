#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <hal-sim/config/size_text.hpp>
#include <hal-sim/load/elf.hpp>

namespace axvm::hal_sim {
namespace {

using Status = std::expected<void, std::string>;

// The fields that only a loader of other systems needs are not read.
struct ProgramHeader {
  std::uint32_t type;
  std::uint64_t offset;
  std::uint64_t virtual_address;
  std::uint64_t physical_address;
  std::uint64_t file_size;
  std::uint64_t memory_size;
};

std::unexpected<std::string> wrong(std::string text) { return std::unexpected(std::move(text)); }

struct Machine {
  std::uint16_t number;  // e_machine
  const char* name;
};

Machine machine_of(Isa isa) {
  return isa == Isa::Aarch64 ? Machine{EM_AARCH64, "AArch64"} : Machine{EM_RISCV, "RISC-V"};
}

Status check_header(ByteView bytes, Isa isa) {
  if (bytes.size() < sizeof(Elf64_Ehdr)) {
    return wrong(fmt::format("is an ELF file of {} bytes, expected a header of {}", bytes.size(),
                             sizeof(Elf64_Ehdr)));
  }
  const auto ident = [&](std::size_t i) { return std::to_integer<unsigned>(bytes[i]); };
  if (ident(EI_CLASS) != ELFCLASS64) {
    return wrong(fmt::format("is an ELF file of class {}, expected 2 (64-bit)", ident(EI_CLASS)));
  }
  if (ident(EI_DATA) != ELFDATA2LSB) {
    return wrong(fmt::format("is an ELF file of data encoding {}, expected 1 (little-endian)",
                             ident(EI_DATA)));
  }
  const auto machine = little_endian<std::uint16_t>(bytes, offsetof(Elf64_Ehdr, e_machine));
  if (const Machine expected = machine_of(isa); machine != expected.number) {
    return wrong(fmt::format("is an ELF file for machine {}, expected {} ({})", machine,
                             expected.number, expected.name));
  }
  const auto type = little_endian<std::uint16_t>(bytes, offsetof(Elf64_Ehdr, e_type));
  if (type != ET_EXEC && type != ET_DYN) {
    return wrong(
        fmt::format("is an ELF file of type {}, expected 2 (ET_EXEC) or 3 (ET_DYN)", type));
  }
  const auto entry_size = little_endian<std::uint16_t>(bytes, offsetof(Elf64_Ehdr, e_phentsize));
  const auto count = little_endian<std::uint16_t>(bytes, offsetof(Elf64_Ehdr, e_phnum));
  if (count != 0 && entry_size != sizeof(Elf64_Phdr)) {
    return wrong(fmt::format("has ELF program headers of {} bytes, expected {}", entry_size,
                             sizeof(Elf64_Phdr)));
  }
  return {};
}

ProgramHeader program_header(ByteView at) {
  return {
      .type = little_endian<std::uint32_t>(at, offsetof(Elf64_Phdr, p_type)),
      .offset = little_endian<std::uint64_t>(at, offsetof(Elf64_Phdr, p_offset)),
      .virtual_address = little_endian<std::uint64_t>(at, offsetof(Elf64_Phdr, p_vaddr)),
      .physical_address = little_endian<std::uint64_t>(at, offsetof(Elf64_Phdr, p_paddr)),
      .file_size = little_endian<std::uint64_t>(at, offsetof(Elf64_Phdr, p_filesz)),
      .memory_size = little_endian<std::uint64_t>(at, offsetof(Elf64_Phdr, p_memsz)),
  };
}

Status check_segment(ByteView bytes, std::size_t i, const ProgramHeader& header) {
  if (!part_of(bytes, header.offset, header.file_size)) {
    return wrong(
        fmt::format("has ELF segment {} at file offset {:#x} with {:#x} bytes, expected it "
                    "inside the file of {:#x}",
                    i, header.offset, header.file_size, bytes.size()));
  }
  if (header.memory_size < header.file_size || header.memory_size > kLargestImage) {
    return wrong(
        fmt::format("has ELF segment {} with {:#x} bytes of memory, expected {:#x} (those "
                    "in the file) to {}",
                    i, header.memory_size, header.file_size, format_size(kLargestImage)));
  }
  const std::uint64_t last = header.memory_size - 1;
  if (header.physical_address + last < header.physical_address ||
      header.virtual_address + last < header.virtual_address) {
    return wrong(
        fmt::format("has ELF segment {} at {:#x} with {:#x} bytes, expected it to end below "
                    "2^64",
                    i, header.physical_address, header.memory_size));
  }
  return {};
}

// The dynamic section asks for relocations.
bool needs_relocation(ByteView dynamic) {
  for (std::size_t at = 0; at + sizeof(Elf64_Dyn) <= dynamic.size(); at += sizeof(Elf64_Dyn)) {
    const auto tag = little_endian<std::uint64_t>(dynamic, at);
    const auto value = little_endian<std::uint64_t>(dynamic, at + 8);
    if (tag == DT_NULL) return false;
    const bool is_size =
        tag == DT_RELSZ || tag == DT_RELASZ || tag == DT_PLTRELSZ || tag == DT_RELRSZ;
    if (is_size && value != 0) return true;
  }
  return false;
}

Status check_sorted(const std::vector<ElfSegment>& segments) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    total += segments[i].memory_size;
    if (total > kLargestImage) {
      return wrong(fmt::format("is an ELF file that needs more than {} of memory",
                               format_size(kLargestImage)));
    }
    if (i != 0 &&
        segments[i - 1].address + (segments[i - 1].memory_size - 1) >= segments[i].address) {
      return wrong(
          fmt::format("has ELF segments at {:#x} and {:#x} that overlap, expected disjoint "
                      "ones",
                      segments[i - 1].address, segments[i].address));
    }
  }
  return {};
}

}  // namespace

bool is_elf(ByteView bytes) noexcept {
  return bytes.size() >= SELFMAG && std::memcmp(bytes.data(), ELFMAG, SELFMAG) == 0;
}

std::expected<ElfProgram, std::string> parse_elf(ByteView bytes, Isa isa) {
  if (auto checked = check_header(bytes, isa); !checked) return std::unexpected(checked.error());
  const auto table = little_endian<std::uint64_t>(bytes, offsetof(Elf64_Ehdr, e_phoff));
  const auto count = little_endian<std::uint16_t>(bytes, offsetof(Elf64_Ehdr, e_phnum));
  const auto entry = little_endian<std::uint64_t>(bytes, offsetof(Elf64_Ehdr, e_entry));
  const auto headers = part_of(bytes, table, count * sizeof(Elf64_Phdr));
  if (!headers) {
    return wrong(
        fmt::format("has {} ELF program headers at file offset {:#x}, expected them inside "
                    "the file of {:#x} bytes",
                    count, table, bytes.size()));
  }
  ElfProgram program;
  program.position_independent =
      little_endian<std::uint16_t>(bytes, offsetof(Elf64_Ehdr, e_type)) == ET_DYN;
  bool has_entry = false;
  for (std::size_t i = 0; i < count; ++i) {
    const ProgramHeader header =
        program_header(headers->subspan(i * sizeof(Elf64_Phdr), sizeof(Elf64_Phdr)));
    if (header.type == PT_INTERP) {
      return wrong("is an ELF file for a dynamic linker, expected a statically linked one");
    }
    if (header.type == PT_DYNAMIC) {
      const auto dynamic = part_of(bytes, header.offset, header.file_size);
      if (dynamic && needs_relocation(*dynamic)) {
        return wrong("is an ELF file with relocations, expected one linked to its address");
      }
    }
    if (header.type != PT_LOAD || header.memory_size == 0) continue;
    if (auto checked = check_segment(bytes, i, header); !checked) {
      return std::unexpected(checked.error());
    }
    program.segments.push_back(
        {header.physical_address, header.offset, header.file_size, header.memory_size});
    if (!has_entry && entry >= header.virtual_address &&
        entry - header.virtual_address < header.memory_size) {
      program.entry = entry - header.virtual_address + header.physical_address;
      has_entry = true;
    }
  }
  if (program.segments.empty()) return wrong("is an ELF file without a segment to load");
  if (!has_entry) {
    return wrong(fmt::format("has the ELF entry point {:#x}, expected it inside a segment", entry));
  }
  std::ranges::sort(program.segments, {}, &ElfSegment::address);
  if (auto checked = check_sorted(program.segments); !checked) {
    return std::unexpected(checked.error());
  }
  return program;
}

}  // namespace axvm::hal_sim
