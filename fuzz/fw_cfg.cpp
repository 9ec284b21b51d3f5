// Any use of fw_cfg's registers and DMA: every access has an answer, items are read and never
// written, work has an end, and a restored device goes on as the original does.

#include <axvm/state.hpp>
#include <core/devices/fw_cfg.hpp>
#include <fuzz/input.hpp>
#include <fuzz/state.hpp>

namespace {

using namespace axvm;
using fuzz::Input;
using fuzz::require;

constexpr std::uint64_t kRam = 0x4000'0000;

struct Heap {
  void* allocate(std::size_t size, std::size_t) { return std::malloc(size); }
  void deallocate(void* p, std::size_t, std::size_t) { std::free(p); }
};

struct Guest final : DeviceHost {
  Result<> read_memory(GuestPhysAddr from, std::span<std::byte> to) override {
    if (!inside(from, to.size())) return DeviceHost::read_memory(from, to);
    std::memcpy(to.data(), &ram[from.value - kRam], to.size());
    return {};
  }
  Result<> write_memory(GuestPhysAddr to, std::span<const std::byte> from) override {
    moved += from.size();
    if (!inside(to, from.size())) return DeviceHost::write_memory(to, from);
    std::memcpy(&ram[to.value - kRam], from.data(), from.size());
    return {};
  }
  [[nodiscard]] bool inside(GuestPhysAddr at, std::size_t size) const {
    return at.value >= kRam && size <= ram.size() && at.value - kRam <= ram.size() - size;
  }
  std::array<std::byte, 4096> ram{};
  std::uint64_t moved = 0;
};

const std::array<std::byte, 100> kFirst{std::byte{1}};
const std::array<std::byte, 3000> kSecond{std::byte{2}};
const std::array<FirmwareFile, 3> kFiles{
    {{"opt/first", kFirst}, {"opt/second", kSecond}, {"opt/empty", {}}}};

struct World {
  World() = default;
  World(const World& other) : guest(other.guest) {}
  World& operator=(const World&) = delete;

  Heap heap;
  Guest guest;
  Result<Box<FwCfg>> made = FwCfg::try_make(Allocator::of(heap), "fw_cfg", {Bus::Mmio, 0, 0x18},
                                            guest, {.cpus = 2, .ram_bytes = 4096}, kFiles);
  FwCfg& device = **made;
};

constexpr AccessWidth kWidths[] = {AccessWidth::Byte, AccessWidth::Word, AccessWidth::Dword,
                                   AccessWidth::Qword};

std::uint64_t address_from(Input& input) {
  if (input.once_in(16)) return input.take<std::uint64_t>();
  return kRam + input.take<std::uint16_t>() % 4100;
}

void step(World& world, Input& input) {
  switch (input.below(6)) {
    case 0:
    case 1: {
      const std::uint64_t offset = input.below(0x18);
      const AccessWidth width = input.one_of(kWidths);
      const auto value = world.device.read(offset, width);
      require(value.has_value(), "reads have answers");
      require(*value == truncate(*value, width), "a value is no wider than the access");
      return;
    }
    case 2: {
      const std::uint16_t key = input.once_in(4) ? input.take<std::uint16_t>()
                                                 : static_cast<std::uint16_t>(input.below(0x24));
      require(world.device.write(8, AccessWidth::Word, __builtin_bswap16(key)).has_value(),
              "writes have answers");
      return;
    }
    case 3: {
      require(
          world.device.write(input.below(0x18), input.one_of(kWidths), input.take<std::uint64_t>())
              .has_value(),
          "writes have answers");
      return;
    }
    default: {  // DMA
      const std::uint32_t lengths[] = {0, 1, 100, 3000, 4096, 0xffff'ffff};
      const std::uint32_t head[] = {
          __builtin_bswap32(input.take<std::uint8_t>() | input.below(0x24) << 16U),
          __builtin_bswap32(input.one_of(lengths))};
      const std::uint64_t tail = __builtin_bswap64(address_from(input));
      const std::uint64_t at = address_from(input);
      if (world.guest.inside(GuestPhysAddr(at), 16)) {
        std::memcpy(&world.guest.ram[at - kRam], head, 8);
        std::memcpy(&world.guest.ram[at - kRam + 8], &tail, 8);
      }
      require(world.device.write(16, AccessWidth::Qword, __builtin_bswap64(at)).has_value(),
              "writes have answers");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  World world;
  while (!input.empty()) {
    world.guest.moved = 0;
    if (input.once_in(16)) {
      fuzz::RestoreAnything<StateVisitor> anything(input);
      world.device.describe(anything);
    }
    World other(world);
    const fuzz::State saved = fuzz::state_of<StateVisitor>(world.device);
    fuzz::Restore<StateVisitor> restore(saved);
    other.device.describe(restore);
    Input same = input;
    step(other, same);
    step(world, input);
    require(
        fuzz::state_of<StateVisitor>(world.device) == fuzz::state_of<StateVisitor>(other.device),
        "a restored device goes on as the original");
    require(world.guest.ram == other.guest.ram, "and writes the same");
    require(world.guest.moved <= FwCfg::kMostPadding + 3000 + 4, "work has an end");
    require(kFirst[0] == std::byte{1} && kSecond[0] == std::byte{2}, "items stay as they are");
  }
  return 0;
}
