#pragma once
// Makes images for tests, right or wrong in one detail.

#include <elf.h>
#include <zlib.h>
#include <zstd.h>

#include <cstring>
#include <hal-sim/load/bytes.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace axvm::hal_sim::test {

inline Bytes bytes_of(std::string_view text) {
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}
inline std::string text_of(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// An ELF file of one or more PT_LOAD segments, whose contents follow the headers.
struct ElfBuilder {
  Elf64_Ehdr header{};
  std::vector<Elf64_Phdr> segments;
  std::string contents;

  ElfBuilder() {
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_EXEC;
    header.e_machine = EM_AARCH64;
    header.e_phoff = sizeof(Elf64_Ehdr);
    header.e_phentsize = sizeof(Elf64_Phdr);
  }

  /// A segment at `address`, `text` and then zeroes up to `memory_size`.
  Elf64_Phdr& add(std::uint64_t address, std::string_view text, std::uint64_t memory_size) {
    Elf64_Phdr segment{};
    segment.p_type = PT_LOAD;
    segment.p_vaddr = segment.p_paddr = address;
    segment.p_offset = contents.size();  // build() adds the headers' size
    segment.p_filesz = text.size();
    segment.p_memsz = memory_size;
    contents += text;
    header.e_phnum = static_cast<Elf64_Half>(header.e_phnum + 1);
    if (segments.empty()) header.e_entry = address;
    return segments.emplace_back(segment);
  }

  [[nodiscard]] Bytes build() const {
    const std::size_t headers = sizeof(Elf64_Ehdr) + segments.size() * sizeof(Elf64_Phdr);
    std::string file(reinterpret_cast<const char*>(&header), sizeof(header));
    for (Elf64_Phdr segment : segments) {
      segment.p_offset += headers;
      file.append(reinterpret_cast<const char*>(&segment), sizeof(segment));
    }
    return bytes_of(file + contents);
  }
};

/// An arm64 Image of `size` bytes.
inline Bytes arm64_image(std::uint64_t text_offset, std::uint64_t image_size,
                         std::uint64_t flags = 0xa, std::size_t size = 4096) {
  Bytes image(size, std::byte{0x55});
  std::memcpy(image.data() + 8, &text_offset, 8);
  std::memcpy(image.data() + 16, &image_size, 8);
  std::memcpy(image.data() + 24, &flags, 8);
  std::memcpy(image.data() + 56, "ARM\x64", 4);
  return image;
}

/// A RISC-V Image of `size` bytes, with both of its magic numbers.
inline Bytes riscv_image(std::uint64_t text_offset, std::uint64_t image_size,
                         std::uint64_t flags = 0, std::uint32_t version = 2,
                         std::size_t size = 4096) {
  Bytes image(size, std::byte{0x55});
  std::memcpy(image.data() + 8, &text_offset, 8);
  std::memcpy(image.data() + 16, &image_size, 8);
  std::memcpy(image.data() + 24, &flags, 8);
  std::memcpy(image.data() + 32, &version, 4);
  std::memcpy(image.data() + 48, "RISCV\0\0\0", 8);
  std::memcpy(image.data() + 56, "RSC\x05", 4);
  return image;
}

inline Bytes gzipped(ByteView bytes) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  Bytes out(deflateBound(&stream, bytes.size()) + 32);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline Bytes zstd_compressed(ByteView bytes) {
  Bytes out(ZSTD_compressBound(bytes.size()));
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3));
  return out;
}

}  // namespace axvm::hal_sim::test
