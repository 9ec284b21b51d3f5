#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <hal-sim/config/lent_vm_config.hpp>
#include <iterator>
#include <span>
#include <system_error>
#include <tools/axvm/el2_sources.hpp>
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

// Symbols and files of a VM's bytes are named for it: ids are distinct.
std::string piece_name(const El2Vm& vm, std::size_t n) {
  return fmt::format("vm{}_piece{}", vm.file.id, n);
}

std::string pieces_text(const El2Vm& vm) {
  const std::vector<LoadPiece>& pieces = vm.plan.pieces;
  std::string text = "extern \"C\" {\n";
  for (std::size_t n = 0; n < pieces.size(); ++n) {
    text += fmt::format("extern const std::byte {}[];\n", piece_name(vm, n));
  }
  std::size_t n = 0;
  return text + "}\n" +
         list<LoadPiece>("GuestPiece", "kPieces", pieces, [&](const LoadPiece& piece) {
           return fmt::format("{{GuestPhysAddr({:#x}), {{{}, {}}}, {:#x}}}", piece.gpa,
                              piece_name(vm, n++), piece.bytes.size(), piece.size);
         });
}

// The constants that the VM's Guest refers to, in a namespace of their own.
std::string constants_text(const El2Vm& vm) {
  const hal_sim::LentVmConfig lent(vm.file);
  const VmConfig config = lent.view();
  std::string text = fmt::format("namespace vm{} {{\n\n", config.id);
  text += list<VcpuConfig>("VcpuConfig", "kVcpus", config.vcpus, vcpu_text);
  text += list<MemoryRegionConfig>("MemoryRegionConfig", "kRegions", config.memory_regions,
                                   region_text);
  text += devices_text(config.emulated_devices);
  text += list<PassthroughDeviceConfig>("PassthroughDeviceConfig", "kWindows",
                                        config.passthrough_devices, window_text);
  text += pieces_text(vm);
  return text + fmt::format("\n}}  // namespace vm{}\n\n", config.id);
}

std::string guest_text(const El2Vm& vm) {
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
      "     .pieces = vm{0}::kPieces}}",
      config.id, text_literal(config.name), vm.plan.entry, vm.plan.dtb.value_or(kNoAddress),
      static_cast<unsigned>(config.interrupt_mode),
      static_cast<unsigned>(config.address_space_policy));
}

std::string assembly(std::span<const El2Vm> vms, const std::filesystem::path& folder) {
  std::string text = "    .section .rodata.guest, \"a\"\n";
  for (const El2Vm& vm : vms) {
    for (std::size_t n = 0; n < vm.plan.pieces.size(); ++n) {
      const std::string name = piece_name(vm, n);
      text += fmt::format("    .balign 4096\n    .global {0}\n{0}:\n    .incbin {1}\n", name,
                          text_literal((folder / (name + ".bin")).string()));
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

std::string el2_config_source(std::span<const El2Vm> vms, bool traced) {
  std::string text =
      "// Made from configuration files.\n\n#include <array>\n#include <hal-el2/guest.hpp>\n\n"
      "namespace axvm::hal_el2 {\nnamespace {\n\n";
  for (const El2Vm& vm : vms) text += constants_text(vm);
  return text + list<El2Vm>("Guest", "kAll", vms, guest_text) +
         fmt::format(
             "\n}}  // namespace\n\nconstinit const std::span<const Guest> kGuests(kAll);\n"
             "constinit const bool kTraced = {};\n\n}}  // namespace axvm::hal_el2\n",
             traced);
}

std::expected<void, std::string> write_el2_sources(std::span<const El2Vm> vms, bool traced,
                                                   const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return std::unexpected(fmt::format("cannot make {}: {}", folder.string(), error.message()));
  }
  const std::filesystem::path place = std::filesystem::absolute(folder);
  for (const El2Vm& vm : vms) {
    for (std::size_t n = 0; n < vm.plan.pieces.size(); ++n) {
      const auto& bytes = vm.plan.pieces[n].bytes;
      const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      if (auto done = write(place / (piece_name(vm, n) + ".bin"), text); !done) return done;
    }
  }
  if (auto done = write(place / "pieces.S", assembly(vms, place)); !done) return done;
  return write(place / "config.cpp", el2_config_source(vms, traced));
}

}  // namespace axvm::tool
