#pragma once
// The commands; each writes what it is for to the output, all else to the standard error, and
// returns an exit status.

#include <cstdint>
#include <hal-sim/isa.hpp>
#include <optional>
#include <sim/machine.hpp>
#include <string>
#include <tools/axvm/configuration.hpp>
#include <tools/axvm/output.hpp>
#include <tools/axvm/script.hpp>
#include <tools/axvm/trace_option.hpp>
#include <tools/axvm/walk_privilege.hpp>
#include <vector>

namespace axvm::tool {

/// --snapshot-at: the machine is saved after exactly so many instructions.
struct SnapshotAt {
  std::uint64_t instructions = 0;
  std::string file;
};

struct RunOptions {
  ConfigurationOptions configuration;
  std::vector<TraceOption> traces;
  bool trace_tables = false;  ///< --trace-tables: axvm::TablesChanged, too
  Script script;
  std::optional<std::uint64_t> timeout;  ///< --timeout: instructions for each Expect
  std::optional<std::uint64_t> max_instructions;
  std::optional<unsigned> jobs;                 ///< -j: a machine per file, so many at a time
  bool standard_input = false;                  ///< --stdin: type what comes there
  std::optional<std::string> record_file;       ///< --record
  std::optional<std::string> replay_file;       ///< --replay
  std::vector<SnapshotAt> snapshots;            ///< --snapshot-at, in ascending order
  std::optional<std::string> restore_file;      ///< --restore
  std::optional<std::string> timing;            ///< --timing: a profile of a processor, a TOML file
  std::optional<std::string> stats;             ///< --stats: a file for what was counted
  std::optional<std::uint64_t> stats_interval;  ///< --stats-interval: instructions
  std::optional<std::string> stream;            ///< --record-stream: a file for all accesses
  bool hash = false;
  bool quiet = false;
};
[[nodiscard]] int run_command(const RunOptions& options, Output& output);

struct CheckOptions {
  ConfigurationOptions configuration;
};
[[nodiscard]] int check_command(const CheckOptions& options, Output& output);

struct DiffTraceOptions {
  std::string a;  ///< both as --trace FILE:jsonl or bare-metal images write them
  std::string b;
  ConfigurationOptions configuration;  ///< of the guests, to show instructions; may have no files
  bool up_to_time = false;             ///< --up-to-time: hal_sim::TraceContent::UpToTime
  bool permit_qemu = false;            ///< --permit-qemu: hal_sim::qemu_differences
  std::optional<std::uint32_t> vm;     ///< --vm: this VM's events only
};
/// kGuestFailed when the traces differ.
[[nodiscard]] int diff_trace_command(const DiffTraceOptions& options, Output& output);

struct BareMetalOptions {
  ConfigurationOptions configuration;
  std::optional<std::string> sources;     ///< --sources: only writes them, into this folder
  std::optional<std::string> trace_file;  ///< --trace
  bool trace_tables = false;              ///< --trace-tables
  std::optional<std::string> qemu;        ///< --qemu; else that of the guests' architecture
};
/// Returns the guests' status, as run_command does.
[[nodiscard]] int bare_metal_command(const BareMetalOptions& options, Output& output);

struct WalkLabOptions {
  std::string experiment;             ///< a TOML file
  std::vector<std::string> merge;     ///< folders to put together, instead of an experiment
  std::optional<std::string> folder;  ///< --out
  std::size_t shard = 1;              ///< --shard I/N
  std::size_t shards = 1;
  std::optional<std::uint64_t> memory;  ///< --memory: bytes that the tables of one point may take
  std::optional<unsigned> jobs;         ///< -j; none: as many as the host has cores
};
[[nodiscard]] int walk_lab_command(const WalkLabOptions& options, Output& output);

struct WalkOptions {
  ConfigurationOptions configuration;
  std::optional<std::uint64_t> gva;
  std::optional<std::uint64_t> gpa;
  std::optional<std::uint64_t> at;  ///< instructions of the vCPU; none: the end of the run
  std::uint32_t vcpu = 0;
  WalkPrivilege privilege;
};
[[nodiscard]] int walk_command(const WalkOptions& options, Output& output);
/// Both stages, for the guest's kernel, with the registers that a pCPU holds.
void draw_walk(sim::Machine& machine, unsigned pcpu, std::uint64_t gva, Output& output);

}  // namespace axvm::tool
