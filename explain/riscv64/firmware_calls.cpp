#include <array>
#include <explain/riscv64/firmware_calls.hpp>

namespace axvm::explain::riscv64 {

namespace {

struct Extension {
  std::uint32_t number;
  std::string_view name;
};

constexpr auto kExtensions = std::to_array<Extension>({
    {0x00, "legacy: set timer"},
    {0x01, "legacy: console putchar"},
    {0x02, "legacy: console getchar"},
    {0x03, "legacy: clear IPI"},
    {0x04, "legacy: send IPI"},
    {0x05, "legacy: remote FENCE.I"},
    {0x06, "legacy: remote SFENCE.VMA"},
    {0x07, "legacy: remote SFENCE.VMA with ASID"},
    {0x08, "legacy: shutdown"},
    {0x10, "Base"},
    {0x54494d45, "Timer"},
    {0x735049, "IPI"},
    {0x52464e43, "RFENCE"},
    {0x48534d, "Hart State Management"},
    {0x53525354, "System Reset"},
    {0x504d55, "Performance Monitoring Unit"},
    {0x4442434e, "Debug Console"},
    {0x53555350, "System Suspend"},
    {0x43505043, "CPPC"},
    {0x4e41434c, "Nested Acceleration"},
    {0x535441, "Steal-time Accounting"},
    {0x485643, "hypercalls of this project's VMM"},  // not the specification's
});

}  // namespace

std::string_view firmware_extension(std::uint64_t extension) {
  for (const Extension& known : kExtensions) {
    if (known.number == extension) return known.name;
  }
  return {};
}

}  // namespace axvm::explain::riscv64
