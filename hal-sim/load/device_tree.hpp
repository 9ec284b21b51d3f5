#pragma once
// Flattened device trees (Devicetree Specification 0.4, chapter 5): made from a configuration, or
// given and patched.

#include <axvm/address.hpp>
#include <expected>
#include <hal-sim/config/vm_file.hpp>
#include <hal-sim/isa.hpp>
#include <hal-sim/load/bytes.hpp>
#include <optional>
#include <string>

namespace axvm::hal_sim {

/// The largest tree that Linux takes.
inline constexpr std::uint64_t kLargestDeviceTree = 2ULL << 20;

/// A tree of what the VM has on the virt board of `isa`: CPUs, memory that can be written, devices,
/// and /chosen with the command line, the initial ramdisk and the console. The error is one line.
[[nodiscard]] std::expected<Bytes, std::string> make_device_tree(
    const VmFile& vm, std::optional<GuestPhysRange> initrd, Isa isa);

/// `tree` with the VM's memory instead of its own, and the configured command line and ramdisk. The
/// error is one line: it is no device tree, damaged, too large, or cannot hold the addresses.
[[nodiscard]] std::expected<Bytes, std::string> patch_device_tree(
    ByteView tree, const VmFile& vm, std::optional<GuestPhysRange> initrd);

}  // namespace axvm::hal_sim
