// Any traps of RISC-V guests, SBI calls among them, as a guest may cause them or hardware may never
// present them: the VMM handles each, leaves every vCPU free, touches only what is the guest's, and
// gives all its memory back.

#include <fuzz/input.hpp>
#include <optional>
#include <tests/core/arch/riscv64/fake_hart.hpp>

namespace {

using namespace axvm;
using namespace axvm::test;
using fuzz::Input;
using fuzz::require;
using riscv64::ExceptionCause;

constexpr std::uint64_t kUart = 0x1000'0000;
constexpr std::uint64_t kPlic = 0xc00'0000;
constexpr std::uint64_t kLazy = 0x8000'0000;
constexpr std::uint64_t kReadOnly = 0x9000'0000;
constexpr std::uint64_t kChannels = 0xa000'0000;
constexpr std::uint64_t kInPlace = FakeHartHost::kRam + 0x2'0000;
constexpr std::size_t kFrames = 48;

/// Registers that handling a trap may change; all others it may not.
bool may_change(Csr csr) {
  switch (csr) {
    case Csr::sepc:
    case Csr::sstatus:
    case Csr::vsstatus:
    case Csr::vsepc:
    case Csr::vscause:
    case Csr::vstval:
    case Csr::vstimecmp:
    case Csr::hvip:
    case Csr::hcounteren:
    // What HLV and HSV leave when they trap, as traps of guests do.
    case Csr::scause:
    case Csr::stval:
    case Csr::htval:
    case Csr::htinst: return true;
    default: return false;
  }
}

class World {
 public:
  explicit World(Input& input) : input_(input) {
    const VcpuConfig vcpus[] = {{0, 3}, {5, 3}};
    const MemoryRegionConfig memory[] = {
        {GuestPhysAddr(kLazy), 0x10'0000},
        {GuestPhysAddr(kReadOnly), 0x2000, MappingFlags::Read},
        {GuestPhysAddr(kInPlace), 0x4000, kReadWriteExecute, MapType::Identical}};
    const EmulatedDeviceConfig devices[] = {
        {"uart", GuestPhysAddr(kUart), 0x2000, 10, EmulatedDeviceType::Console, {}},
        {"plic", GuestPhysAddr(kPlic), 0x40'0000, 0, EmulatedDeviceType::InterruptController, {}},
        {"ivc", GuestPhysAddr(kChannels), 0x8000, 60, EmulatedDeviceType::IvcChannel, {}}};
    VmConfig config{.id = 5,
                    .name = "guest",
                    .bsp_entry = GuestPhysAddr(kLazy),
                    .ap_entry = GuestPhysAddr(kLazy),
                    .interrupt_mode = InterruptMode::Emulated};
    config.vcpus = vcpus;
    config.memory_regions = memory;
    config.emulated_devices = devices;
    auto created = RiscvVm::create(hal_, config);
    require(created.has_value() && (*created)->boot().has_value(), "the VM can be made");
    vm_.emplace(std::move(*created));
    static_cast<void>(hal_.cpu(1));
    for (const std::size_t n : {0U, 1U}) {
      hal_.cpu(n).refuse = [this](FakeHart& hart, std::uint64_t va, bool is_store) {
        return refuses(hart, va, is_store);
      };
    }
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
    if (input_.once_in(16)) hal_.budget = input_.below(4);

    FakeHart& hart = hal_.cpu(hal_.here);
    entered_.reset();
    for (unsigned traps = 1 + input_.below(4); traps > 0; --traps) {
      hart.script.push_back(some_trap());
    }
    const auto exit = (*vm_)->run_vcpu(vcpu);
    hart.script.clear();
    hal_.budget.reset();
    check(hart, exit);
  }

 private:
  struct Entered {
    std::map<Csr, std::uint64_t> registers;
    std::uint64_t pc;
  };

  std::uint64_t address() {
    constexpr std::uint64_t kAreas[] = {kUart,     kPlic + 0x20'1000,    kLazy, kReadOnly, kInPlace,
                                        kChannels, 0xffff'ffc0'0000'0000};
    if (input_.once_in(16)) return input_.take<std::uint64_t>();
    return input_.one_of(kAreas) + input_.take<std::uint16_t>() % 0x3000;
  }

  /// HLV, HLVX and HSV go through, or trap for any reason.
  bool refuses(FakeHart& hart, std::uint64_t va, bool is_store) {
    constexpr ExceptionCause kLoads[] = {ExceptionCause::LoadGuestPage, ExceptionCause::LoadPage,
                                         ExceptionCause::LoadAccess,
                                         ExceptionCause::LoadMisaligned};
    constexpr ExceptionCause kStores[] = {ExceptionCause::StoreGuestPage, ExceptionCause::StorePage,
                                          ExceptionCause::StoreAccess,
                                          ExceptionCause::StoreMisaligned};
    if (input_.below(3) != 0) return false;
    hart.set(Csr::scause,
             static_cast<std::uint64_t>(is_store ? input_.one_of(kStores) : input_.one_of(kLoads)));
    hart.set(Csr::stval, va);
    hart.set(Csr::htval, address() >> 2);
    hart.set(Csr::htinst, input_.once_in(4) ? 0x3000 : 0);
    return true;
  }

  std::uint64_t instruction() {
    constexpr std::uint64_t kPlausible[] = {0,           0x3000,      0x3020,      0x0000'3583,
                                            0x00b0'3023, 0x0000'2583, 0x00b0'2023, 0x0000'0583,
                                            0x00b0'0023, 0x0000'3587, 0x00b0'3027, 0x0000'3581,
                                            0x00b0'3021, 0x0220'202f, 0x0010'200f, 0x0040'200f};
    if (input_.once_in(8)) return input_.take<std::uint64_t>();
    return input_.one_of(kPlausible) |
           (input_.once_in(4) ? std::uint64_t{input_.below(8)} << 15 : 0);
  }

  /// SBI's extensions, as often as anything else.
  std::uint64_t extension() {
    constexpr std::uint64_t kExtensions[] = {
        0,           1,           2,         3,           4,         5,           6,
        7,           8,           0x10,      0x5449'4d45, 0x73'5049, 0x5246'4e43, 0x48'534d,
        0x5352'5354, 0x5355'5350, 0x48'5643, 0x4442'434e, 0x50'4d55, 0x48'534d,   0x53'5441};
    return input_.once_in(8) ? input_.take<std::uint64_t>() : input_.one_of(kExtensions);
  }

  std::uint64_t cause() {
    constexpr ExceptionCause kCauses[] = {
        ExceptionCause::LoadGuestPage,         ExceptionCause::StoreGuestPage,
        ExceptionCause::InstructionGuestPage,  ExceptionCause::VirtualInstruction,
        ExceptionCause::VirtualSupervisorCall, ExceptionCause::VirtualSupervisorCall};
    if (input_.once_in(16)) return input_.take<std::uint64_t>();
    return static_cast<std::uint64_t>(input_.one_of(kCauses));
  }

  FakeHart::Step some_trap() {
    constexpr std::uint64_t kVirtual[] = {0x1050'0073, 0x00d0'0073, 0,
                                          0x6000'2573, 0xc000'2573, 0xc020'25f3};
    const std::uint64_t scause = cause();
    std::uint64_t stval = address();
    if (scause == static_cast<std::uint64_t>(ExceptionCause::VirtualInstruction)) {
      stval = input_.one_of(kVirtual);
    }
    const std::uint64_t htval = address() >> 2;
    const std::uint64_t htinst = instruction();
    const std::array<std::uint64_t, 8> a{input_.below(2) != 0 ? input_.below(8) : address(),
                                         address(),
                                         input_.below(2) != 0 ? 0 : address(),
                                         input_.take<std::uint8_t>(),
                                         address(),
                                         0,
                                         input_.below(8),
                                         extension()};
    const bool at_vector = input_.once_in(8);
    const std::uint64_t mode = input_.below(2) != 0 ? riscv64::status::kSpp : 0;
    const std::uint64_t enabled = input_.take<std::uint16_t>() & 0x222;
    return [=, this](FakeHart& hart) {
      check_untouched(hart);
      for (unsigned n = 0; n < a.size(); ++n) hart.gprs[10 + n] = a[n];
      hart.set(Csr::stval, stval);
      hart.set(Csr::htval, htval);
      hart.set(Csr::htinst, htinst);
      hart.set(Csr::sstatus, mode | riscv64::status::kFsClean);
      hart.set(Csr::vsie, enabled);
      if (at_vector) hart.set(Csr::vstvec, hart.get(Csr::sepc) & ~3ULL);
      entered_ = Entered{hart.registers, hart.get(Csr::sepc)};
      return scause;
    };
  }

  void check_untouched(FakeHart& hart) const {
    if (!entered_) return;
    for (const auto& [csr, value] : entered_->registers) {
      require(may_change(csr) || hart.get(csr) == value,
              "a trap changes the guest's registers only");
    }
    require(hart.gprs[0] == 0, "x0 is 0");
  }

  void check(FakeHart& hart, const Result<ExitReason>& exit) {
    for (std::uint32_t n = 0; n < 2; ++n) {
      require((*vm_)->vcpu_status(VcpuId(n))->state == VCpuState::Free,
              "a vCPU is free after a run");
    }
    // A vCPU that stopped or lost its registers has left the hart.
    if (hal_.per_cpu(hal_.here).resident() != nullptr) check_untouched(hart);
    if (!exit && entered_) {
      require(exit.error().kind == ErrorKind::NoMemory, "only missing memory fails a run");
    }
    if (exit && std::holds_alternative<exit_reason::SystemDown>(*exit)) {
      require((*vm_)->shutting_down(), "a guest that powers off ends its VM");
    }
    static_cast<void>((*vm_)->translate(GuestPhysAddr(address())));  // nobody left a lock behind
  }

  Input& input_;
  FakeHartHost hal_{kFrames};
  std::optional<Ref<RiscvVm>> vm_;
  std::optional<Entered> entered_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  World world(input);
  for (int steps = 0; steps < 64 && !input.empty(); ++steps) world.step();
  return 0;
}
