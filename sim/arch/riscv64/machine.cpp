#include <sim/arch/riscv64/guest_core.hpp>
#include <sim/arch/riscv64/machine.hpp>
#include <utility>

namespace axvm::sim::riscv64 {

Machine::~Machine() = default;

std::expected<std::unique_ptr<Machine>, std::string> Machine::create(
    const MachineOptions& options) {
  auto memory = make_memory(options);
  if (!memory) return std::unexpected(memory.error());
  std::unique_ptr<Machine> machine(new Machine(std::move(*memory)));
  for (unsigned i = 0; i < options.pcpus; ++i) {
    auto engine = Engine::open(machine->memory());
    if (!engine) return std::unexpected(engine.error());
    auto core = std::make_unique<GuestCore>(*machine, i, std::move(*engine), options.tlb_entries,
                                            options.features);
    GuestCore& caches = *core;
    machine->add(std::make_unique<Pcpu>(*machine, i, std::move(core)), caches);
  }
  return machine;
}

}  // namespace axvm::sim::riscv64
