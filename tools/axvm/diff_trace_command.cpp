#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <hal-sim/load/bytes.hpp>
#include <hal-sim/load/load_plan.hpp>
#include <hal-sim/trace/permitted_differences.hpp>
#include <hal-sim/trace/trace_difference.hpp>
#include <map>
#include <system_error>
#include <tools/axvm/commands.hpp>
#include <tools/axvm/exit_status.hpp>
#include <utility>

namespace axvm::tool {
namespace {

using hal_sim::LoadPiece;
using Images = std::map<std::uint64_t, std::vector<LoadPiece>>;

// What the VMs boot with, by VM; nothing, and said why, when an image is missing or wrong.
std::optional<Images> images_of(const hal_sim::MachineConfig& config,
                                const ConfigurationOptions& options) {
  Images images;
  for (const hal_sim::VmFile& vm : config.vms) {
    auto plan = hal_sim::plan_load(vm, image_search(options), config.sim.isa);
    if (!plan) {
      complain(to_string(plan.error()));
      return std::nullopt;
    }
    images.emplace(vm.id, std::move(plan->pieces));
  }
  return images;
}

std::optional<std::uint32_t> word_at(const std::vector<LoadPiece>& pieces, std::uint64_t address) {
  for (const LoadPiece& piece : pieces) {
    const std::uint64_t offset = address - piece.gpa;
    if (address < piece.gpa || offset >= piece.bytes.size() || piece.bytes.size() - offset < 4) {
      continue;
    }
    return hal_sim::little_endian<std::uint32_t>(piece.bytes, offset);
  }
  return std::nullopt;
}

// A file opened for reading, or said why it is not.
bool open(const std::string& file, std::ifstream& stream) {
  errno = 0;
  stream.open(file, std::ios::binary);
  // A folder can be opened, but has no first byte.
  if (stream.is_open() && (stream.peek(), !stream.bad())) {
    stream.clear();
    return true;
  }
  complain(fmt::format("{}: cannot be read: {}", file, std::generic_category().message(errno)));
  return false;
}

// Whose guests they are: what either says, or else the configuration. Or says that they differ.
bool agree_on_isa(hal_sim::TraceReader& a, hal_sim::TraceReader& b,
                  std::optional<hal_sim::Isa> configured) {
  if (a.named_isa() && b.named_isa() && a.isa() != b.isa()) {
    complain(fmt::format("{} is of {} guests, {} of {} guests, expected two of one architecture",
                         a.name(), to_string(a.isa()), b.name(), to_string(b.isa())));
    return false;
  }
  const auto isa = a.named_isa() ? a.named_isa() : b.named_isa() ? b.named_isa() : configured;
  for (hal_sim::TraceReader* reader : {&a, &b}) {
    if (isa) reader->assume(*isa);
  }
  return true;
}

}  // namespace

int diff_trace_command(const DiffTraceOptions& options, Output& output) {
  std::optional<Images> images;
  std::optional<hal_sim::Isa> isa;
  if (!options.configuration.files.empty()) {
    const auto config = read_configuration(options.configuration, true);
    if (!config) return kBadUsage;
    isa = config->sim.isa;
    images = images_of(*config, options.configuration);
    if (!images) return kBadUsage;
  }
  std::ifstream a;
  std::ifstream b;
  if (!open(options.a, a) || !open(options.b, b)) return kBadUsage;
  hal_sim::CodeReader code;
  if (images) {
    code = [&images](std::uint64_t vm, std::uint64_t address) -> std::optional<std::uint32_t> {
      const auto found = images->find(vm);
      if (found == images->end()) return std::nullopt;
      return word_at(found->second, address);
    };
  }
  const auto content =
      options.up_to_time ? hal_sim::TraceContent::UpToTime : hal_sim::TraceContent::All;
  hal_sim::TraceReader reader_a(options.a, a, content, options.vm);
  hal_sim::TraceReader reader_b(options.b, b, content, options.vm);
  if (!agree_on_isa(reader_a, reader_b, isa)) return kBadUsage;
  hal_sim::PermittedDifference permitted;
  hal_sim::PermittedAbsence absent;
  if (options.permit_qemu) {
    permitted = hal_sim::qemu_differences(reader_a.isa());
    absent = hal_sim::missing_in_qemu(reader_a.isa());
  }
  const auto compared = hal_sim::compare_traces(reader_a, reader_b, code, permitted, absent);
  if (!compared) {
    complain(compared.error());
    return kBadUsage;
  }
  if (compared->difference.empty()) {
    output.print("{} events agree", compared->agreed);
    if (options.permit_qemu && compared->permitted != 0) {
      output.print(", {} of them but for what QEMU does otherwise", compared->permitted);
    }
    if (compared->absent != 0) {
      output.print("; {} more that QEMU has not are in one of both", compared->absent);
    }
    output.write("\n");
    return 0;
  }
  output.write(compared->difference);
  return kGuestFailed;
}

}  // namespace axvm::tool
