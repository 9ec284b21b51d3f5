// Snapshots: any bytes are refused in one line or are sections, every changed byte of a file is
// noticed, and objects that were restored from nonsense keep their laws.

#include <axvm/ivc.hpp>
#include <core/memory/dirty_log.hpp>
#include <core/memory/region.hpp>
#include <cstdio>
#include <fuzz/input.hpp>
#include <fuzz/state.hpp>
#include <hal-sim/host/console_port.hpp>
#include <hal-sim/memory/frame_allocator.hpp>
#include <hal-sim/snapshot/state_stream.hpp>
#include <new>
#include <string>
#include <vector>

namespace {

using namespace axvm;
using namespace axvm::hal_sim;
using fuzz::Input;
using fuzz::require;

using Sections = std::vector<std::pair<std::string, std::vector<std::byte>>>;

void check_any_bytes(std::span<const std::byte> file) {
  const auto sections = parse_snapshot(file);
  if (!sections) {
    require(!sections.error().empty() && sections.error().find('\n') == std::string::npos,
            "a refusal is one line");
    return;
  }
  for (const SnapshotSection& section : *sections) {
    require(section.contents.data() >= file.data() &&
                section.contents.data() + section.contents.size() <= file.data() + file.size(),
            "a section lies in its file");
  }
}

std::vector<std::byte> write(const Sections& sections) {
  std::FILE* const stream = std::tmpfile();
  require(stream != nullptr, "a snapshot is written");
  SnapshotWriter writer(stream);
  for (const auto& [name, contents] : sections) {
    writer.begin(name);
    writer.write(contents);
    writer.end();
  }
  require(writer.finish(), "a snapshot is written");
  std::vector<std::byte> file(static_cast<std::size_t>(std::ftell(stream)));
  std::rewind(stream);
  require(std::fread(file.data(), 1, file.size(), stream) == file.size(), "a snapshot is written");
  std::fclose(stream);
  return file;
}

void check_file(Input& input) {
  Sections sections;
  for (std::size_t n = input.below(4); n > 0; --n) {
    std::vector<std::byte> contents(input.below(64));
    for (std::byte& byte : contents) byte = std::byte{input.take<std::uint8_t>()};
    sections.emplace_back(
        std::string(1 + input.below(8), static_cast<char>(static_cast<std::size_t>(0x66) + n)),
        contents);
  }
  std::vector<std::byte> file = write(sections);
  const auto parsed = parse_snapshot(file);
  require(parsed.has_value() && parsed->size() == sections.size(), "what is written is read");
  for (std::size_t i = 0; i < sections.size(); ++i) {
    require((*parsed)[i].name == sections[i].first &&
                std::ranges::equal((*parsed)[i].contents, sections[i].second),
            "what is written is read");
  }
  const std::size_t at = input.take<std::uint16_t>() % file.size();
  file[at] ^= std::byte{static_cast<std::uint8_t>(1 + input.below(255))};
  require(!parse_snapshot(file), "a changed byte is noticed");
  file.resize(at);
  require(!parse_snapshot(file), "a file that is cut short is noticed");
}

// Memory of the host for objects of the core.
struct Host {
  static constexpr std::size_t kMost = 1 << 24;
  void* allocate(std::size_t size, std::size_t alignment) {
    if (size > kMost) return nullptr;
    return ::operator new(size, std::align_val_t(alignment), std::nothrow);
  }
  void deallocate(void* p, std::size_t, std::size_t alignment) {
    ::operator delete(p, std::align_val_t(alignment));
  }
};

template <class T>
void check_restored(T& object, T& other) {
  const fuzz::State state = fuzz::state_of<StateVisitor>(object);
  fuzz::Restore<StateVisitor> restore(state);
  other.describe(restore);
  require(fuzz::state_of<StateVisitor>(other) == state, "what was restored is restored again");
}

void check_objects(Input& input) {
  fuzz::RestoreAnything<StateVisitor> anything(input);
  Host host;
  const Allocator allocator = Allocator::of(host);

  const std::vector<FrameRange> banks{{0x4000'0000, 1 << 20}};
  FrameAllocator frames(banks);
  FrameAllocator other_frames(banks);
  static_cast<void>(frames.allocate(1 + input.below(100), 4096));
  frames.describe(anything);
  require(frames.taken() <= frames.total(), "no more is taken than there is");
  check_restored(frames, other_frames);

  auto regions = RegionList::try_make(allocator, 4);
  auto other_regions = RegionList::try_make(allocator, 4);
  require(regions && other_regions, "there is memory");
  static_cast<void>(regions->add({{GuestPhysAddr(0x1000), 0x1000}, {}}));
  regions->describe(anything);
  GuestPhysAddr end;
  for (const Region& region : regions->regions()) {
    require(region.range.base >= end && region.range.size != 0, "regions are sorted and disjoint");
    end = region.range.end();
  }
  check_restored(*regions, *other_regions);

  auto logs = DirtyLogs::try_make(allocator);
  auto other_logs = DirtyLogs::try_make(allocator);
  require(logs && other_logs, "there is memory");
  static_cast<void>(logs->start({GuestPhysAddr(0x10000), 0x10000}));
  logs->describe(anything);
  logs->mark({GuestPhysAddr(), 1ULL << 40});

  IvcRegistry registry(allocator);
  IvcRegistry other_registry(allocator);
  static_cast<void>(registry.add(VmId(1), 2, HostPhysAddr(0x4000'0000), 4096));
  registry.describe(anything);
  static_cast<void>(registry.find_any(VmId(1)));
  registry.set_bell(VmId(1), {});
  check_restored(registry, other_registry);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_any_bytes(std::as_bytes(std::span(data, size)));
  Input input(data, size);
  check_file(input);
  check_objects(input);
  return 0;
}
