#pragma once
// The host of a VMM made of plain containers: memory that can run out on demand and is counted.

#include <axvm/hal.hpp>
#include <core/vcpu/per_cpu.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace axvm::test {

/// `Cpu` is the hardware of one CPU.
template <class Cpu>
class FakeHost {
 public:
  using PerCpu = axvm::PerCpu<Cpu>;
  /// Aborts when it is taken out of order.
  struct Lock {
    Lock(FakeHost& owner, LockRank order) : hal(owner), rank(order) {}
    void lock() {
      if (!hal.held.empty() && *hal.held.rbegin() >= rank) std::abort();
      hal.held.insert(rank);
    }
    void unlock() { hal.held.erase(rank); }
    FakeHost& hal;
    LockRank rank;
  };

  static constexpr std::uint64_t kRam = 0x4000'0000;

  explicit FakeHost(std::size_t frames = 1024)
      : ram_size(frames * kPageSize), ram_((frames + 1) * kPageSize), frames_(frames) {
    cpu(0);
  }
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;
  /// No test may lose memory.
  ~FakeHost() {
    if (balanced()) return;
    std::fprintf(stderr, "%zu frames and %zu objects were never given back\n", taken.size(),
                 objects.size());
    std::abort();
  }

  // --- VmHal ---------------------------------------------------------------------------------
  std::optional<HostPhysAddr> allocate_frame() {
    if (!may_allocate()) return std::nullopt;
    for (std::size_t i = 0; i < frames_; ++i) {
      const std::uint64_t hpa = kRam + ((next_ + i) % frames_) * kPageSize;
      if (!taken.insert(hpa).second) continue;
      next_ = (next_ + i + 1) % frames_;
      std::memset(bytes(hpa), 0xa5, kPageSize);  // whoever needs zeroes makes them
      return HostPhysAddr(hpa);
    }
    return std::nullopt;
  }
  void deallocate_frame(HostPhysAddr hpa) {
    if (taken.erase(hpa.value) != 1) std::abort();
  }
  std::optional<HostPhysAddr> allocate_frames(std::size_t count, std::size_t alignment) {
    for (std::uint64_t hpa = kRam; hpa + count * kPageSize <= kRam + frames_ * kPageSize;
         hpa += alignment) {
      const auto next = taken.lower_bound(hpa);
      if (next != taken.end() && *next < hpa + count * kPageSize) continue;
      if (!allocate_range(HostPhysAddr(hpa), count * kPageSize)) return std::nullopt;
      std::memset(bytes(hpa), 0xa5, count * kPageSize);
      return HostPhysAddr(hpa);
    }
    return std::nullopt;
  }
  void deallocate_frames(HostPhysAddr base, std::size_t count) {
    deallocate_range(base, count * kPageSize);
  }
  bool allocate_range(HostPhysAddr hpa, std::size_t size) {
    if (!may_allocate()) return false;
    if (hpa.value < kRam || hpa.value + size > kRam + frames_ * kPageSize) return false;
    for (std::uint64_t at = hpa.value; at < hpa.value + size; at += kPageSize) {
      if (taken.contains(at)) return false;
    }
    for (std::uint64_t at = hpa.value; at < hpa.value + size; at += kPageSize) taken.insert(at);
    return true;
  }
  void deallocate_range(HostPhysAddr hpa, std::size_t size) {
    for (std::uint64_t at = hpa.value; at < hpa.value + size; at += kPageSize) {
      deallocate_frame(HostPhysAddr(at));
    }
  }
  void zero_range(HostPhysAddr hpa, std::size_t size) {
    for (std::uint64_t at = hpa.value; at < hpa.value + size; at += kPageSize) {
      if (!taken.contains(at)) std::abort();
    }
    std::memset(bytes(hpa.value), 0, size);
    zeroed_bytes += size;
  }
  std::optional<HostPhysRange> ram_after(HostPhysAddr hpa) {
    if (hpa.value >= kRam + ram_size) return std::nullopt;
    return HostPhysRange{HostPhysAddr(kRam), ram_size};
  }
  HostVirtAddr phys_to_virt(HostPhysAddr hpa) {
    return HostVirtAddr(reinterpret_cast<std::uintptr_t>(bytes(hpa.value)));
  }
  HostPhysAddr virt_to_phys(HostVirtAddr hva) {
    return HostPhysAddr(hva.value - reinterpret_cast<std::uintptr_t>(bytes(kRam)) + kRam);
  }
  void* allocate(std::size_t size, std::size_t alignment) {
    if (!may_allocate()) return nullptr;
    void* p = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    objects[p] = size;
    return p;
  }
  void deallocate(void* p, std::size_t size, std::size_t) {
    if (objects.at(p) != size) std::abort();
    objects.erase(p);
    std::free(p);
  }
  std::uint64_t monotonic_nanoseconds() { return now; }
  PcpuId current_pcpu() { return PcpuId(here); }
  PerCpu& this_cpu() { return *cpus_.at(here); }
  void kick(PcpuId pcpu) { kicked.push_back(pcpu.value); }
  void wake(VmId, VcpuId vcpu) { woken.push_back(vcpu.value); }
  void call_on(PcpuId pcpu, FunctionRef<void()> task) {
    if (!held.empty()) std::abort();
    if (before_call) before_call();
    const std::uint32_t caller = std::exchange(here, pcpu.value);
    task();
    here = caller;
  }
  IvcHub<FakeHost>& ivc() { return ivc_; }
  std::uint32_t acknowledge_irq() { return pending_irq; }
  void end_irq(std::uint32_t irq) { ended.push_back(irq); }
  void console_write(VmId, std::uint8_t byte) { output.push_back(static_cast<char>(byte)); }
  std::optional<std::uint8_t> console_read(VmId) {
    if (input.empty()) return std::nullopt;
    const auto byte = static_cast<std::uint8_t>(input.front());
    input.erase(0, 1);
    return byte;
  }
  DeviceBackend backend(VmId, std::size_t index) { return backends[index]; }
  void log(LogLevel, std::string_view text) { messages.emplace_back(text); }
  bool wants_events() { return listening; }
  bool wants_tables() { return shows_tables; }
  void event(const Event& event) { events.push_back(event); }

  // --- what tests look at and turn ------------------------------------------------------------
  /// Physical CPU `n`; made, and its hardware enabled, when first asked for.
  Cpu& cpu(std::size_t n = 0) {
    while (cpus_.size() <= n) {
      hardware_.push_back(std::make_unique<Cpu>());
      const PcpuId id(static_cast<std::uint32_t>(cpus_.size()));
      cpus_.push_back(std::make_unique<PerCpu>(id, *hardware_.back()));
      if (!cpus_.back()->hardware_enable()) std::abort();
    }
    return *hardware_[n];
  }
  PerCpu& per_cpu(std::size_t n) { return cpus_.at(n).operator*(); }
  std::byte* bytes(std::uint64_t hpa) {
    const auto start = reinterpret_cast<std::uintptr_t>(ram_.data());
    return ram_.data() + ((start + kPageSize - 1) / kPageSize * kPageSize - start) + (hpa - kRam);
  }
  [[nodiscard]] bool balanced() const { return taken.empty() && objects.empty(); }
  template <class T>
  std::vector<T> events_of() const {
    std::vector<T> found;
    for (const Event& event : events) {
      if (const T* e = std::get_if<T>(&event)) found.push_back(*e);
    }
    return found;
  }

  std::set<std::uint64_t> taken;  ///< frames
  std::map<void*, std::size_t> objects;
  std::size_t allocations = 0;        ///< of any kind, successful or not
  std::optional<std::size_t> budget;  ///< allocations that still succeed
  std::size_t zeroed_bytes = 0;
  std::uint64_t ram_size;  ///< what it says; more than there is must not be touched
  std::set<LockRank> held;
  std::uint32_t here = 0;
  std::function<void()> before_call;  ///< what happens while a CPU waits for another
  std::vector<std::uint32_t> kicked;
  std::vector<std::uint32_t> woken;
  std::vector<std::uint32_t> ended;  ///< physical interrupts
  std::uint32_t pending_irq = 1023;
  std::map<std::size_t, DeviceBackend> backends;  ///< by index of the device
  std::string output;
  std::string input;
  bool listening = true;
  bool shows_tables = false;
  std::uint64_t now = 0;  ///< monotonic_nanoseconds()
  std::vector<Event> events;
  std::vector<std::string> messages;

 private:
  bool may_allocate() {
    ++allocations;
    if (!budget) return true;
    if (*budget == 0) return false;
    --*budget;
    return true;
  }

  std::vector<std::byte> ram_;
  std::size_t frames_;
  std::size_t next_ = 0;
  std::vector<std::unique_ptr<Cpu>> hardware_;
  std::vector<std::unique_ptr<PerCpu>> cpus_;
  IvcHub<FakeHost> ivc_{*this};
};

/// A TLB that remembers what it was told.
struct FakeTlb {
  std::vector<GuestPhysRange> invalidated;
  unsigned published = 0;
  std::vector<std::span<std::byte>> data;  ///< published, in order
  std::function<void(GuestPhysRange)> on_invalidate;

  void invalidate(GuestPhysRange range) {
    invalidated.push_back(range);
    if (on_invalidate) on_invalidate(range);
  }
  void publish() { ++published; }
  void publish_data(std::span<std::byte> bytes) { data.push_back(bytes); }
};

}  // namespace axvm::test
