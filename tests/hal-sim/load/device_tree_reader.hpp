#pragma once
// Reads properties of device trees, for tests.

#include <libfdt.h>

#include <algorithm>
#include <cstdint>
#include <hal-sim/load/bytes.hpp>
#include <string>
#include <vector>

namespace axvm::hal_sim::test {

/// The property as text, its zeroes as commas; "-" when there is none.
inline std::string text(const Bytes& tree, const char* path, const char* name) {
  int size = -1;
  const int node = fdt_path_offset(tree.data(), path);
  const void* value = node < 0 ? nullptr : fdt_getprop(tree.data(), node, name, &size);
  if (size <= 0) return size < 0 ? "-" : "";
  std::string all(static_cast<const char*>(value), static_cast<std::size_t>(size - 1));
  std::ranges::replace(all, '\0', ',');
  return all;
}

/// The property as cells of 32 bits.
inline std::vector<std::uint32_t> cells(const Bytes& tree, const char* path, const char* name) {
  int size = 0;
  const int node = fdt_path_offset(tree.data(), path);
  const void* value = node < 0 ? nullptr : fdt_getprop(tree.data(), node, name, &size);
  std::vector<std::uint32_t> all;
  for (int i = 0; value != nullptr && i + 4 <= size; i += 4) {
    all.push_back(fdt32_ld(reinterpret_cast<const fdt32_t*>(static_cast<const char*>(value) + i)));
  }
  return all;
}

using Cells = std::vector<std::uint32_t>;

}  // namespace axvm::hal_sim::test
