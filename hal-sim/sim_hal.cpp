#include <hal-sim/sim_hal.hpp>
#include <hal-sim/vmm_defect.hpp>
#include <new>

namespace axvm::hal_sim {
namespace {

std::vector<FrameRange> banks_of(const sim::PhysicalMemory& memory) {
  std::vector<FrameRange> banks;
  for (const auto& bank : memory.banks()) banks.push_back({bank.base, bank.size});
  return banks;
}

}  // namespace

void CheckedLock::lock() {
  if (holder_) vmm_defect("a lock is taken that is held");
  const unsigned pcpu = hal_.running_on();
  unsigned& held = hal_.locks_held_by(pcpu);
  if (held >> static_cast<unsigned>(rank_) != 0) vmm_defect("locks are taken out of order");
  held |= 1U << static_cast<unsigned>(rank_);
  holder_ = pcpu;
}

void CheckedLock::unlock() {
  if (!holder_) vmm_defect("a lock is released that nobody holds");
  hal_.locks_held_by(*holder_) &= ~(1U << static_cast<unsigned>(rank_));
  holder_.reset();
}

SimHal::SimHal(sim::Machine& machine, Choices& choices, Trace& trace)
    : machine_(machine),
      choices_(choices),
      trace_(trace),
      frames_(banks_of(machine.memory())),
      locks_held_(machine.pcpu_count(), 0) {}

SimHal::~SimHal() = default;

std::optional<HostPhysAddr> SimHal::allocate_frame() {
  const auto frame = frames_.allocate();
  return frame ? std::optional(HostPhysAddr(*frame)) : std::nullopt;
}

void SimHal::deallocate_frame(HostPhysAddr frame) { deallocate_range(frame, kPageSize); }

std::optional<HostPhysAddr> SimHal::allocate_frames(std::size_t count, std::size_t alignment) {
  const auto base = frames_.allocate(count, alignment);
  return base ? std::optional(HostPhysAddr(*base)) : std::nullopt;
}

void SimHal::deallocate_frames(HostPhysAddr base, std::size_t count) {
  deallocate_range(base, count * kPageSize);
}

bool SimHal::allocate_range(HostPhysAddr base, std::size_t size) {
  return frames_.allocate_range({base.value, size});
}

void SimHal::deallocate_range(HostPhysAddr base, std::size_t size) {
  if (!frames_.deallocate({base.value, size})) vmm_defect("a frame is freed that is not taken");
  // The next owner's contents come from the VMM's writes, which no engine sees.
  machine_.memory_written(base.value, size);
}

std::optional<HostPhysRange> SimHal::ram_after(HostPhysAddr a) {
  for (const auto& bank : machine_.memory().banks()) {
    if (a.value < bank.base + bank.size) return HostPhysRange{HostPhysAddr(bank.base), bank.size};
  }
  return std::nullopt;
}

HostPhysAddr SimHal::virt_to_phys(HostVirtAddr a) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the HAL's addresses are integers
  const auto pa = machine_.memory().pa_of(reinterpret_cast<const void*>(a.value));
  if (!pa) vmm_defect("a host address outside RAM has no physical address");
  return HostPhysAddr(*pa);
}

void* SimHal::allocate(std::size_t size, std::size_t alignment) {
  ++allocations_;
  void* p = ::operator new(size, std::align_val_t(alignment), std::nothrow);
  if (p != nullptr) allocated_bytes_ += size;
  return p;
}

void SimHal::deallocate(void* p, std::size_t size, std::size_t alignment) {
  if (p == nullptr) return;
  allocated_bytes_ -= size;
  ::operator delete(p, std::align_val_t(alignment));
}

void SimHal::call_on(PcpuId pcpu, FunctionRef<void()> task) {
  if (locks_held_[current_] != 0) vmm_defect("a CPU that holds a lock waits for another");
  if (pcpu.value >= machine_.pcpu_count()) return;
  const unsigned caller = current_;
  current_ = pcpu.value;
  task();
  current_ = caller;
}

std::uint64_t SimHal::monotonic_nanoseconds() { return machine_.pcpu(current_).time(); }

std::optional<std::uint8_t> SimHal::console_read(VmId vm) {
  ConsolePort& port = console(vm);
  if (!port.has_input() || !choices_.admit_input(vm, monotonic_nanoseconds())) return std::nullopt;
  return port.read();
}

}  // namespace axvm::hal_sim
