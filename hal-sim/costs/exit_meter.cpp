#include <hal-sim/costs/exit_meter.hpp>

namespace axvm::hal_sim {

void ExitMeter::add(std::array<Row, kExitKinds>& rows, const Open& exit) {
  if (!exit.any) return;
  Row& row = rows.at(static_cast<std::size_t>(exit.kind));
  ++row.count;
  row.cycles += exit.cycles;
}

void ExitMeter::event(const Stamp& stamp, const Event& event) {
  if (stamp.pcpu >= open_.size()) open_.resize(stamp.pcpu + 1);
  Open& exit = open_[stamp.pcpu];
  if (std::holds_alternative<TrapTaken>(event)) {
    add(rows_, exit);
    exit = {.any = !stamp.host};
  }
  if (!exit.any) return;  // before the first exit, or at the end of a turn: not the guest's doing
  if (exit.kind == ExitKind::Other) exit.kind = prices_.kind_of(event);
  exit.cycles += prices_.cycles_of(event);
}

std::array<ExitMeter::Row, kExitKinds> ExitMeter::rows() const {
  std::array<Row, kExitKinds> rows = rows_;
  for (const Open& exit : open_) add(rows, exit);
  return rows;
}

std::uint64_t ExitMeter::cycles() const {
  std::uint64_t sum = 0;
  for (const Row& row : rows()) sum += row.cycles;
  return sum;
}

}  // namespace axvm::hal_sim
