// Any bytes as a kernel: unpacked within a limit, and then an ELF program or arm64 Image that can
// be loaded as it says, or one line that says why not.

#include <cstdint>
#include <fuzz/input.hpp>
#include <hal-sim/load/arm64_image.hpp>
#include <hal-sim/load/decompress.hpp>
#include <hal-sim/load/elf.hpp>
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
  if (is_elf(*bytes)) {
    const auto program = parse_elf(*bytes);
    if (program) {
      check_program(*bytes, *program);
    } else {
      check_reason(program.error());
    }
  }
  if (is_arm64_image(*bytes)) {
    const auto image = parse_arm64_image(*bytes);
    if (image) {
      require(image->text_offset < Arm64Image::kBaseAlignment, "an Image lies in its block");
      require(image->image_size >= bytes->size(), "an Image has room for its file");
    } else {
      check_reason(image.error());
    }
  }
  return 0;
}
