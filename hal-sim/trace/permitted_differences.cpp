#include <hal-sim/trace/aarch64/syndrome_text.hpp>
#include <hal-sim/trace/permitted_differences.hpp>

namespace axvm::hal_sim {
namespace {

constexpr std::uint64_t kOnWalk = 1 << 7;  // S1PTW
constexpr std::uint64_t kLevel = 0b11;     // of DFSC and IFSC

bool is_abort_on_walk(std::uint64_t esr) {
  const unsigned ec = aarch64::exception_class(esr);
  const bool is_abort = ec == aarch64::kDataAbort || ec == aarch64::kInstructionAbort;
  return is_abort && (esr & kOnWalk) != 0;
}

}  // namespace

bool is_qemu_difference(const TraceEvent& a, const TraceEvent& b) {
  if (a.kind != b.kind || a.fields.size() != b.fields.size() || a.kind != "TrapTaken") return false;
  for (const TraceField& field : a.fields) {
    const TraceValue* const other = b.find(field.name);
    if (other != nullptr && field.value == *other) continue;
    const std::uint64_t ours = a.number("syndrome");
    const std::uint64_t theirs = b.number("syndrome");
    if (field.name != "syndrome" || !is_abort_on_walk(ours)) return false;
    if (((ours ^ theirs) & ~kLevel) != 0) return false;
  }
  return true;
}

}  // namespace axvm::hal_sim
