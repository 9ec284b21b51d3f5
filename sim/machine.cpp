#include <fmt/format.h>

#include <sim/machine.hpp>
#include <utility>

namespace axvm::sim {

Machine::Machine(PhysicalMemory memory) : memory_(std::move(memory)), fetch_coherence_(memory_) {}

Machine::~Machine() = default;

std::expected<PhysicalMemory, std::string> Machine::make_memory(const MachineOptions& options) {
  if (options.pcpus < 1 || options.pcpus > 64) {
    return std::unexpected(fmt::format("{} pCPUs asked for, expected 1 to 64", options.pcpus));
  }
  if (options.tlb_entries < MachineOptions::kMinTlbEntries) {
    return std::unexpected(fmt::format("a TLB of {} entries, expected {} at least",
                                       options.tlb_entries, MachineOptions::kMinTlbEntries));
  }
  return PhysicalMemory::create(options.ram);
}

void Machine::add(std::unique_ptr<Pcpu> pcpu, EngineCaches& caches) {
  fetch_coherence_.attach(caches);
  pcpus_.push_back(std::move(pcpu));
}

std::expected<void, std::string> Machine::mount(std::uint64_t base, std::uint64_t size,
                                                BoardDevice* device) {
  for (const auto& bank : memory_.banks()) {
    if (base < bank.base + bank.size && bank.base < base + size) {
      return std::unexpected(fmt::format("device at {:#x} overlaps RAM at {:#x}", base, bank.base));
    }
  }
  if (auto added = board_.add(base, size, device); !added) return added;
  for (const auto& p : pcpus_) {
    if (!p->mount(base, size, &device->of_cpu(p->index()))) {
      return std::unexpected(fmt::format("the engine refuses a device at {:#x}", base));
    }
  }
  return {};
}

void Machine::memory_written(std::uint64_t pa, std::uint64_t size) {
  fetch_coherence_.written(pa, size);
}

void Machine::forget_code() {
  for (const auto& p : pcpus_) p->forget_all_code();
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
