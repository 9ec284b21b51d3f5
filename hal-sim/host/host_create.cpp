// From a configuration to booted VMs.
#include <fmt/format.h>

#include <bit>
#include <hal-sim/config/config_check.hpp>
#include <hal-sim/config/lent_vm_config.hpp>
#include <hal-sim/host/host.hpp>
#include <hal-sim/host/placement.hpp>
#include <hal-sim/load/load_plan.hpp>

namespace axvm::hal_sim {
namespace {

Diagnostic at(const VmFile& file, std::string key, std::string what) {
  const Location where = file.locate(key);
  return {file.file, where, std::move(key), std::move(what), {}};
}

Diagnostic of_error(const VmFile& file, const Error& error) {
  return {file.file,
          {},
          {},
          fmt::format("cannot {} the VM: {}: {}", std::string_view(error.operation),
                      std::string_view(to_string(error.kind)), std::string_view(error.detail)),
          {}};
}

}  // namespace

Host::Host(std::unique_ptr<Choices> choices) : choices_(std::move(choices)) {}

void Host::install(Platform platform) {
  machine_ = std::move(platform.machine);
  hal_ = std::move(platform.hal);
  queues_.resize(machine_->pcpu_count());
  load_.resize(machine_->pcpu_count(), 0);
  next_pcpu_ = machine_->pcpu_count();  // the first round has yet to begin
  machine_->listen([this](const sim::UnmaintainedCode& event) {
    if (!unmaintained_pc_) unmaintained_pc_ = event.pc;
    trace_.unmaintained_code(event);
  });
  hal_->set_waker([this](VmId vm, VcpuId vcpu) { wake(vm, vcpu); });
}

// VMs first: their vCPUs forget the CPUs that hold their registers.
Host::~Host() { vms_.clear(); }

std::expected<std::unique_ptr<Host>, std::vector<Diagnostic>> Host::create(
    const MachineConfig& config, HostOptions options) {
  if (auto findings = check_config(config); !findings.empty()) {
    return std::unexpected(std::move(findings));
  }
  sim::MachineOptions machine_options;
  for (const MemoryBank& bank : plan_memory(config)) {
    machine_options.ram.push_back({bank.base, bank.size});
  }
  machine_options.pcpus = plan_pcpus(config);
  machine_options.tlb_entries = config.sim.tlb_entries;
  if (!options.choices) {
    options.choices = std::make_unique<DeterministicChoices>(config.sim.turn_instructions,
                                                             config.sim.migration_rounds);
  }
  std::unique_ptr<Host> host(new Host(std::move(options.choices)));
  auto platform = make_platform(config.sim, machine_options, *host->choices_, host->trace_);
  if (!platform) {
    return std::unexpected(std::vector{Diagnostic{{}, {}, "machine", platform.error(), {}}});
  }
  host->isa_ = config.sim.isa;
  host->install(std::move(*platform));

  SimHal& hal = *host->hal_;
  auto backends = Backends::create(config, options.images, *host->choices_,
                                   [&hal] { return hal.monotonic_nanoseconds(); });
  if (!backends) return std::unexpected(std::move(backends.error()));
  host->backends_ = std::move(*backends);
  host->backends_->for_each([&hal](VmId vm, std::size_t device, const DeviceBackend& backend) {
    hal.set_backend(vm, device, backend);
  });

  host->max_resets_ = config.sim.max_resets;
  host->images_ = std::move(options.images);
  if (options.timing && options.timing->exits) {
    auto meter = std::make_unique<ExitMeter>(ExitPrices(config.sim.isa, *options.timing->exits));
    host->exit_meter_ = meter.get();
    host->trace_.add(std::move(meter));
  }
  if (options.prepare) options.prepare(*host);

  std::vector<Diagnostic> findings;
  for (unsigned i = 0; i < host->queues_.size(); ++i) {
    if (options.timing && !host->machine_->pcpu(i).set_timing(*options.timing)) {
      return std::unexpected(std::vector{
          Diagnostic{{},
                     {},
                     "timing",
                     fmt::format("is not offered for {} guests", to_string(config.sim.isa)),
                     {}}});
    }
    if (options.chaos != 0) host->machine_->pcpu(i).set_chaos(options.chaos + i);
    host->hal_->run_on(i);
    if (const auto enabled = host->hal_->enable_cpu(); !enabled) {
      findings.push_back(
          {{}, {}, fmt::format("pcpu{}", i), std::string(enabled.error().detail), {}});
    }
  }
  host->hal_->run_on(0);
  for (const VmFile& file : config.vms) {
    for (const MemoryRegionRow& region : file.memory_regions) {
      if (region.map_type != MapType::Alloc) {
        host->hal_->frames().set_aside({region.gpa, region.size});
      }
    }
  }
  for (const VmFile& file : config.vms) {
    if (auto added = host->add_vm(file, options.snapshot == nullptr); !added) {
      findings.push_back(added.error());
    }
  }
  if (!findings.empty()) return std::unexpected(std::move(findings));
  if (options.snapshot != nullptr) {
    if (auto restored = host->restore(*options.snapshot); !restored) {
      return std::unexpected(std::vector{Diagnostic{{}, {}, {}, restored.error(), {}}});
    }
  }
  return host;
}

std::expected<void, Diagnostic> Host::add_vm(const VmFile& file, bool loads_images) {
  const LentVmConfig lent(file);
  VmConfig config = lent.view();
  std::optional<LoadPlan> plan;
  if (loads_images) {
    auto made = plan_load(file, images_, isa_);
    if (!made) return std::unexpected(made.error());
    plan = std::move(*made);
    config.bsp_entry = GuestPhysAddr(plan->entry);
    config.dtb = GuestPhysAddr(plan->dtb.value_or(kNoAddress));
  } else {
    // A restored vCPU knows where it began; any address of the VM's will do until then.
    if (!file.memory_regions.empty()) {
      config.bsp_entry = GuestPhysAddr(file.memory_regions.front().gpa);
    }
    config.dtb = GuestPhysAddr(kNoAddress);
  }
  config.ap_entry = config.bsp_entry;

  std::vector<std::uint64_t> masks;
  for (const VcpuConfig& vcpu : config.vcpus) masks.push_back(vcpu.affinity_mask);
  auto created = hal_->create_vm(config);
  if (!created) return std::unexpected(of_error(file, created.error()));
  Ref<VmBase> vm = std::move(*created);

  if (plan) {
    if (const auto loaded = load(*vm, *plan); !loaded) {
      return std::unexpected(of_error(file, loaded.error()));
    }
  }
  if (const auto booted = vm->boot(); !booted)
    return std::unexpected(of_error(file, booted.error()));

  const std::size_t index = vms_.size();
  const auto places = place_vcpus(masks, load_);
  for (std::uint32_t i = 0; i < masks.size(); ++i) {
    if (!places[i]) {
      return std::unexpected(
          at(file, fmt::format("base.phys_cpu_sets[{}]", i),
             fmt::format("is {:#x}, but the machine has {} pCPUs", masks[i], queues_.size())));
    }
    Vcpu vcpu;
    vcpu.vm = index;
    vcpu.id = VcpuId(i);
    vcpu.affinity_mask = masks[i];
    vcpu.pcpu = *places[i];
    const std::uint64_t machine_mask = ~std::uint64_t{0} >> (64 - queues_.size());
    can_migrate_ |= std::popcount(masks[i] & machine_mask) > 1;
    const auto status = vm->vcpu_status(vcpu.id);
    vcpu.on = status && status->power == PowerState::On;
    queues_[vcpu.pcpu].push_back(vcpus_.size());
    vcpus_.push_back(vcpu);
  }
  vms_.push_back(std::move(vm));
  files_.push_back(file);
  plans_.push_back(std::move(plan));
  return {};
}

}  // namespace axvm::hal_sim
