#pragma once
// The VM in every image: the memory map of configs/*-aarch64.toml, and the guest that was linked
// in.

#include <array>
#include <axvm/config.hpp>
#include <cstddef>
#include <span>

namespace axvm::hal_el2 {

inline constexpr GuestPhysAddr kGuestLoadAddress{0x4008'0000};

inline constexpr std::array kGuestVcpus{VcpuConfig{}};
inline constexpr std::array kGuestMemory{
    MemoryRegionConfig{.gpa = GuestPhysAddr(0x4000'0000), .size = 0x400'0000}};
inline constexpr std::array kGuestDevices{
    EmulatedDeviceConfig{.name = "pl011",
                         .base_gpa = GuestPhysAddr(0x0900'0000),
                         .length = 0x1000,
                         .irq_id = 33,
                         .type = EmulatedDeviceType::Console,
                         .cfg_list = {}}};

inline constexpr VmConfig kGuestConfig{.id = 1,
                                       .name = "guest",
                                       .vcpus = kGuestVcpus,
                                       .bsp_entry = kGuestLoadAddress,
                                       .ap_entry = kGuestLoadAddress,
                                       .memory_regions = kGuestMemory,
                                       .emulated_devices = kGuestDevices,
                                       .passthrough_devices = {},
                                       .interrupt_mode = InterruptMode::Emulated};

/// The raw image (guest_image.S).
std::span<const std::byte> guest_image();

}  // namespace axvm::hal_el2
