#include <doctest/doctest.h>
#include <axvm/config.hpp>
#include <functional>
#include <string>
#include <vector>

using namespace axvm;

namespace {

/// A valid configuration and the storage behind it.
struct Sample {
  std::vector<VcpuConfig> vcpus{{0, 1}, {0x100, 1}};
  std::vector<MemoryRegionConfig> memory{{GuestPhysAddr(0x4000'0000), 0x100'0000}};
  std::vector<EmulatedDeviceConfig> emulated{
      {"uart", GuestPhysAddr(0x900'0000), 0x1000, 33, EmulatedDeviceType::Console, {}}};
  std::vector<PassthroughDeviceConfig> windows{
      {"rtc", GuestPhysAddr(0x901'0000), HostPhysAddr(0x901'0000), 0x1000, 34}};
  VmConfig config{.id = 1,
                  .name = "vm",
                  .bsp_entry = GuestPhysAddr(0x4008'0000),
                  .ap_entry = GuestPhysAddr(0x4008'0000)};

  std::optional<ConfigError> validate() {
    config.vcpus = vcpus;
    config.memory_regions = memory;
    config.emulated_devices = emulated;
    config.passthrough_devices = windows;
    return config.validate();
  }
};

}  // namespace

TEST_CASE("a consistent configuration is accepted") { CHECK(Sample().validate() == std::nullopt); }

TEST_CASE("each mistake is found at its field and index") {
  const struct {
    std::function<void(Sample&)> mistake;
    ConfigField field;
    std::size_t index;
  } cases[] = {
      {[](Sample& s) { s.config.id = 0; }, ConfigField::Id, 0},
      {[](Sample& s) { s.config.id = 256; }, ConfigField::Id, 0},
      {[](Sample& s) { s.config.name = ""; }, ConfigField::Name, 0},
      {[](Sample& s) { s.vcpus.clear(); }, ConfigField::Vcpus, 0},
      {[](Sample& s) { s.vcpus.resize(65); }, ConfigField::Vcpus, 0},
      {[](Sample& s) { s.vcpus[1].phys_id = 0; }, ConfigField::Vcpus, 1},
      {[](Sample& s) { s.vcpus[1].affinity_mask = 0; }, ConfigField::Vcpus, 1},
      {[](Sample& s) { s.memory.clear(); }, ConfigField::MemoryRegions, 0},
      {[](Sample& s) { s.memory[0].size = 0; }, ConfigField::MemoryRegions, 0},
      {[](Sample& s) { s.memory[0].gpa = GuestPhysAddr(1); }, ConfigField::MemoryRegions, 0},
      {[](Sample& s) { s.memory[0].size = 0 - 0x1000ULL; }, ConfigField::MemoryRegions, 0},
      {[](Sample& s) { s.memory[0].flags = static_cast<MappingFlags>(0x47); },
       ConfigField::MemoryRegions, 0},
      {[](Sample& s) { s.memory[0].flags = MappingFlags::User; }, ConfigField::MemoryRegions, 0},
      {[](Sample& s) { s.memory[0].map_type = static_cast<MapType>(3); },
       ConfigField::MemoryRegions, 0},
      {[](Sample& s) { s.memory.push_back({GuestPhysAddr(0x40ff'f000), 0x2000}); },
       ConfigField::MemoryRegions, 1},
      {[](Sample& s) { s.config.bsp_entry = GuestPhysAddr(0); }, ConfigField::BspEntry, 0},
      {[](Sample& s) { s.config.ap_entry = GuestPhysAddr(0x4100'0000); }, ConfigField::ApEntry, 0},
      {[](Sample& s) { s.config.dtb = GuestPhysAddr(0x5000'0000); }, ConfigField::Dtb, 0},
      {[](Sample& s) { s.emulated[0].length = 0; }, ConfigField::EmulatedDevices, 0},
      {[](Sample& s) { s.emulated[0].base_gpa = GuestPhysAddr(0x4000'0000); },
       ConfigField::EmulatedDevices, 0},
      {[](Sample& s) { s.emulated[0].type = static_cast<EmulatedDeviceType>(0x7f); },
       ConfigField::EmulatedDevices, 0},
      {[](Sample& s) { s.emulated.push_back(s.emulated[0]); }, ConfigField::EmulatedDevices, 1},
      {[](Sample& s) { s.windows[0].length = 0; }, ConfigField::PassthroughDevices, 0},
      {[](Sample& s) { s.windows[0].length = ~0ULL; }, ConfigField::PassthroughDevices, 0},
      {[](Sample& s) { s.windows[0].base_hpa = HostPhysAddr(0x901'0004); },
       ConfigField::PassthroughDevices, 0},
      {[](Sample& s) { s.windows[0].base_gpa = GuestPhysAddr(0x900'0000); },
       ConfigField::PassthroughDevices, 0},
      {[](Sample& s) {
         s.windows.push_back(s.windows[0]);
         s.windows.push_back(s.windows[0]);
         s.windows[2].base_hpa = HostPhysAddr(0x902'0000);
       },
       ConfigField::PassthroughDevices, 2},
      {[](Sample& s) { s.config.address_space_policy = static_cast<AddressSpacePolicy>(2); },
       ConfigField::AddressSpacePolicy, 0},
      {[](Sample& s) { s.config.interrupt_mode = static_cast<InterruptMode>(9); },
       ConfigField::InterruptMode, 0},
  };
  for (const auto& c : cases) {
    Sample sample;
    c.mistake(sample);
    const auto found = sample.validate();
    CAPTURE(static_cast<int>(&c - cases));
    REQUIRE(found.has_value());
    CHECK(found->field == c.field);
    CHECK(found->index == c.index);
    CHECK_FALSE(found->reason.empty());
  }
}

TEST_CASE("devices have room for their registers, and interrupts that CPUs share") {
  using enum EmulatedDeviceType;
  const auto wrong = [](EmulatedDeviceType type, std::uint64_t length, std::uint32_t irq,
                        std::span<const std::uint64_t> arguments = {}) {
    Sample sample;
    sample.emulated[0] = {"device", GuestPhysAddr(0xa00'0000), length, irq, type, arguments};
    return sample.validate().has_value();
  };
  for (const EmulatedDeviceType type : {VirtioBlock, VirtioNet, VirtioConsole, VirtioEntropy}) {
    CHECK_FALSE(wrong(type, 0x200, 48));
    CHECK_FALSE(wrong(type, 0x200, 0));
    CHECK(wrong(type, 0x1ff, 48));
    CHECK(wrong(type, 0x200, 31));
    CHECK(wrong(type, 0x200, 1020));
  }
  CHECK_FALSE(wrong(Rtc, 0x1000, 34));
  CHECK(wrong(Rtc, 0xfff, 34));
  CHECK(wrong(Rtc, 0x1000, 16));
  const std::uint64_t epochs[] = {0xffff'ffff, 0x1'0000'0000};
  CHECK_FALSE(wrong(Rtc, 0x1000, 34, std::span(epochs).first(1)));
  CHECK(wrong(Rtc, 0x1000, 34, std::span(epochs).last(1)));
  CHECK_FALSE(wrong(FwCfg, 0x18, 0));
  CHECK(wrong(FwCfg, 0x17, 0));
}

TEST_CASE("device types have upstream's values") {
  CHECK(emulated_device_type(0x2) == EmulatedDeviceType::Console);
  CHECK(emulated_device_type(0xe1) == EmulatedDeviceType::VirtioBlock);
  CHECK_FALSE(emulated_device_type(0x4).has_value());
  CHECK_FALSE(emulated_device_type(~0ULL).has_value());
  CHECK(to_string(ConfigField::MemoryRegions) == "memory_regions");
}
