// Any driver of any virtio device: what it does to registers, rings and descriptors has an answer
// and an end; a device that needs a reset does nothing; interrupts are on the wire; a device that
// is restored from a description goes on as the original does.

#include <axvm/state.hpp>
#include <core/devices/virtio/block_device.hpp>
#include <core/devices/virtio/console_device.hpp>
#include <core/devices/virtio/entropy_device.hpp>
#include <core/devices/virtio/network_device.hpp>
#include <fuzz/input.hpp>
#include <fuzz/state.hpp>
#include <optional>
#include <tests/core/guest_ram.hpp>

namespace {

using namespace axvm;
using axvm::virtio::VirtioDevice;
using fuzz::Input;
using fuzz::require;

constexpr std::uint32_t kInterrupt = 40;
constexpr BusRange kRange{Bus::Mmio, 0xa00'0000, 0x200};

struct Guest final : test::GuestRam<8 << 10> {
  void set_line(std::uint32_t, bool level) override { line = level; }
  bool line = false;
};
constexpr std::uint64_t kRam = Guest::kBase;
constexpr std::size_t kRamSize = Guest::kSize;

/// Everything that may be behind a device, the same for any two of them that are asked the same.
struct Behind final : BlockStore, NetworkPort, EntropySource, Console {
  [[nodiscard]] std::uint64_t size() const noexcept override { return disk.size(); }
  [[nodiscard]] bool is_read_only() const noexcept override { return read_only; }
  Result<> read(std::uint64_t offset, std::span<std::byte> to) override {
    check(offset, to.size());
    std::memcpy(to.data(), &disk[offset], to.size());
    return {};
  }
  Result<> write(std::uint64_t offset, std::span<const std::byte> from) override {
    check(offset, from.size());
    require(!read_only, "nothing is written to a disk that cannot be");
    std::memcpy(&disk[offset], from.data(), from.size());
    return {};
  }
  void check(std::uint64_t offset, std::size_t n) const {
    require(offset <= disk.size() && n <= disk.size() - offset, "accesses lie on the disk");
  }
  void send(std::span<const std::byte> frame) override {
    require(frame.size() >= 14 && frame.size() <= 1518, "frames have the size of frames");
    ++frames_sent;
  }
  std::optional<std::size_t> next_size() override {
    if (frames == 0) return std::nullopt;
    return 60 + 700UL * (frames % 3);
  }
  std::size_t receive(std::span<std::byte> to) override {
    const std::size_t n = std::min(*next_size(), to.size());
    std::memset(to.data(), static_cast<int>(frames), n);
    --frames;
    return n;
  }
  void fill(std::span<std::byte> bytes) override {
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(++entropy);
  }
  void write(std::uint8_t) override { ++written; }
  std::optional<std::uint8_t> read() override {
    if (typed == 0) return std::nullopt;
    return static_cast<std::uint8_t>(typed--);
  }

  std::array<std::byte, 4096> disk{};
  bool read_only = false;
  unsigned frames = 0, frames_sent = 0, typed = 0, written = 0, entropy = 0;
};

struct World {
  World(unsigned which, bool read_only) : kind(which) {
    behind.read_only = read_only;
    make();
  }
  World(const World& other) : kind(other.kind), guest(other.guest), behind(other.behind) { make(); }
  World& operator=(const World&) = delete;

  void make() {
    const InterruptLine line(guest, kInterrupt);
    switch (kind) {
      case 0: device = &disk.emplace("device", kRange, guest, line, behind); break;
      case 1: device = &console.emplace("device", kRange, guest, line, behind); break;
      case 2: device = &source.emplace("device", kRange, guest, line, behind); break;
      default: device = &card.emplace("device", kRange, guest, line, behind, 0x5452U);
    }
  }
  std::uint32_t get(std::uint64_t offset) {
    return static_cast<std::uint32_t>(*device->read(offset, AccessWidth::Dword));
  }
  void put(std::uint64_t offset, std::uint64_t value) {
    require(device->write(offset, AccessWidth::Dword, value).has_value(), "writes have answers");
  }

  unsigned kind;
  Guest guest;
  Behind behind;
  std::optional<virtio::BlockDevice> disk;
  std::optional<virtio::ConsoleDevice> console;
  std::optional<virtio::EntropyDevice> source;
  std::optional<virtio::NetworkDevice> card;
  VirtioDevice* device = nullptr;  ///< one of them
};

fuzz::State state_of(World& world) { return fuzz::state_of<StateVisitor>(*world.device); }

constexpr std::uint64_t kRegisters[] = {0x010, 0x014, 0x020, 0x024, 0x030, 0x034, 0x038,
                                        0x044, 0x050, 0x060, 0x064, 0x070, 0x080, 0x084,
                                        0x090, 0x0a0, 0x0c0, 0x100, 0x108};
constexpr AccessWidth kWidths[] = {AccessWidth::Byte, AccessWidth::Word, AccessWidth::Dword,
                                   AccessWidth::Qword};

// Where a driver puts things: somewhere in memory, mostly.
std::uint64_t address_from(Input& input) {
  if (input.once_in(16)) return input.take<std::uint64_t>();
  return kRam + input.take<std::uint16_t>() % kRamSize;
}

struct Areas {
  std::uint64_t descriptors = kRam, driver = kRam + 0x400, device = kRam + 0x600;
};

// Up to DRIVER_OK, with whatever features, and queues that overlap only on purpose.
void start(World& world, Input& input, Areas& areas) {
  world.put(0x70, 0);
  world.put(0x70, 3);
  world.put(0x24, 0);
  world.put(0x20, (input.take<std::uint8_t>() & 3ULL) << 28);
  world.put(0x24, 1);
  world.put(0x20, input.once_in(2) ? 5 : 1);
  world.put(0x70, 11);
  const std::uint64_t sizes[] = {1, 2, 4, 8, 3, 16};
  for (std::uint64_t queue = 0; queue < 2; ++queue) {
    world.put(0x30, queue);
    world.put(0x38, input.one_of(sizes));
    const std::uint64_t shift = queue * 0x800;
    world.put(0x80, areas.descriptors + shift);
    world.put(0x90, areas.driver + shift);
    world.put(0xa0, areas.device + shift);
    world.put(0x44, 1);
  }
  world.put(0x70, 15);
}

// A descriptor of either layout, at a place of the ring or a table.
void write_descriptor(Guest& guest, Input& input, std::uint64_t at) {
  struct {
    std::uint64_t address;
    std::uint32_t length;
    std::uint16_t low, high;
  } descriptor{};
  descriptor.address = address_from(input);
  const std::uint32_t lengths[] = {0, 1, 16, 20, 32, 512, 513, 0xffff'ffff};
  descriptor.length = input.once_in(4) ? input.take<std::uint16_t>() : input.one_of(lengths);
  descriptor.low = input.take<std::uint8_t>() & 0xf;
  descriptor.high = static_cast<std::uint16_t>((input.take<std::uint8_t>() & 0xf) |
                                               (input.once_in(2) ? 0x80 : 0x8000));
  if (input.once_in(3)) descriptor.high &= 0xf;
  if (Guest::inside(GuestPhysAddr(at), sizeof descriptor)) {
    std::memcpy(&guest.ram[at - kRam], &descriptor, sizeof descriptor);
  }
}

void write_memory(Guest& guest, Input& input, const Areas& areas) {
  const std::uint64_t shift = input.below(2) * 0x800ULL;
  switch (input.below(4)) {
    case 0: return write_descriptor(guest, input, areas.descriptors + shift + 16 * input.below(16));
    case 1: return write_descriptor(guest, input, kRam + 0x1000 + 16 * input.below(64));
    case 2: {  // the available ring, its index, events
      const std::uint16_t value = input.take<std::uint8_t>();
      const std::uint64_t at = areas.driver + shift + 2 * input.below(20);
      std::memcpy(&guest.ram[at - kRam], &value, sizeof value);
      return;
    }
    default: {
      const std::string text = input.text(input.below(40));
      const std::size_t at = input.take<std::uint16_t>() % (kRamSize - 40);
      std::memcpy(&guest.ram[at], text.data(), text.size());
    }
  }
}

void step(World& world, Input& input, const Areas& areas) {
  switch (input.below(8)) {
    case 0: {
      const std::uint64_t offset =
          input.once_in(8) ? input.take<std::uint8_t>() * 2ULL % 0x1f9 : input.one_of(kRegisters);
      const AccessWidth width = input.one_of(kWidths);
      require(world.device->read(offset, width).has_value(), "reads have answers");
      return;
    }
    case 1: {
      const std::uint64_t offset = input.one_of(kRegisters);
      const std::uint64_t value =
          input.once_in(3) ? address_from(input) : input.take<std::uint8_t>();
      require(world.device->write(offset, input.one_of(kWidths), value).has_value(),
              "writes have answers");
      return;
    }
    case 2: return world.put(0x50, input.below(2));
    case 3:
      world.behind.frames += input.below(4);
      world.behind.typed += input.below(16);
      return world.device->poll();
    default: return write_memory(world.guest, input, areas);
  }
}

// Chains per access, descriptors per chain (twice, through tables), pieces of their bytes.
constexpr std::uint64_t kMostAccesses = 2ULL * 2 * 16 * (3 * 256 + (2 << 20) / 256);

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  World world(input.below(4), input.once_in(4));
  Areas areas;
  start(world, input, areas);
  while (!input.empty()) {
    world.guest.accesses = 0;
    const bool was_broken = (world.device->status() & virtio::kNeedsReset) != 0;
    switch (input.below(16)) {
      case 0: start(world, input, areas); break;
      case 1: {
        fuzz::RestoreAnything<StateVisitor> anything(input);
        world.device->describe(anything);
        world.device->poll();
        world.put(0x70, 0);
        start(world, input, areas);
        break;
      }
      case 2: {  // two that are told the same do the same
        World other(world);
        const fuzz::State saved = state_of(world);
        fuzz::Restore<StateVisitor> restore(saved);
        other.device->describe(restore);
        require(state_of(other) == saved, "the description says all of the state");
        Input same = input;
        step(other, same, areas);
        step(world, input, areas);
        require(state_of(other) == state_of(world), "a restored device goes on as the original");
        require(other.guest.ram == world.guest.ram, "and writes the same");
        require(other.behind.disk == world.behind.disk, "here, too");
        break;
      }
      default: {
        const std::uint64_t before = world.guest.accesses;
        step(world, input, areas);
        require(!was_broken || (world.device->status() & virtio::kNeedsReset) == 0 ||
                    world.guest.accesses == before,
                "a device that needs a reset touches nothing");
        break;
      }
    }
    require(world.guest.line == (world.get(0x60) != 0), "interrupts are on the wire");
    require(world.guest.accesses <= kMostAccesses, "work has an end");
  }
  return 0;
}
