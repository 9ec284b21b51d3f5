// Any bytes as a kernel: unpacked within a limit, and then an ELF program or Linux Image that can
// be loaded as it says, or one line that says why not.

#include <cstdint>
#include <fuzz/input.hpp>
#include <hal-sim/load/decompress.hpp>
#include <hal-sim/load/elf.hpp>
#include <hal-sim/load/linux_image.hpp>
#include <string>

namespace {

using namespace axvm::hal_sim;
using axvm::fuzz::require;

constexpr std::uint64_t kLimit = 1 << 20;

void check_reason(const std::string& reason) {
  require(!reason.empty(), "a refusal has a reason");
  require(reason.find('\n') == std::string::npos, "a reason is one line");
}

void check_program(ByteView bytes, const ElfProgram& program) {
  require(!program.segments.empty(), "a program has something to load");
  std::uint64_t total = 0;
  bool has_entry = false;
  for (std::size_t i = 0; i < program.segments.size(); ++i) {
    const ElfSegment& segment = program.segments[i];
    require(part_of(bytes, segment.offset, segment.file_size).has_value(),
            "a segment's contents lie in the file");
    require(segment.memory_size != 0 && segment.memory_size >= segment.file_size,
            "a segment has room for its contents");
    require(segment.address + (segment.memory_size - 1) >= segment.address,
            "a segment does not wrap");
    if (i != 0) {
      const ElfSegment& last = program.segments[i - 1];
      require(last.address + (last.memory_size - 1) < segment.address,
              "segments are sorted and disjoint");
    }
    has_entry = has_entry || program.entry - segment.address < segment.memory_size;
    total += segment.memory_size;
  }
  require(has_entry, "the entry point lies in a segment");
  require(total <= kLargestImage, "a program takes a bounded amount of memory");
}

void check_kernel(ByteView bytes, Isa isa) {
  if (is_elf(bytes)) {
    const auto program = parse_elf(bytes, isa);
    if (program) {
      check_program(bytes, *program);
    } else {
      check_reason(program.error());
    }
  }
  if (!linux_image_isa(bytes)) return;
  const auto image = parse_linux_image(bytes, isa);
  if (!image) {
    check_reason(image.error());
    return;
  }
  require(linux_image_isa(bytes) == isa, "an Image is for this architecture");
  require(image->text_offset <= kLargestImage, "an Image lies near its base");
  require(image->image_size >= bytes.size(), "an Image has room for its file");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input = std::as_bytes(std::span(data, size));
  const auto bytes = decompress(Bytes(input.begin(), input.end()), kLimit);
  if (!bytes) {
    check_reason(bytes.error());
    return 0;
  }
  require(compression_of(input) == Compression::None || bytes->size() <= kLimit,
          "what was compressed stays within the limit");
  for (const Isa isa : {Isa::Aarch64, Isa::Riscv64}) check_kernel(*bytes, isa);
  return 0;
}
