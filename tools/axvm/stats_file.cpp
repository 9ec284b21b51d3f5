#include <fmt/format.h>

#include <algorithm>
#include <tools/axvm/stats_file.hpp>
#include <tools/axvm/summary.hpp>
#include <utility>

namespace axvm::tool {

std::expected<StatsFile, std::string> StatsFile::create(
    const std::string& file, std::optional<std::uint64_t> interval,
    std::optional<sim::timing::Profile> profile) {
  auto output = Output::create(file);
  if (!output) return std::unexpected("--stats: " + output.error());
  StatsFile stats(std::move(*output));
  if (file.ends_with(".csv")) stats.format_ = Format::Csv;
  if (file.ends_with(".json")) stats.format_ = Format::Json;
  stats.interval_ = interval;
  stats.profile_ = std::move(profile);
  return stats;
}

StatsFile::Row StatsFile::read(hal_sim::Host& host) const {
  Row row;
  for (unsigned i = 0; i < host.machine().pcpu_count(); ++i) {
    const auto& cpu = host.machine().pcpu(i);
    const CpuCounts counts{.isa = host.isa(),
                           .instructions = cpu.instructions(),
                           .statistics = cpu.statistics(),
                           .model = cpu.timing_counters()};
    row.push_back(event_counts(counts, profile_ ? &*profile_ : nullptr));
  }
  return row;
}

void StatsFile::begin(hal_sim::Host& host) {
  last_ = read(host);
  written_up_to_ = host.statistics().instructions;
  if (interval_) next_ = written_up_to_ + std::min(*interval_, ~written_up_to_);
}

void StatsFile::row(hal_sim::Host& host) {
  const Row now = read(host);
  Row since = now;
  for (std::size_t cpu = 0; cpu < since.size(); ++cpu) {
    for (std::size_t i = 0; i < since[cpu].size(); ++i) since[cpu][i].count -= last_[cpu][i].count;
  }
  const auto statistics = host.statistics();
  switch (format_) {
    case Format::Text: write_text(since, statistics.instructions, statistics.time_ns); break;
    case Format::Csv: write_csv(since, statistics.instructions, statistics.time_ns); break;
    case Format::Json: write_json(since, statistics.instructions, statistics.time_ns); break;
  }
  first_ = false;
  last_ = now;
  written_up_to_ = statistics.instructions;
  if (interval_) next_ = written_up_to_ + std::min(*interval_, ~written_up_to_);
}

int StatsFile::finish(hal_sim::Host& host, int status) {
  if (first_ || host.statistics().instructions != written_up_to_) row(host);
  if (format_ == Format::Json) file_->write("\n]\n");
  return settle(*file_, status);
}

void StatsFile::write_text(const Row& row, std::uint64_t instructions, std::uint64_t time_ns) {
  file_->print("{}after {} instructions, {:.9f} s of guest time\n", first_ ? "" : "\n",
               instructions, static_cast<double>(time_ns) / 1e9);
  std::size_t width = 0;
  for (const EventCount& event : row.front()) width = std::max(width, event.name.size());
  for (std::size_t i = 0; i < row.front().size(); ++i) {
    std::uint64_t total = 0;
    std::string parts;
    for (const auto& cpu : row) {
      total += cpu[i].count;
      parts += fmt::format("  {:>15}", grouped(cpu[i].count));
    }
    file_->print("  {:<{}}  {:>15}{}\n", row.front()[i].name, width, grouped(total),
                 row.size() > 1 ? parts : "");
  }
}

void StatsFile::write_csv(const Row& row, std::uint64_t instructions, std::uint64_t time_ns) {
  if (first_) {
    file_->write("instructions,time_ns,pcpu");
    for (const EventCount& event : row.front()) file_->print(",{}", event.name);
    file_->write("\n");
  }
  for (std::size_t cpu = 0; cpu < row.size(); ++cpu) {
    file_->print("{},{},{}", instructions, time_ns, cpu);
    for (const EventCount& event : row[cpu]) file_->print(",{}", event.count);
    file_->write("\n");
  }
}

void StatsFile::write_json(const Row& row, std::uint64_t instructions, std::uint64_t time_ns) {
  file_->print(R"({}{{"instructions": {}, "time_ns": {}, "pcpus": [)", first_ ? "[\n" : ",\n",
               instructions, time_ns);
  for (std::size_t cpu = 0; cpu < row.size(); ++cpu) {
    file_->write(cpu == 0 ? "{" : ", {");
    for (std::size_t i = 0; i < row[cpu].size(); ++i) {
      file_->print(R"({}"{}": {})", i == 0 ? "" : ", ", row[cpu][i].name, row[cpu][i].count);
    }
    file_->write("}");
  }
  file_->write("]}");
}

}  // namespace axvm::tool
