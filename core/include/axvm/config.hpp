#pragma once
// The configuration of one VM: plain data, from a file, a build-time table or a test.

#include <axvm/address.hpp>
#include <axvm/mapping.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace axvm {

inline constexpr std::uint32_t kMaxVmId = 255;  ///< the VM's id is its VMID, 8 bits of VTTBR_EL2
inline constexpr std::size_t kMaxVcpus = 64;
inline constexpr std::uint64_t kNoAddress = ~std::uint64_t{0};

/// Where a memory region's frames come from, with upstream's values.
enum class MapType : std::uint8_t {
  Alloc = 0,      ///< frames from the allocator, when the guest first touches them
  Identical = 1,  ///< host-physical = guest-physical; the range is taken from the allocator
  Reserved = 2,   ///< host-physical = guest-physical; owned by somebody else
};

enum class InterruptMode : std::uint8_t { NoIrq = 0, Emulated = 1, Passthrough = 2 };

/// What a guest reaches beyond what is configured for it.
enum class AddressSpacePolicy : std::uint8_t {
  Virtualized,  ///< nothing
  Passthrough,  ///< every host-physical address that is not RAM, at the same guest-physical one
};

/// Kinds of emulated devices, with upstream's values.
enum class EmulatedDeviceType : std::uint8_t {
  Dummy = 0x0,
  InterruptController = 0x1,
  Console = 0x2,
  FwCfg = 0x3,
  IvcChannel = 0xa,
  GpptRedistributor = 0x20,
  GpptDistributor = 0x21,
  GpptIts = 0x22,
  X86IoApic = 0x23,
  X86Pit = 0x24,
  LoongArchPchPic = 0x25,
  PpptGlobal = 0x30,
  VirtioBlock = 0xe1,
  VirtioNet = 0xe2,
  VirtioConsole = 0xe3,
  // Not upstream's:
  VirtioEntropy = 0xe4,
  Flash = 0xf0,  ///< CFI NOR flash
  Rtc = 0xf1,    ///< real-time clock: PL031
};

/// The type with this value; nothing when no type has it.
[[nodiscard]] std::optional<EmulatedDeviceType> emulated_device_type(std::uint64_t value) noexcept;

struct VcpuConfig {
  /// The CPU's identity for the guest: MPIDR affinity fields (AArch64), hart id (RISC-V). Unique.
  std::uint64_t phys_id = 0;
  /// Physical CPUs that may run it, one bit each; at least one.
  std::uint64_t affinity_mask = ~std::uint64_t{0};
};

struct MemoryRegionConfig {
  GuestPhysAddr gpa{};     ///< 4 KiB aligned
  std::uint64_t size = 0;  ///< bytes, a multiple of 4 KiB, not 0
  MappingFlags flags = kReadWriteExecute;
  MapType map_type = MapType::Alloc;
};

struct EmulatedDeviceConfig {
  std::string_view name{};
  GuestPhysAddr base_gpa{};
  std::uint64_t length = 0;
  std::uint32_t irq_id = 0;
  EmulatedDeviceType type = EmulatedDeviceType::Dummy;
  std::span<const std::uint64_t> cfg_list{};  ///< meaning depends on the type
};

/// A window of host-physical addresses that the guest reaches without an exit. Widened to whole
/// pages; `base_gpa` and `base_hpa` lie at the same offset in theirs. Windows may overlap where
/// they map the same addresses.
struct PassthroughDeviceConfig {
  std::string_view name{};
  GuestPhysAddr base_gpa{};
  HostPhysAddr base_hpa{};
  std::uint64_t length = 0;
  std::uint32_t irq_id = 0;
};

/// The member of VmConfig that an error is about.
enum class ConfigField : std::uint8_t {
  Id,
  Name,
  Vcpus,
  BspEntry,
  ApEntry,
  Dtb,
  MemoryRegions,
  EmulatedDevices,
  PassthroughDevices,
  InterruptMode,
  AddressSpacePolicy,
};

/// The member's name ("memory_regions").
[[nodiscard]] std::string_view to_string(ConfigField field) noexcept;

/// Numbers of the interrupts that emulated devices may have: those that no CPU has to itself.
struct DeviceInterrupts {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  std::string_view expected{};  ///< what to say of others; static text
};
/// A GIC's shared peripheral interrupts (AArch64).
inline constexpr DeviceInterrupts kGicDeviceInterrupts{
    32, 1019, "irq_id: expected a shared interrupt, 32 to 1019, or 0 for none"};
/// The sources of a PLIC or APLIC (RISC-V).
inline constexpr DeviceInterrupts kPlicDeviceInterrupts{
    1, 1023, "irq_id: expected a source of the interrupt controller, 1 to 1023, or 0 for none"};

struct ConfigError {
  ConfigField field;
  std::size_t index;        ///< of the element in a list; 0 for scalars
  std::string_view reason;  ///< what is wrong and what was expected; static text

  friend constexpr bool operator==(const ConfigError&, const ConfigError&) = default;
};

/// The spans and texts need to live until AxVM::create returns; the VM keeps copies.
struct VmConfig {
  std::uint32_t id = 0;  ///< 1..kMaxVmId
  std::string_view name{};
  std::span<const VcpuConfig> vcpus{};  ///< 1..kMaxVcpus; the first one boots
  GuestPhysAddr bsp_entry{};            ///< first instruction of vCPU 0
  GuestPhysAddr ap_entry{};             ///< reset address of the others, unused until they start
  GuestPhysAddr dtb{kNoAddress};        ///< device tree; kNoAddress: none (the guest is told 0)
  std::span<const MemoryRegionConfig> memory_regions{};
  std::span<const EmulatedDeviceConfig> emulated_devices{};
  std::span<const PassthroughDeviceConfig> passthrough_devices{};
  InterruptMode interrupt_mode = InterruptMode::NoIrq;
  AddressSpacePolicy address_space_policy = AddressSpacePolicy::Virtualized;

  /// The first thing that is wrong, in the order of the members; nothing when the configuration
  /// is consistent in itself. Resources are the concern of AxVM::create. `interrupts` are those of
  /// the architecture.
  [[nodiscard]] std::optional<ConfigError> validate(
      const DeviceInterrupts& interrupts = kGicDeviceInterrupts) const noexcept;
};

}  // namespace axvm
