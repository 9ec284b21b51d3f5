#include <fmt/format.h>

#include <array>
#include <lab/trace/trace_reader.hpp>

namespace axvm::lab {
namespace {

constexpr std::array kKinds{
    TraceKind{".lackey", "valgrind --tool=lackey --trace-mem=yes", read_lackey},
    TraceKind{".champsimtrace", "ChampSim's", read_champsim},
    TraceKind{".axs", "axvm run --record-stream", read_guest_trace},
};

constexpr std::string_view kGzip = ".gz";
constexpr std::string_view kZstd = ".zst";

}  // namespace

std::span<const TraceKind> trace_kinds() { return kKinds; }

const TraceKind* trace_kind(std::string_view name) {
  for (const std::string_view packed : {kGzip, kZstd}) {
    if (name.ends_with(packed)) {
      name.remove_suffix(packed.size());
      break;
    }
  }
  for (const TraceKind& kind : kKinds) {
    if (name.ends_with(kind.suffix)) return &kind;
  }
  return nullptr;
}

std::expected<std::unique_ptr<TraceReader>, std::string> open_trace(
    const std::filesystem::path& file) {
  const std::string name = file.string();
  const TraceKind* const kind = trace_kind(name);
  auto bytes = open_file(file);
  if (kind == nullptr || bytes == nullptr) {
    return std::unexpected(fmt::format("{}: is no trace that can be read", name));
  }
  if (name.ends_with(kGzip)) bytes = gunzipped(std::move(bytes));
  if (name.ends_with(kZstd)) bytes = unzstded(std::move(bytes));
  return kind->make(name, std::move(bytes));
}

}  // namespace axvm::lab
