#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <hal-sim/config/lent_vm_config.hpp>
#include <iterator>
#include <span>
#include <system_error>
#include <tools/axvm/metal_sources.hpp>
#include <vector>

namespace axvm::tool {
namespace {

using hal_sim::LoadPiece;

std::string text_literal(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f || c == '"' || c == '\\') {
      out += fmt::format("\\{:03o}", byte);
    } else {
      out += c;
    }
  }
  return out + "\"";
}

// A constant array of `type`, and what names it: an empty list has no array.
template <class T, class F>
std::string list(std::string_view type, std::string_view name, std::span<const T> elements,
                 F&& element_text) {
  if (elements.empty()) return fmt::format("constexpr std::span<const {}> {}{{}};\n", type, name);
  std::string text =
      fmt::format("constexpr std::array<{}, {}> {}{{{{\n", type, elements.size(), name);
  for (const T& element : elements) text += "    " + element_text(element) + ",\n";
  return text + "}};\n";
}

std::string vcpu_text(const VcpuConfig& vcpu) {
  return fmt::format("{{{:#x}, {:#x}}}", vcpu.phys_id, vcpu.affinity_mask);
}

std::string region_text(const MemoryRegionConfig& region) {
  return fmt::format("{{GuestPhysAddr({:#x}), {:#x}, static_cast<MappingFlags>({}), MapType({})}}",
                     region.gpa.value, region.size, static_cast<unsigned>(region.flags),
                     static_cast<unsigned>(region.map_type));
}

std::string window_text(const PassthroughDeviceConfig& window) {
  return fmt::format("{{{}, GuestPhysAddr({:#x}), HostPhysAddr({:#x}), {:#x}, {}}}",
                     text_literal(window.name), window.base_gpa.value, window.base_hpa.value,
                     window.length, window.irq_id);
}

std::string devices_text(std::span<const EmulatedDeviceConfig> devices) {
  std::string text;
  std::size_t n = 0;
  for (const EmulatedDeviceConfig& device : devices) {
    text += list<std::uint64_t>("std::uint64_t", fmt::format("kArguments{}", n++), device.cfg_list,
                                [](std::uint64_t value) { return fmt::format("{:#x}", value); });
  }
  n = 0;
  return text +
         list<EmulatedDeviceConfig>(
             "EmulatedDeviceConfig", "kDevices", devices, [&n](const EmulatedDeviceConfig& device) {
               return fmt::format(
                   "{{{}, GuestPhysAddr({:#x}), {:#x}, {}, EmulatedDeviceType({}), "
                   "kArguments{}}}",
                   text_literal(device.name), device.base_gpa.value, device.length, device.irq_id,
                   static_cast<unsigned>(device.type), n++);
             });
}

// Bytes that the image has, in a file of its own, or zeroes.
struct Blob {
  std::string name;  // of its symbol, and of the file
  std::string_view section;
  std::span<const std::byte> bytes;
  std::uint64_t zeroes = 0;  // instead of bytes
};

// VMs' ids are distinct.
std::string blob_name(const MetalVm& vm, std::string_view kind, std::size_t n) {
  return fmt::format("vm{}_{}{}", vm.file.id, kind, n);
}
std::string file_name(const MetalVm& vm, const MetalFiles& files, std::size_t n) {
  return blob_name(vm, fmt::format("file{}_", files.device), n);
}

std::vector<Blob> blobs_of(const MetalVm& vm) {
  std::vector<Blob> blobs;
  blobs.reserve(vm.plan.pieces.size() + vm.devices.disks.size());
  std::size_t n = 0;
  for (const LoadPiece& piece : vm.plan.pieces) {
    blobs.push_back({blob_name(vm, "piece", n++), ".rodata.guest", piece.bytes});
  }
  for (const MetalDisk& disk : vm.devices.disks) {
    const bool empty = disk.contents.empty();
    blobs.push_back({blob_name(vm, "disk", disk.device), empty ? ".bss.guest" : ".data.guest",
                     disk.contents, empty ? disk.size : 0});
  }
  for (const MetalFiles& files : vm.devices.firmware) {
    n = 0;
    for (const MetalFile& file : files.files) {
      blobs.push_back({file_name(vm, files, n++), ".rodata.guest", file.contents});
    }
  }
  return blobs;
}

std::string symbols_text(const MetalVm& vm) {
  std::string text = "extern \"C\" {\n";
  for (const Blob& blob : blobs_of(vm)) {
    text += fmt::format("extern {}std::byte {}[];\n",
                        blob.section == ".rodata.guest" ? "const " : "", blob.name);
  }
  return text + "}\n";
}

std::string pieces_text(const MetalVm& vm) {
  std::size_t n = 0;
  return list<LoadPiece>("GuestPiece", "kPieces", vm.plan.pieces, [&](const LoadPiece& piece) {
    return fmt::format("{{GuestPhysAddr({:#x}), {{{}, {}}}, {:#x}}}", piece.gpa,
                       blob_name(vm, "piece", n++), piece.bytes.size(), piece.size);
  });
}

std::string backends_text(const MetalVm& vm) {
  std::string text =
      list<MetalDisk>("GuestDisk", "kDisks", vm.devices.disks, [&](const MetalDisk& disk) {
        return fmt::format(
            "{{{}, {{{}, {}}}, {}}}", disk.device, blob_name(vm, "disk", disk.device),
            disk.contents.empty() ? disk.size : disk.contents.size(), disk.read_only);
      });
  text += list<MetalCard>("GuestCard", "kCards", vm.devices.cards, [](const MetalCard& card) {
    return fmt::format("{{{}, {}, {:#x}}}", card.device, card.network, card.mac);
  });
  for (const MetalFiles& files : vm.devices.firmware) {
    std::size_t n = 0;
    text += list<MetalFile>("FirmwareFile", fmt::format("kFilesOf{}", files.device), files.files,
                            [&](const MetalFile& file) {
                              return fmt::format("{{{}, {{{}, {}}}}}", text_literal(file.name),
                                                 file_name(vm, files, n++), file.contents.size());
                            });
  }
  return text + list<MetalFiles>("GuestFiles", "kFirmware", vm.devices.firmware,
                                 [](const MetalFiles& files) {
                                   return fmt::format("{{{0}, kFilesOf{0}}}", files.device);
                                 });
}

// The constants that the VM's Guest refers to, in a namespace of their own.
std::string constants_text(const MetalVm& vm) {
  const hal_sim::LentVmConfig lent(vm.file);
  const VmConfig config = lent.view();
  std::string text = fmt::format("namespace vm{} {{\n\n", config.id);
  text += list<VcpuConfig>("VcpuConfig", "kVcpus", config.vcpus, vcpu_text);
  text += list<MemoryRegionConfig>("MemoryRegionConfig", "kRegions", config.memory_regions,
                                   region_text);
  text += devices_text(config.emulated_devices);
  text += list<PassthroughDeviceConfig>("PassthroughDeviceConfig", "kWindows",
                                        config.passthrough_devices, window_text);
  text += symbols_text(vm);
  text += pieces_text(vm);
  text += backends_text(vm);
  return text + fmt::format("\n}}  // namespace vm{}\n\n", config.id);
}

std::string guest_text(const MetalVm& vm) {
  const hal_sim::LentVmConfig lent(vm.file);
  const VmConfig config = lent.view();
  return fmt::format(
      "{{.config = {{\n        .id = {0},\n        .name = {1},\n"
      "        .vcpus = vm{0}::kVcpus,\n        .bsp_entry = GuestPhysAddr({2:#x}),\n"
      "        .ap_entry = GuestPhysAddr({2:#x}),\n        .dtb = GuestPhysAddr({3:#x}),\n"
      "        .memory_regions = vm{0}::kRegions,\n"
      "        .emulated_devices = vm{0}::kDevices,\n"
      "        .passthrough_devices = vm{0}::kWindows,\n"
      "        .interrupt_mode = InterruptMode({4}),\n"
      "        .address_space_policy = AddressSpacePolicy({5})}},\n"
      "     .pieces = vm{0}::kPieces,\n     .disks = vm{0}::kDisks,\n"
      "     .cards = vm{0}::kCards,\n     .files = vm{0}::kFirmware}}",
      config.id, text_literal(config.name), vm.plan.entry, vm.plan.dtb.value_or(kNoAddress),
      static_cast<unsigned>(config.interrupt_mode),
      static_cast<unsigned>(config.address_space_policy));
}

std::string assembly(std::span<const MetalVm> vms, const std::filesystem::path& folder) {
  std::string text;
  for (const MetalVm& vm : vms) {
    for (const Blob& blob : blobs_of(vm)) {
      const bool empty = blob.section == ".bss.guest";
      text += fmt::format(
          "    .section {0}, \"{1}\", {2}\n    .balign 4096\n    .global {3}\n{3}:\n", blob.section,
          blob.section == ".rodata.guest" ? "a" : "aw", empty ? "%nobits" : "%progbits", blob.name);
      text += empty ? fmt::format("    .skip {:#x}\n", blob.zeroes)
                    : fmt::format("    .incbin {}\n",
                                  text_literal((folder / (blob.name + ".bin")).string()));
    }
  }
  return text;
}

std::expected<void, std::string> write(const std::filesystem::path& file, std::string_view text) {
  std::ifstream old(file, std::ios::binary);
  const std::string before{std::istreambuf_iterator<char>(old), {}};
  if (old.is_open() && before == text) return {};
  std::ofstream out(file, std::ios::binary);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  out.close();
  if (out) return {};
  return std::unexpected(
      fmt::format("cannot write {}: {}", file.string(), std::generic_category().message(errno)));
}

}  // namespace

std::string metal_config_source(std::span<const MetalVm> vms, const MetalOptions& options) {
  std::string text =
      "// Made from configuration files.\n\n#include <array>\n#include <hal-metal/guest.hpp>\n\n"
      "namespace axvm::hal_metal {\nnamespace {\n\n";
  for (const MetalVm& vm : vms) text += constants_text(vm);
  return text + list<MetalVm>("Guest", "kAll", vms, guest_text) +
         fmt::format(
             "\n}}  // namespace\n\nconstinit const std::span<const Guest> kGuests(kAll);\n"
             "constinit const bool kTraced = {};\nconstinit const bool kTablesTraced = {};\n"
             "constinit const std::uint64_t kMaxResets = {:#x};\n\n"
             "}}  // namespace axvm::hal_metal\n",
             options.trace != MetalTrace::None, options.trace == MetalTrace::Tables,
             options.max_resets.value_or(~std::uint64_t{0}));
}

std::expected<void, std::string> write_metal_sources(std::span<const MetalVm> vms,
                                                     const MetalOptions& options,
                                                     const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return std::unexpected(fmt::format("cannot make {}: {}", folder.string(), error.message()));
  }
  const std::filesystem::path place = std::filesystem::absolute(folder);
  for (const MetalVm& vm : vms) {
    for (const Blob& blob : blobs_of(vm)) {
      if (blob.section == ".bss.guest") continue;
      const std::string_view text(reinterpret_cast<const char*>(blob.bytes.data()),
                                  blob.bytes.size());
      if (auto done = write(place / (blob.name + ".bin"), text); !done) return done;
    }
  }
  if (auto done = write(place / "pieces.S", assembly(vms, place)); !done) return done;
  return write(place / "config.cpp", metal_config_source(vms, options));
}

}  // namespace axvm::tool
