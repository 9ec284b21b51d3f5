// Any traps, as a guest may cause them or hardware may never present them: the VMM handles each,
// leaves every vCPU free, touches only what is the guest's, and gives all its memory back.

#include <fuzz/input.hpp>
#include <optional>
#include <tests/core/fake_hal.hpp>

namespace {

using namespace axvm;
using namespace axvm::test;
using fuzz::Input;
using fuzz::require;

constexpr std::uint64_t kUart = 0x900'0000;
constexpr std::uint64_t kWindow = 0xa00'0000;
constexpr std::uint64_t kLazy = 0x8000'0000;
constexpr std::uint64_t kReadOnly = 0x9000'0000;
constexpr std::uint64_t kChannels = 0xa000'0000;
constexpr std::uint64_t kInPlace = FakeHal::kRam + 0x2'0000;
constexpr std::size_t kFrames = 40;

/// Registers of the guest that handling a trap may change; all others it may not.
bool may_change(SysReg r) {
  switch (r) {
    case SysReg::ELR_EL2:
    case SysReg::SPSR_EL2:
    case SysReg::SP_EL0:
    case SysReg::SP_EL1:
    case SysReg::ELR_EL1:
    case SysReg::SPSR_EL1:
    case SysReg::ESR_EL1:
    case SysReg::FAR_EL1: return true;
    default: return false;
  }
}

class World {
 public:
  explicit World(Input& input) : input_(input) {
    const VcpuConfig vcpus[] = {{0, 3}, {0x100, 3}};
    const MemoryRegionConfig memory[] = {
        {GuestPhysAddr(kLazy), 0x10'0000},
        {GuestPhysAddr(kReadOnly), 0x2000, MappingFlags::Read},
        {GuestPhysAddr(kInPlace), 0x4000, kReadWriteExecute, MapType::Identical}};
    const EmulatedDeviceConfig devices[] = {
        {"uart", GuestPhysAddr(kUart), 0x1000, 33, EmulatedDeviceType::Console, {}},
        {"ivc", GuestPhysAddr(kChannels), 0x8000, 60, EmulatedDeviceType::IvcChannel, {}}};
    const PassthroughDeviceConfig windows[] = {
        {"window", GuestPhysAddr(kWindow), HostPhysAddr(kWindow), 0x1000, 0}};
    VmConfig config{.id = 5,
                    .name = "guest",
                    .bsp_entry = GuestPhysAddr(kLazy),
                    .ap_entry = GuestPhysAddr(kLazy)};
    config.vcpus = vcpus;
    config.memory_regions = memory;
    config.emulated_devices = devices;
    config.passthrough_devices = windows;
    auto created = TestVm::create(hal_, config);
    require(created.has_value() && (*created)->boot().has_value(), "the VM can be made");
    vm_.emplace(std::move(*created));
    static_cast<void>(hal_.cpu(1));
    hal_.listening = input_.below(2) != 0;
    hal_.input = input_.text(input_.below(8));
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() {
    vm_.reset();
    require(hal_.balanced(), "a VM gives all its memory back");
  }

  void step() {
    hal_.here = input_.below(2);
    const VcpuId vcpu(input_.once_in(16) ? input_.take<std::uint8_t>() : input_.below(2));
    if (input_.once_in(8)) static_cast<void>((*vm_)->unload_vcpu(vcpu));
    write_instruction();
    if (input_.once_in(16)) hal_.budget = input_.below(4);

    FakeCpu& cpu = hal_.cpu(hal_.here);
    entered_.reset();
    for (unsigned traps = 1 + input_.below(4); traps > 0; --traps)
      cpu.script.push_back(some_trap());
    const auto exit = (*vm_)->run_vcpu(vcpu);
    cpu.script.clear();
    hal_.budget.reset();
    check(cpu, exit);
  }

 private:
  struct Entered {
    std::map<SysReg, std::uint64_t> registers;
    std::uint64_t pc;
  };

  /// Some load or store at kLazy, where guests begin.
  void write_instruction() {
    const std::uint32_t word = (input_.take<std::uint32_t>() & ~0x0200'0000U) | 0x0800'0000U;
    static_cast<void>(
        (*vm_)->write_to_guest(GuestPhysAddr(kLazy), std::as_bytes(std::span(&word, 1))));
  }

  std::uint64_t address() {
    constexpr std::uint64_t kAreas[] = {
        kUart, kWindow, kLazy, kReadOnly, kInPlace, kChannels, 0xffff'8000'0000'0000};
    if (input_.once_in(16)) return input_.take<std::uint64_t>();
    return input_.one_of(kAreas) + input_.take<std::uint16_t>();
  }

  std::uint64_t syndrome() {
    using aarch64::ExceptionClass;
    constexpr ExceptionClass kClasses[] = {ExceptionClass::DataAbortLower,
                                           ExceptionClass::DataAbortLower,
                                           ExceptionClass::DataAbortLower,
                                           ExceptionClass::InstructionAbortLower,
                                           ExceptionClass::SystemRegister,
                                           ExceptionClass::Hvc,
                                           ExceptionClass::Smc,
                                           ExceptionClass::Wfx};
    if (input_.once_in(16)) return input_.take<std::uint64_t>();
    const auto ec = static_cast<std::uint64_t>(input_.one_of(kClasses));
    std::uint64_t iss = input_.take<std::uint32_t>() & 0x1ff'ffff;
    if (input_.below(2) == 0) iss = (iss & ~0x3fULL) | 0b00'0111;      // translation fault, level 3
    if (input_.below(2) == 0) iss = (iss & ~0x580ULL) | (1ULL << 24);  // described, plain
    return (ec << 26) | (1ULL << 25) | iss;
  }

  /// PSCI functions and hypercalls as often as anything else.
  std::uint64_t call() {
    constexpr std::uint64_t kCalls[] = {
        0x8400'0000, 0x8400'0002, 0x8400'0003, 0xc400'0003, 0x8400'0004, 0xc400'0004, 0x8400'0008,
        0x8400'0009, 0x8400'000a, 0xc400'000d, 0xc400'0001, 0xc400'000e, 0x0,         0x1,
        0x2,         0x3,         0x4,         0x5,         0x6,         0x7};
    return input_.below(4) == 0 ? input_.take<std::uint64_t>() : input_.one_of(kCalls);
  }

  FakeCpu::Step some_trap() {
    const auto vector = static_cast<Vector>(input_.once_in(16) ? input_.below(4) : 0);
    const std::uint64_t esr = syndrome();
    const std::uint64_t far = address();
    const std::uint64_t hpfar =
        input_.once_in(16) ? input_.take<std::uint64_t>() : (address() >> 12) << 4;
    const std::array<std::uint64_t, 5> x{call(), input_.below(2) * 0x100ULL + input_.below(8),
                                         address(), address(), address()};
    const bool at_entry = input_.below(2) != 0;
    const bool at_vector = input_.once_in(8);
    const std::uint64_t pstate = input_.take<std::uint8_t>();
    return [=, this](FakeCpu& cpu) {
      check_untouched(cpu);
      for (unsigned i = 0; i < x.size(); ++i) cpu.gprs[i] = x[i];
      cpu.set(SysReg::ESR_EL2, esr);
      cpu.set(SysReg::FAR_EL2, far);
      cpu.set(SysReg::HPFAR_EL2, hpfar);
      cpu.set(SysReg::SPSR_EL2, pstate);
      if (at_entry) cpu.set(SysReg::ELR_EL2, kLazy);
      if (at_vector) cpu.set(SysReg::VBAR_EL1, cpu.get(SysReg::ELR_EL2) & ~0x7ffULL);
      entered_ = Entered{cpu.registers, cpu.get(SysReg::ELR_EL2)};
      return vector;
    };
  }

  void check_untouched(FakeCpu& cpu) const {
    if (!entered_) return;
    for (const auto& [reg, value] : entered_->registers) {
      require(may_change(reg) || cpu.get(reg) == value,
              "a trap changes the guest's registers only");
    }
  }

  void check(FakeCpu& cpu, const Result<ExitReason>& exit) {
    for (std::uint32_t n = 0; n < 2; ++n) {
      require((*vm_)->vcpu_status(VcpuId(n))->state == VCpuState::Free,
              "a vCPU is free after a run");
    }
    if (entered_) check_untouched(cpu);
    if (!exit && entered_) {
      require(exit.error().kind == ErrorKind::NoMemory, "only missing memory fails a run");
      require(cpu.get(SysReg::ELR_EL2) == entered_->pc, "an access that failed has not happened");
    }
    if (exit && std::holds_alternative<exit_reason::SystemDown>(*exit)) {
      require((*vm_)->shutting_down(), "a guest that powers off ends its VM");
    }
    static_cast<void>((*vm_)->translate(GuestPhysAddr(address())));  // nobody left a lock behind
  }

  Input& input_;
  FakeHal hal_{kFrames};
  std::optional<Ref<TestVm>> vm_;
  std::optional<Entered> entered_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  World world(input);
  for (int steps = 0; steps < 64 && !input.empty(); ++steps) world.step();
  return 0;
}
