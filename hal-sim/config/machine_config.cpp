#include <fmt/format.h>

#include <algorithm>
#include <hal-sim/config/machine_config.hpp>
#include <hal-sim/config/size_text.hpp>
#include <hal-sim/config/toml_file.hpp>
#include <hal-sim/config/vm_file_reader.hpp>

namespace axvm::hal_sim {
namespace {

// Besides the guests' own memory: stage-2 tables (two levels per gigabyte, one page per 2 MiB at
// worst) and room for the VMM.
constexpr std::uint64_t kVmmMemory = 16ULL << 20;
constexpr std::uint64_t kBankAlignment = 2ULL << 20;

void read_file(const ConfigText& source, MachineConfig& config, bool& has_sim,
               Diagnostics& diagnostics) {
  Locations locations;
  ReadContext context{source.file, diagnostics, locations};
  const auto root = parse_toml(context, source.text);
  if (!root) return;
  FieldReader reader(context, *root, "");
  const auto sim = read_sim_options(context, reader);
  if (sim && has_sim && *sim != config.sim) {
    context.error(locations["sim"], "sim", "is the second table of this name, and says otherwise",
                  "[sim] in one file, or the same in each");
  }
  if (sim) config.sim = *sim;
  has_sim = has_sim || sim.has_value();
  VmFile vm = read_vm_file(context, reader);
  reader.finish();
  for (const VmFile& other : config.vms) {
    if (vm.id != 0 && other.id == vm.id) {
      context.error(vm.locate("base.id"), "base.id",
                    fmt::format("is {}, as in {}", vm.id, other.file), "a different id per VM");
    }
  }
  config.vms.push_back(std::move(vm));
}

// By insertion: findings at one place stay in their order, and there are few.
void sort_by_place(std::vector<Diagnostic>::iterator begin, std::vector<Diagnostic>::iterator end) {
  for (auto it = begin; it != end; ++it) {
    const auto place = std::upper_bound(begin, it, *it, [](const auto& a, const auto& b) {
      return std::pair(a.at.line, a.at.column) < std::pair(b.at.line, b.at.column);
    });
    std::rotate(place, it, it + 1);
  }
}

bool in_place(const MemoryRegionRow& region) { return region.map_type != MapType::Alloc; }

void merge(std::vector<MemoryBank>& banks) {
  std::ranges::sort(banks, {}, &MemoryBank::base);
  std::vector<MemoryBank> merged;
  for (const MemoryBank& bank : banks) {
    if (!merged.empty() && bank.base <= merged.back().base + merged.back().size) {
      const std::uint64_t end =
          std::max(merged.back().base + merged.back().size, bank.base + bank.size);
      merged.back().size = end - merged.back().base;
    } else {
      merged.push_back(bank);
    }
  }
  banks = std::move(merged);
}

}  // namespace

std::expected<MachineConfig, std::vector<Diagnostic>> parse_config(
    const std::vector<ConfigText>& files) {
  MachineConfig config;
  Diagnostics diagnostics;
  bool has_sim = false;
  for (const ConfigText& file : files) {
    const auto before = static_cast<std::ptrdiff_t>(diagnostics.errors.size());
    read_file(file, config, has_sim, diagnostics);
    sort_by_place(diagnostics.errors.begin() + before, diagnostics.errors.end());
  }
  if (!diagnostics.errors.empty()) return std::unexpected(std::move(diagnostics.errors));
  if (config.sim.isa == Isa::Riscv64) {
    for (VmFile& vm : config.vms) vm.vcpus_per_cluster = kMaxVcpus;
  }
  config.warnings = std::move(diagnostics.warnings);
  return config;
}

std::expected<MachineConfig, std::vector<Diagnostic>> load_config(
    const std::vector<std::filesystem::path>& files) {
  std::vector<ConfigText> texts;
  std::vector<Diagnostic> errors;
  for (const std::filesystem::path& path : files) {
    auto text = read_text(path);
    if (text) {
      texts.push_back({path.string(), std::move(*text)});
    } else {
      errors.push_back({path.string(), {}, {}, std::move(text.error()), "a TOML file"});
    }
  }
  if (!errors.empty()) return std::unexpected(std::move(errors));
  return parse_config(texts);
}

std::vector<MemoryBank> plan_memory(const MachineConfig& config) {
  if (config.sim.memory) return {{config.sim.memory_base, *config.sim.memory}};
  std::vector<MemoryBank> banks;
  std::uint64_t pool = kVmmMemory;
  for (const VmFile& vm : config.vms) {
    for (const MemoryRegionRow& region : vm.memory_regions) {
      const std::uint64_t base = region.gpa & ~(kBankAlignment - 1);
      const std::uint64_t end =
          (region.gpa + region.size + kBankAlignment - 1) & ~(kBankAlignment - 1);
      if (end <= base || end > kAddressLimit) continue;  // check_config reports it
      pool += (end - base) / 256;
      if (in_place(region)) {
        banks.push_back({base, end - base});
      } else {
        pool += end - base;
      }
    }
  }
  merge(banks);
  // The pool takes the gaps between regions that are in place, from memory_base upwards.
  pool = std::min(pool, 2 * kLargestMemory);
  pool = (pool + kBankAlignment - 1) & ~(kBankAlignment - 1);
  std::uint64_t at = config.sim.memory_base;
  const std::vector<MemoryBank> taken = banks;
  for (const MemoryBank& bank : taken) {
    if (bank.base + bank.size <= at) continue;
    const std::uint64_t gap = bank.base > at ? std::min(bank.base - at, pool) : 0;
    if (gap != 0) banks.push_back({at, gap});
    pool -= gap;
    if (pool == 0) break;
    at = bank.base + bank.size;
  }
  if (pool != 0) banks.push_back({at, pool});
  merge(banks);
  return banks;
}

unsigned plan_pcpus(const MachineConfig& config) {
  if (config.sim.pcpus) return *config.sim.pcpus;
  std::uint64_t vcpus = 0;
  for (const VmFile& vm : config.vms) vcpus += vm.cpu_num;
  return static_cast<unsigned>(std::clamp<std::uint64_t>(vcpus, 1, 64));
}

}  // namespace axvm::hal_sim
