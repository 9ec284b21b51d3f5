#pragma once
// Changes a flattened device tree in place. Failures are remembered, the first one counts.

#include <cstdint>
#include <expected>
#include <functional>
#include <hal-sim/load/bytes.hpp>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace axvm::hal_sim {

class DeviceTreeEditor {
 public:
  /// The place of a node. It stays valid while only the node itself and what is below it, but no
  /// node before it, changes.
  using Node = int;
  static constexpr Node kRoot = 0;

  /// `blob` holds a tree and the room it may grow into.
  explicit DeviceTreeEditor(Bytes& blob) : blob_(blob) {}

  Node add(Node parent, std::string_view name);
  Node find_or_add(Node parent, std::string_view name);
  /// Removes each node whose property `name` is `value`.
  void remove_all(const char* name, std::string_view value);

  void set_empty(Node node, const char* name) { set(node, name, {}); }
  void set_text(Node node, const char* name, std::initializer_list<std::string_view> texts);
  void set_cells(Node node, const char* name, std::initializer_list<std::uint32_t> cells) {
    set_cells(node, name, std::span(cells.begin(), cells.size()));
  }
  void set_cells(Node node, const char* name, std::span<const std::uint32_t> cells);
  void set_bytes(Node node, const char* name, ByteView value) { set(node, name, value); }
  void set_u64(Node node, const char* name, std::uint64_t value);
  /// `reg` of a node below the root, or below one with as many cells, with as many cells as the
  /// root says.
  void set_reg(Node node, std::uint64_t base, std::uint64_t size) {
    set_regs(node, {{base, size}});
  }
  void set_regs(Node node, std::initializer_list<std::pair<std::uint64_t, std::uint64_t>> ranges);

  /// Of libfdt, 0 or negative.
  [[nodiscard]] int status() const noexcept { return status_; }

 private:
  void set(Node node, const char* name, ByteView value);
  void append(Bytes& to, int cells, std::uint64_t value);
  int keep(int result);

  Bytes& blob_;
  int status_ = 0;
};

/// `tree`, or an empty tree when it is empty, after `edit`. The error is one line: `tree` is no
/// device tree or damaged, or the result is too large or cannot be expressed.
[[nodiscard]] std::expected<Bytes, std::string> edit_device_tree(
    ByteView tree, const std::function<void(DeviceTreeEditor&)>& edit);

}  // namespace axvm::hal_sim
