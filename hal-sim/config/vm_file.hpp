#pragma once
// One VM's configuration file: upstream's TOML schema, as written by its user.

#include <axvm/config.hpp>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <hal-sim/config/diagnostic.hpp>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace axvm::hal_sim {

enum class VmType : std::uint8_t { HostVm = 0, Rtos = 1, Linux = 2 };

/// What runs first. The default follows `enable_bios`: Multiboot when set, Direct otherwise.
enum class BootProtocol : std::uint8_t { Direct, Multiboot, Uefi };

/// Where `kernel_path` is looked up; both mean the same here.
enum class ImageLocation : std::uint8_t { Filesystem, Memory };

[[nodiscard]] std::string_view to_string(VmType type);
[[nodiscard]] std::string_view to_string(BootProtocol protocol);
[[nodiscard]] std::string_view to_string(MapType type);
[[nodiscard]] std::string_view to_string(InterruptMode mode);
[[nodiscard]] std::string_view to_string(AddressSpacePolicy policy);

/// A row of `kernel.memory_regions`: [gpa, size, flags, map_type].
struct MemoryRegionRow {
  std::uint64_t gpa = 0;
  std::uint64_t size = 0;
  std::uint64_t flags = 0;  ///< MappingFlags
  MapType map_type = MapType::Alloc;
};

/// A row of `devices.emu_devices`: [name, base_gpa, length, irq_id, emu_type, cfg_list].
struct EmulatedDeviceRow {
  std::string name;
  std::uint64_t base_gpa = 0;
  std::uint64_t length = 0;
  std::uint64_t irq_id = 0;
  std::uint64_t emu_type = 0;  ///< an EmulatedDeviceType
  std::vector<std::uint64_t> cfg_list;
};

/// A row of `devices.passthrough_devices`: [name, base_gpa, base_hpa, length, irq_id], or just the
/// path of a device-tree node.
struct PassthroughDeviceRow {
  std::string name;
  std::uint64_t base_gpa = 0;
  std::uint64_t base_hpa = 0;
  std::uint64_t length = 0;
  std::uint64_t irq_id = 0;

  [[nodiscard]] bool is_path() const { return name.starts_with('/') && length == 0; }
};

/// A row of `devices.passthrough_addresses` or `devices.passthrough_ports`: [base, length].
struct WindowRow {
  std::uint64_t base = 0;
  std::uint64_t length = 0;
};

/// An image and where it goes; the address may be left to the loader.
struct ImageRow {
  std::string path;
  std::optional<std::uint64_t> load_addr;
};

/// A VM as its file describes it. Owns every string and list.
struct VmFile {
  std::string file;  ///< as named by the user; "" for a text without one

  // [base]
  std::uint32_t id = 0;  ///< 1..255
  std::string name;
  VmType vm_type = VmType::Rtos;
  std::uint32_t cpu_num = 1;                 ///< 1..64
  std::vector<std::uint64_t> phys_cpu_ids;   ///< MPIDR affinity, per vCPU
  std::vector<std::uint64_t> phys_cpu_sets;  ///< mask of pCPUs, per vCPU

  // [kernel]
  std::optional<std::uint64_t> entry_point;  ///< default: the image's own
  std::string kernel_path;
  std::optional<std::uint64_t> kernel_load_addr;  ///< a raw image needs it
  bool enable_bios = false;
  BootProtocol boot_protocol = BootProtocol::Direct;
  std::optional<ImageRow> bios;
  std::optional<std::string> uefi_firmware_path;
  std::optional<std::string> dtb_path;
  std::optional<std::uint64_t> dtb_load_addr;  ///< without a path: of a tree that is made
  std::optional<ImageRow> ramdisk;
  std::optional<ImageLocation> image_location;
  std::optional<std::string> cmdline;
  std::optional<std::string> disk_path;
  std::vector<MemoryRegionRow> memory_regions;

  // [devices]
  std::vector<EmulatedDeviceRow> emu_devices;
  std::vector<PassthroughDeviceRow> passthrough_devices;
  InterruptMode interrupt_mode = InterruptMode::NoIrq;
  std::vector<std::vector<std::string>> excluded_devices;
  std::vector<WindowRow> passthrough_addresses;
  AddressSpacePolicy address_space_policy = AddressSpacePolicy::Virtualized;
  std::vector<WindowRow> passthrough_ports;

  /// Where each key stands, by dotted name; rows as "kernel.memory_regions[1]".
  std::map<std::string, Location, std::less<>> locations;

  /// How many vCPUs have numbers in a row. AArch64: 16, which is what one SGI of a GICv3 reaches
  /// (Aff0 0..15 of Aff1 0, then of Aff1 1, ...). RISC-V: all, since PLICs count harts.
  std::size_t vcpus_per_cluster = 16;

  /// What the guest knows a vCPU by, MPIDR affinity or hart id: as given, or else by clusters.
  [[nodiscard]] std::uint64_t phys_id(std::size_t vcpu) const {
    if (vcpu < phys_cpu_ids.size()) return phys_cpu_ids[vcpu];
    return vcpu / vcpus_per_cluster << 8 | vcpu % vcpus_per_cluster;
  }
  /// The place of `key`, or of the nearest enclosing key that the file has.
  [[nodiscard]] Location locate(std::string_view key) const;
};

/// The name of a device type as upstream displays it ("console"), or nothing for a number that
/// names none.
[[nodiscard]] std::optional<std::string_view> emulated_device_type_name(std::uint64_t emu_type);
/// True for types that may be unplugged from a running VM.
[[nodiscard]] bool emulated_device_type_removable(std::uint64_t emu_type);

}  // namespace axvm::hal_sim
