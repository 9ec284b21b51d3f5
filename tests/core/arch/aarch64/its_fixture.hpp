#pragma once
// A VM's interrupt controller with an ITS, guest memory, and what a driver does with them.

#include <array>
#include <core/arch/aarch64/gic/distributor.hpp>
#include <core/arch/aarch64/gic/its.hpp>
#include <core/arch/aarch64/gic/redistributor.hpp>
#include <core/devices/byte_order.hpp>
#include <memory>
#include <set>
#include <tests/core/guest_ram.hpp>
#include <tests/core/heap.hpp>
#include <vector>

namespace axvm::test {

using namespace axvm::aarch64;

/// RAM of 1 MiB, and a clock that stands still.
struct ItsMemory final : GuestRam<1 << 20> {
  std::uint64_t nanoseconds() override { return now; }
  void store(std::uint64_t at, std::uint64_t value) {
    store_le(std::span(ram).subspan(at - kBase, 8), value);
  }
  std::uint64_t load(std::uint64_t at) {
    return load_le<std::uint64_t>(std::span(ram).subspan(at - kBase, 8));
  }

  std::uint64_t now = 0;
};

using Intids = std::vector<std::uint32_t>;

struct ItsWorld {
  static constexpr std::uint64_t kFirstFrame = 0x808'0000;
  // Offsets of registers.
  static constexpr std::uint64_t kCtlr = 0x0, kTyper = 0x8, kCbaser = 0x80, kCwriter = 0x88,
                                 kCreader = 0x90, kBaser0 = 0x100, kBaser1 = 0x108;
  static constexpr std::uint64_t kPropbaser = 0x70, kPendbaser = 0x78;
  static constexpr std::uint64_t kValid = 1ULL << 63;
  // Where the driver puts things.
  static constexpr std::uint64_t kConfiguration = 0x4000'0000, kPending = 0x4001'0000,
                                 kQueue = 0x4004'0000, kDevices = 0x4005'0000,
                                 kCollections = 0x4006'0000, kEvents = 0x4007'0000;
  static constexpr unsigned kQueuePages = 1;

  explicit ItsWorld(unsigned vcpus = 2) : interfaces(vcpus) {
    for (unsigned i = 0; i < vcpus; ++i) {
      interfaces[i] = std::make_unique<VcpuInterface>();
      gic->add_vcpu(i, *interfaces[i]);
    }
    const bool has_lpis = gic->add_lpis(Allocator::of(heap)).has_value();
    if (!has_lpis) std::abort();
    gic->add_distributor();
    distributor.emplace("gicd", BusRange{Bus::Mmio, 0x800'0000, 0x1'0000}, *gic);
    redistributors.emplace("gicr", BusRange{Bus::Mmio, 0x80a'0000, 0x2'0000ULL * vcpus}, *gic,
                           memory);
    its.emplace("its", BusRange{Bus::Mmio, kFirstFrame, Its::kSize}, *gic, redistributors->lpis(),
                memory);
    gic->attach(*its);
  }

  // --- registers ------------------------------------------------------------------------------
  std::uint64_t get(std::uint64_t offset, AccessWidth width = AccessWidth::Qword) {
    return *its->read(offset, width);
  }
  void put(std::uint64_t offset, std::uint64_t value, AccessWidth width = AccessWidth::Qword) {
    if (!its->write(offset, width, value)) std::abort();
  }
  std::uint64_t get_private(unsigned vcpu, std::uint64_t offset,
                            AccessWidth width = AccessWidth::Qword) {
    return *redistributors->read(vcpu * 0x2'0000 + offset, width);
  }
  void put_private(unsigned vcpu, std::uint64_t offset, std::uint64_t value,
                   AccessWidth width = AccessWidth::Qword) {
    if (!redistributors->write(vcpu * 0x2'0000 + offset, width, value)) std::abort();
  }

  // --- a driver -------------------------------------------------------------------------------
  static std::uint64_t pending_table(unsigned vcpu) { return kPending + vcpu * 0x1'0000; }
  void configure(std::uint32_t intid, std::uint8_t priority, bool enabled = true) {
    memory.ram[kConfiguration - ItsMemory::kBase + intid - kFirstLpi] =
        static_cast<std::byte>(priority | (enabled ? 1 : 0));
  }
  void enable_lpis(unsigned vcpu) {
    put_private(vcpu, kPropbaser, kConfiguration | 13);
    put_private(vcpu, kPendbaser, pending_table(vcpu));
    put_private(vcpu, 0, 1, AccessWidth::Dword);
  }
  /// All LPIs enabled, of equal priority; collection n is of vCPU n.
  void start() {
    if (!distributor->write(0, AccessWidth::Dword, 2)) std::abort();
    for (std::uint32_t intid = kFirstLpi; intid < kEndOfLpis; ++intid) configure(intid, 0xa0);
    for (unsigned i = 0; i < interfaces.size(); ++i) enable_lpis(i);
    put(kBaser0, kDevices | kValid);
    put(kBaser1, kCollections | kValid);
    put(kCbaser, kQueue | kValid | (kQueuePages - 1));
    put(kCtlr, 1, AccessWidth::Dword);
    for (unsigned i = 0; i < interfaces.size(); ++i) map_collection(i, i);
  }
  /// Queues a command without telling.
  void queue(std::uint64_t first, std::uint64_t second, std::uint64_t third, std::uint64_t fourth) {
    const std::array<std::uint64_t, 4> words{first, second, third, fourth};
    for (std::size_t i = 0; i < 4; ++i) memory.store(kQueue + writer + 8 * i, words[i]);
    writer = (writer + 32) % (kQueuePages * 4096);
  }
  void tell() { put(kCwriter, writer); }
  void command(std::uint64_t first, std::uint64_t second, std::uint64_t third,
               std::uint64_t fourth = 0) {
    queue(first, second, third, fourth);
    tell();
  }
  void command(ItsOperation operation, std::uint32_t device, std::uint32_t event,
               std::uint32_t collection = 0) {
    command(static_cast<std::uint64_t>(operation) | std::uint64_t{device} << 32, event, collection);
  }
  void map_device(std::uint32_t device, unsigned event_bits, std::uint64_t events = kEvents) {
    command(0x08 | std::uint64_t{device} << 32, event_bits - 1, kValid | events);
  }
  void map_collection(std::uint32_t collection, std::uint64_t vcpu) {
    command(0x09, 0, kValid | vcpu << 16 | collection);
  }
  void map_event(std::uint32_t device, std::uint32_t event, std::uint32_t intid,
                 std::uint32_t collection) {
    command(0x0a | std::uint64_t{device} << 32, event | std::uint64_t{intid} << 32, collection);
  }
  void move_all(std::uint64_t from, std::uint64_t to) { command(0x0e, 0, from << 16, to << 16); }

  // --- a CPU ----------------------------------------------------------------------------------
  /// What its list registers hold, as the guest finds them and leaves them untouched.
  Intids fill(unsigned vcpu, unsigned capacity = 4) {
    held = gic->fill(vcpu, capacity, 0);
    Intids intids;
    for (unsigned i = 0; i < held.count; ++i) intids.push_back(held.entries[i].intid);
    return intids;
  }
  void fold(unsigned vcpu) { gic->fold(vcpu, held, 0); }
  /// All that is delivered and ended.
  Intids take(unsigned vcpu) {
    Intids taken;
    for (Intids some = fill(vcpu); !some.empty(); some = fill(vcpu)) {
      taken.insert(taken.end(), some.begin(), some.end());
      for (ListRegister& entry : held.entries) entry.pending = entry.active = false;
      fold(vcpu);
    }
    return taken;
  }

  Heap heap;
  NoLock lock;
  ItsMemory memory;
  std::vector<std::unique_ptr<VcpuInterface>> interfaces;
  Box<Gic> gic = std::move(*Gic::try_make(Allocator::of(heap), lock, interfaces.size()));
  std::optional<Distributor> distributor;
  std::optional<Redistributors> redistributors;
  std::optional<Its> its;
  std::uint64_t writer = 0;
  ListRegisters held;
};

}  // namespace axvm::test
