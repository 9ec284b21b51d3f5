#include <fmt/format.h>
#include <libfdt.h>

#include <algorithm>
#include <hal-sim/config/size_text.hpp>
#include <hal-sim/load/device_tree.hpp>
#include <hal-sim/load/device_tree_editor.hpp>

namespace axvm::hal_sim {
namespace {

using Tree = std::expected<Bytes, std::string>;

constexpr std::uint32_t kVersion = 17;

std::expected<void, std::string> check(ByteView tree) {
  if (tree.size() < sizeof(fdt_header)) {
    return std::unexpected(fmt::format("has {} bytes, expected a device tree with a header of {}",
                                       tree.size(), sizeof(fdt_header)));
  }
  if (const auto magic = fdt_magic(tree.data()); magic != FDT_MAGIC) {
    return std::unexpected(
        fmt::format("begins with {:#010x}, expected a device tree ({:#x})", magic, FDT_MAGIC));
  }
  const std::uint64_t size = fdt_totalsize(tree.data());
  if (size > tree.size() || size > kLargestDeviceTree) {
    return std::unexpected(fmt::format("is a device tree of {} bytes, expected {} at most", size,
                                       std::min<std::uint64_t>(tree.size(), kLargestDeviceTree)));
  }
  // libfdt reads beyond damaged trees of older versions, which say less about their sizes.
  if (const auto version = fdt_version(tree.data()); version < kVersion) {
    return std::unexpected(
        fmt::format("is a device tree of version {}, expected {}", version, kVersion));
  }
  if (const int status = fdt_check_full(tree.data(), tree.size()); status != 0) {
    return std::unexpected(fmt::format("is a damaged device tree ({})", fdt_strerror(status)));
  }
  return {};
}

}  // namespace

int DeviceTreeEditor::keep(int result) {
  if (result < 0 && status_ == 0) status_ = result;
  return std::max(result, 0);
}

DeviceTreeEditor::Node DeviceTreeEditor::add(Node parent, std::string_view name) {
  return keep(
      fdt_add_subnode_namelen(blob_.data(), parent, name.data(), static_cast<int>(name.size())));
}

DeviceTreeEditor::Node DeviceTreeEditor::find_or_add(Node parent, std::string_view name) {
  const int found =
      fdt_subnode_offset_namelen(blob_.data(), parent, name.data(), static_cast<int>(name.size()));
  return found >= 0 ? found : add(parent, name);
}

void DeviceTreeEditor::remove_all(const char* name, std::string_view value) {
  const std::string wanted(value);
  const auto next = [&] {
    return fdt_node_offset_by_prop_value(blob_.data(), -1, name, wanted.c_str(),
                                         static_cast<int>(wanted.size()) + 1);
  };
  for (int node = next(); node > 0 && status_ == 0; node = next()) {
    keep(fdt_del_node(blob_.data(), node));
  }
}

void DeviceTreeEditor::set(Node node, const char* name, ByteView value) {
  if (status_ != 0) return;
  keep(fdt_setprop(blob_.data(), node, name, value.data(), static_cast<int>(value.size())));
}

void DeviceTreeEditor::set_text(Node node, const char* name,
                                std::initializer_list<std::string_view> texts) {
  std::string all;
  for (const std::string_view text : texts) {
    all += text;
    all += '\0';
  }
  set(node, name, std::as_bytes(std::span(all)));
}

void DeviceTreeEditor::set_cells(Node node, const char* name,
                                 std::span<const std::uint32_t> cells) {
  Bytes value;
  for (const std::uint32_t cell : cells) append(value, 1, cell);
  set(node, name, value);
}

void DeviceTreeEditor::set_u64(Node node, const char* name, std::uint64_t value) {
  Bytes bytes;
  append(bytes, 2, value);
  set(node, name, bytes);
}

void DeviceTreeEditor::set_regs(
    Node node, std::initializer_list<std::pair<std::uint64_t, std::uint64_t>> ranges) {
  Bytes reg;
  for (const auto& [base, size] : ranges) {
    append(reg, fdt_address_cells(blob_.data(), kRoot), base);
    append(reg, fdt_size_cells(blob_.data(), kRoot), size);
  }
  set(node, "reg", reg);
}

// Big-endian, as all of a tree.
void DeviceTreeEditor::append(Bytes& to, int cells, std::uint64_t value) {
  if (cells < 1 || cells > 2 || (cells == 1 && value > UINT32_MAX)) {
    keep(-FDT_ERR_BADNCELLS);
    return;
  }
  for (int shift = 32 * cells - 8; shift >= 0; shift -= 8) {
    to.push_back(static_cast<std::byte>(value >> shift));
  }
}

Tree edit_device_tree(ByteView tree, const std::function<void(DeviceTreeEditor&)>& edit) {
  if (!tree.empty()) {
    if (auto checked = check(tree); !checked) return std::unexpected(checked.error());
  }
  int status = -FDT_ERR_NOSPACE;
  for (std::size_t room = tree.size() + 4096; status == -FDT_ERR_NOSPACE; room *= 2) {
    if (room > 2 * kLargestDeviceTree) {
      return std::unexpected(
          fmt::format("makes a device tree larger than {}", format_size(kLargestDeviceTree)));
    }
    Bytes blob(room);
    const int capacity = static_cast<int>(room);
    status = tree.empty() ? fdt_create_empty_tree(blob.data(), capacity)
                          : fdt_open_into(tree.data(), blob.data(), capacity);
    if (status != 0) continue;
    DeviceTreeEditor editor(blob);
    edit(editor);
    status = editor.status();
    if (status == 0) status = fdt_pack(blob.data());
    if (status != 0) continue;
    blob.resize(fdt_totalsize(blob.data()));
    return blob;
  }
  return std::unexpected(
      fmt::format("is a device tree that cannot be completed ({})", fdt_strerror(status)));
}

}  // namespace axvm::hal_sim
