#include <fmt/format.h>

#include <sim/arch/aarch64/guest_core.hpp>
#include <sim/machine.hpp>
#include <utility>

namespace axvm::sim {

Machine::Machine(PhysicalMemory memory) : memory_(std::move(memory)), fetch_coherence_(memory_) {}

Machine::~Machine() = default;

std::expected<std::unique_ptr<Machine>, std::string> Machine::create(
    const MachineOptions& options) {
  if (options.pcpus < 1 || options.pcpus > 64) {
    return std::unexpected(fmt::format("{} pCPUs asked for, expected 1 to 64", options.pcpus));
  }
  if (options.tlb_entries < MachineOptions::kMinTlbEntries) {
    return std::unexpected(fmt::format("a TLB of {} entries, expected {} at least",
                                       options.tlb_entries, MachineOptions::kMinTlbEntries));
  }
  auto memory = PhysicalMemory::create(options.ram);
  if (!memory) return std::unexpected(memory.error());
  std::unique_ptr<Machine> machine(new Machine(std::move(*memory)));
  for (unsigned i = 0; i < options.pcpus; ++i) {
    auto engine = aarch64::Engine::open(machine->memory_);
    if (!engine) return std::unexpected(engine.error());
    auto core =
        std::make_unique<aarch64::GuestCore>(*machine, i, std::move(*engine), options.tlb_entries);
    machine->fetch_coherence_.attach(*core);
    machine->pcpus_.push_back(std::make_unique<aarch64::Pcpu>(*machine, i, std::move(core)));
  }
  if (options.gicv) {
    const auto mounted = machine->mount(*options.gicv, aarch64::VirtualCpuInterface::kFrameSize,
                                        &machine->virtual_interfaces_);
    if (!mounted) return std::unexpected(mounted.error());
    machine->gicv_ = options.gicv;
  }
  return machine;
}

unsigned Machine::pcpu_count() const noexcept { return static_cast<unsigned>(pcpus_.size()); }

aarch64::Pcpu& Machine::pcpu(unsigned index) noexcept { return *pcpus_[index]; }

std::expected<void, std::string> Machine::mount(std::uint64_t base, std::uint64_t size,
                                                BoardDevice* device) {
  for (const auto& bank : memory_.banks()) {
    if (base < bank.base + bank.size && bank.base < base + size) {
      return std::unexpected(fmt::format("device at {:#x} overlaps RAM at {:#x}", base, bank.base));
    }
  }
  if (auto added = board_.add(base, size, device); !added) return added;
  for (const auto& p : pcpus_) {
    if (!p->core_->mount(base, size, &device->of_cpu(p->index()))) {
      return std::unexpected(fmt::format("the engine refuses a device at {:#x}", base));
    }
  }
  return {};
}

BoardDevice& Machine::VirtualInterfaces::of_cpu(unsigned cpu) {
  return machine_.pcpus_[cpu]->core_->interface_frame();
}

void Machine::memory_written(std::uint64_t pa, std::uint64_t size) {
  fetch_coherence_.written(pa, size);
}

void Machine::forget_code() {
  for_each_core([](aarch64::GuestCore& core) { core.forget_all_code(); });
  fetch_coherence_.all_invalidated();
}

void Machine::describe(StateVisitor& visitor) {
  visitor.field("published_time", published_time_);
  for (unsigned i = 0; i < pcpus_.size(); ++i) {
    visitor.enter("pcpu", i);
    pcpus_[i]->describe(visitor);
    visitor.leave();
  }
  memory_.describe(visitor);
  if (visitor.restores()) fetch_coherence_.forget_all();
}

}  // namespace axvm::sim
