#pragma once
// Runs the guests that were linked in, on the core, until all have powered off.

#include <array>
#include <cstddef>
#include <hal-common/placement.hpp>
#include <hal-metal/guest.hpp>
#include <hal-metal/hal.hpp>
#include <hal-metal/json_line.hpp>
#include <hal-metal/load.hpp>
#include <hal-metal/platform.hpp>
#include <hal-metal/run_loop.hpp>
#include <new>
#include <optional>
#include <utility>

extern "C" {
extern const std::byte image_end[];  // image.ld
}

namespace axvm::hal_metal {

/// What an architecture's entry calls, on a stack of each CPU's own. `Cpu` is as in Cpus.
template <class Cpu>
class Image {
 public:
  using Hal = hal_metal::Hal<Cpu>;
  using Vm = AxVM<Hal, Cpu>;
  static_assert(VmHal<Hal>);

  /// On CPU 0, once.
  [[noreturn]] static void main() {
    auto* made = ::new (storage_) Shared(HostPhysAddr(reinterpret_cast<std::uint64_t>(image_end)));
    run(made->hal);
  }
  /// On each of the others.
  [[noreturn]] static void secondary_main() {
    shared().hal.cpus().wait_for_release();
    enable_cpu();
    run_vcpus();
  }

 private:
  /// What all CPUs share. Made by the boot CPU before it starts others, and never unmade.
  struct Shared {
    explicit Shared(HostPhysAddr first_free) : hal(kConsole, first_free) {}

    Hal hal;
    RunLoop<Cpu> loop{hal};
    std::array<std::optional<Ref<Vm>>, kMaxVms> vms;
    std::uint64_t allocations = 0;  ///< before the loop
  };
  static Shared& shared() { return *std::launder(reinterpret_cast<Shared*>(storage_)); }

  /// The last line of the channel names a status: 0 all guests powered off, 1 one has failed; how
  /// often one had FP registers brought in; and how often the VMM asked for memory of its own
  /// meanwhile.
  [[noreturn]] static void end(Hal& hal, unsigned status, std::uint64_t allocations_before) {
    const std::uint64_t allocations = hal.allocations() - allocations_before;
    hal.events().close();
    JsonLine(kConsole, "end")
        .number("status", status)
        .number("fp_loads", hal.cpus().fp_loads())
        .number("allocations", allocations);
    power_off();
  }
  [[noreturn]] static void end(Hal& hal, const Error& error) {
    hal.events().close();
    JsonLine(kConsole, "error")
        .text("kind", to_string(error.kind))
        .text("operation", error.operation)
        .text("detail", error.detail);
    JsonLine(kConsole, "end").number("status", 1);
    power_off();
  }

  [[noreturn]] static void run_vcpus() {
    Hal& hal = shared().hal;
    const auto status = shared().loop.run();
    if (!status) end(hal, status.error());
    end(hal, *status, shared().allocations);
  }

  static void enable_cpu() {
    Hal& hal = shared().hal;
    if (auto done = hal.this_cpu().hardware_enable(); !done) end(hal, done.error());
    enable_interrupts();
  }

  static void boot(Hal& hal, std::size_t index) {
    const Guest& guest = kGuests[index];
    std::optional<Ref<Vm>>& made = shared().vms[index];
    if (auto done = hal.add_backends(index); !done) end(hal, done.error());
    auto vm = Vm::create(hal, guest.config);
    if (!vm) end(hal, vm.error());
    made = std::move(*vm);
    if (auto done = load(**made, guest); !done) end(hal, done.error());
    if (auto done = (*made)->boot(); !done) end(hal, done.error());
    shared().loop.add(**made);
  }

  [[noreturn]] static void run(Hal& hal) {
    enable_interrupt_controller();
    enable_cpu();
    hal_common::CpuDemand demand;
    for (const Guest& guest : kGuests) {
      for (const VcpuConfig& vcpu : guest.config.vcpus) demand.add(vcpu.affinity_mask);
    }
    hal.cpus().start(demand.best(kMaxCpus));
    for (const Guest& guest : kGuests) {
      if (hal.guest_cpus().add(guest.config, hal.cpus().count())) continue;
      end(hal,
          Error{ErrorKind::Unsupported, "boot"sv, "no physical CPU may run one of the vCPUs"sv});
    }
    for (std::size_t i = 0; i < kGuests.size(); ++i) boot(hal, i);
    shared().allocations = hal.allocations();
    hal.cpus().release();
    run_vcpus();
  }

  /// No constructor runs before the entry.
  alignas(Shared) static inline std::byte storage_[sizeof(Shared)];
};

}  // namespace axvm::hal_metal
