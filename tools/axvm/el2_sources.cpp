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

std::string pieces_text(const std::vector<LoadPiece>& pieces) {
  std::string text = "extern \"C\" {\n";
  for (std::size_t n = 0; n < pieces.size(); ++n) {
    text += fmt::format("extern const std::byte guest_piece_{}[];\n", n);
  }
  std::size_t n = 0;
  return text + "}\n" +
         list<LoadPiece>("GuestPiece", "kPieces", pieces, [&n](const LoadPiece& piece) {
           return fmt::format("{{GuestPhysAddr({:#x}), {{guest_piece_{}, {}}}, {:#x}}}", piece.gpa,
                              n++, piece.bytes.size(), piece.size);
         });
}

std::string assembly(const std::vector<LoadPiece>& pieces, const std::filesystem::path& folder) {
  std::string text = "    .section .rodata.guest, \"a\"\n";
  for (std::size_t n = 0; n < pieces.size(); ++n) {
    const std::string file = (folder / fmt::format("piece{}.bin", n)).string();
    text += fmt::format(
        "    .balign 4096\n    .global guest_piece_{0}\nguest_piece_{0}:\n    .incbin {1}\n", n,
        text_literal(file));
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

std::string el2_config_source(const hal_sim::VmFile& vm, const hal_sim::LoadPlan& plan,
                              El2Trace trace) {
  const hal_sim::LentVmConfig lent(vm);
  const VmConfig config = lent.view();
  std::string text =
      "// Made from a configuration file.\n\n#include <array>\n#include <hal-el2/guest.hpp>\n\n"
      "namespace axvm::hal_el2 {\nnamespace {\n\n";
  text += list<VcpuConfig>("VcpuConfig", "kVcpus", config.vcpus, vcpu_text);
  text += list<MemoryRegionConfig>("MemoryRegionConfig", "kRegions", config.memory_regions,
                                   region_text);
  text += devices_text(config.emulated_devices);
  text += list<PassthroughDeviceConfig>("PassthroughDeviceConfig", "kWindows",
                                        config.passthrough_devices, window_text);
  text += pieces_text(plan.pieces);
  text += fmt::format(
      "\n}}  // namespace\n\nconstinit const VmConfig kGuestConfig{{\n    .id = {},\n    .name = "
      "{},\n"
      "    .vcpus = kVcpus,\n    .bsp_entry = GuestPhysAddr({:#x}),\n"
      "    .ap_entry = GuestPhysAddr({:#x}),\n    .dtb = GuestPhysAddr({:#x}),\n"
      "    .memory_regions = kRegions,\n    .emulated_devices = kDevices,\n"
      "    .passthrough_devices = kWindows,\n    .interrupt_mode = InterruptMode({}),\n"
      "    .address_space_policy = AddressSpacePolicy({})}};\n\n"
      "constinit const bool kTraced = {};\nconstinit const bool kTablesTraced = {};\n\n"
      "constinit const std::span<const GuestPiece> kGuestPieces(kPieces);\n\n"
      "}}  // namespace axvm::hal_el2\n",
      config.id, text_literal(config.name), plan.entry, plan.entry, plan.dtb.value_or(kNoAddress),
      static_cast<unsigned>(config.interrupt_mode),
      static_cast<unsigned>(config.address_space_policy), trace != El2Trace::None,
      trace == El2Trace::Tables);
  return text;
}

std::expected<void, std::string> write_el2_sources(const hal_sim::VmFile& vm,
                                                   const hal_sim::LoadPlan& plan, El2Trace trace,
                                                   const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return std::unexpected(fmt::format("cannot make {}: {}", folder.string(), error.message()));
  }
  const std::filesystem::path place = std::filesystem::absolute(folder);
  for (std::size_t n = 0; n < plan.pieces.size(); ++n) {
    const auto& bytes = plan.pieces[n].bytes;
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (auto done = write(place / fmt::format("piece{}.bin", n), text); !done) return done;
  }
  if (auto done = write(place / "pieces.S", assembly(plan.pieces, place)); !done) return done;
  return write(place / "config.cpp", el2_config_source(vm, plan, trace));
}

}  // namespace axvm::tool
