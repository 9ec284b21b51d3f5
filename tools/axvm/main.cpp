// axvm: runs guests on the VMM core over the simulated machine.

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <exception>
#include <hal-sim/config/size_text.hpp>
#include <iterator>
#include <string_view>
#include <tools/axvm/arguments.hpp>
#include <tools/axvm/commands.hpp>
#include <tools/axvm/exit_status.hpp>
#include <tools/axvm/explain_options.hpp>
#include <tools/axvm/parallel.hpp>
#include <tools/axvm/supervisor.hpp>

namespace axvm::tool {
namespace {

constexpr const char* kAbout =
    "Runs guests on a real VMM core over a simulated machine, the same in every run.\n";

constexpr const char* kExamples = R"(
Examples:
  axvm run configs/hello-aarch64.toml                      boot a guest
  axvm run vm.toml --trace -:text                          and explain each of its traps
  axvm run vm.toml --hash --quiet                          print the final state's hash last
  axvm run vm.toml --expect 'login:' --send 'root\n'       talk to its console
  axvm check vm.toml                                       validate, print the memory map
  axvm walk vm.toml --gva 0x40080000 --at 1000             draw a two-stage page-table walk
  axvm explain esr 0x93810045                              what each bit of a syndrome means
  axvm explain walk vm.toml --gva 0x40080000 --html w.html step through a walk in a browser
  axvm walk-lab configs/walk-lab/references.toml           measure what walks cost
  axvm bare-metal vm.toml                                  the same guest on bare metal, under QEMU
  axvm diff-trace a.jsonl b.jsonl --config vm.toml         explain where two traces part

Exit status: 0 guest powered off, 1 guest failed or traces differ, 2 bad usage or configuration, 3 limit reached,
128+n signal n (130: Ctrl-C).
)";

constexpr std::array<std::string_view, 7> kCommands = {
    "run", "check", "walk", "explain", "bare-metal", "diff-trace", "walk-lab"};

void add_trace_tables(CLI::App& app, bool& wanted) {
  app.add_flag("--trace-tables", wanted, "Have traces tell what stage 2 maps when it has changed");
}

void add_run(CLI::App& app, RunOptions& options) {
  add_configuration(app, options.configuration);
  add_chaos(app, options.configuration);
  app.add_option_function<std::string>(
         "--trace",
         [&options](const std::string& text) {
           auto trace = parse_trace_option(text);
           if (!trace) reject("--trace: " + trace.error());
           options.traces.push_back(std::move(*trace));
         },
         "Write events to FILE ('-': standard output) as text, jsonl, a running hash, or chrome, "
         "which trace viewers read")
      ->trigger_on_parse()
      ->type_name("FILE[:FORMAT]");
  add_trace_tables(app, options.trace_tables);
  app.add_option_function<std::string>(
         "--send",
         [&options](const std::string& text) {
           auto bytes = unescape(text);
           if (!bytes) reject("--send: " + bytes.error());
           options.script.emplace_back(Send{std::move(*bytes)});
         },
         "Type at the first VM's console (\\n, \\r, \\t, \\e, \\xNN)")
      ->trigger_on_parse()
      ->type_name("TEXT");
  app.add_option_function<std::string>(
         "--expect",
         [&options](const std::string& text) {
           auto expect = make_expect(text);
           if (!expect) reject("--expect: " + expect.error());
           options.script.emplace_back(std::move(*expect));
         },
         "Run until the first VM's console shows this, then go on with the next --send or --expect")
      ->trigger_on_parse()
      ->type_name("REGEX");
  app.add_option_function<std::string>(
         "--script",
         [&options](const std::string& file) {
           auto script = read_script(file);
           if (!script) reject("--script: " + script.error());
           std::ranges::move(*script, std::back_inserter(options.script));
         },
         "Do what FILE says: lines of send TEXT, expect REGEX, timeout INSTRUCTIONS")
      ->trigger_on_parse()
      ->type_name("FILE");
  app.add_option_function<std::string>(
         "--timeout",
         [&options](const std::string& text) { options.timeout = number("--timeout", text); },
         "Instructions within which the console has to show what each --expect wants")
      ->type_name("N");
  app.add_option_function<std::string>(
         "-j",
         [&options](const std::string& text) {
           options.jobs = static_cast<unsigned>(number("-j", text, 1, 1024));
         },
         "A machine of its own for each CONFIG, N of them at a time")
      ->type_name("N");
  app.add_flag("--stdin", options.standard_input,
               "Type what comes from the standard input, as if it were a terminal");
  app.add_option_function<std::string>(
         "--max-instructions",
         [&options](const std::string& text) {
           options.max_instructions = number("--max-instructions", text);
         },
         "Stop after exactly N instructions (exit status 3)")
      ->type_name("N");
  app.add_option("--record", options.record_file,
                 "Write all that the run depends on, input among it, to FILE as JSON lines")
      ->type_name("FILE");
  app.add_option("--replay", options.replay_file,
                 "Repeat the run that --record wrote to FILE; a difference is an error")
      ->type_name("FILE");
  app.add_option_function<std::vector<std::string>>(
         "--snapshot-at",
         [&options](const std::vector<std::string>& words) {
           SnapshotAt wanted{number("--snapshot-at", words[0]), words[1]};
           auto& all = options.snapshots;
           const auto place =
               std::ranges::upper_bound(all, wanted.instructions, {}, &SnapshotAt::instructions);
           all.insert(place, std::move(wanted));
         },
         "Save the machine to FILE after exactly N instructions, and go on")
      ->expected(2)
      ->trigger_on_parse()
      ->type_name("N FILE");
  app.add_option("--restore", options.restore_file, "Go on from a snapshot instead of booting")
      ->type_name("FILE");
  app.add_option("--timing", options.timing,
                 "Model a processor's TLBs and caches meanwhile; nothing visible changes")
      ->type_name("PROFILE.toml");
  auto* stats = app.add_option("--stats", options.stats,
                               "Write what was counted to FILE: text, or CSV or JSON if it ends in "
                               ".csv or .json");
  stats->type_name("FILE");
  app.add_option_function<std::string>(
         "--stats-interval",
         [&options](const std::string& text) {
           options.stats_interval = number("--stats-interval", text, 1, ~0ULL);
         },
         "A row of it every N instructions")
      ->needs(stats)
      ->type_name("N");
  app.add_option("--record-stream", options.stream,
                 "Write what pCPU 0 fetches, loads and stores to FILE, a stream for the walk lab")
      ->type_name("FILE");
  app.add_flag("--hash", options.hash, "Print the hash of the final state as the last line");
  app.add_flag("--quiet", options.quiet, "Nothing but the guest's console");
}

void add_walk(CLI::App& app, WalkOptions& options) {
  add_configuration(app, options.configuration);
  add_chaos(app, options.configuration);
  auto* gva = app.add_option_function<std::string>(
      "--gva", [&options](const std::string& text) { options.gva = number("--gva", text); },
      "Guest-virtual address: both stages");
  auto* gpa = app.add_option_function<std::string>(
      "--gpa", [&options](const std::string& text) { options.gpa = number("--gpa", text); },
      "Guest-physical address: stage 2 alone");
  gva->type_name("ADDR")->excludes(gpa);
  gpa->type_name("ADDR");
  app.add_option_function<std::string>(
         "--at", [&options](const std::string& text) { options.at = number("--at", text); },
         "After exactly N instructions of the vCPU (default: at the end of the run)")
      ->type_name("N");
  app.add_option_function<std::string>(
         "--vcpu",
         [&options](const std::string& text) {
           options.vcpu = static_cast<std::uint32_t>(number("--vcpu", text, 0, 63));
         },
         "vCPU of the first VM (default: 0)")
      ->type_name("N");
  add_walk_privilege(app, options.privilege);
}

void add_bare_metal(CLI::App& app, BareMetalOptions& options) {
  add_configuration(app, options.configuration);
  app.add_option("--trace", options.trace_file, "Write the events to FILE, as JSON lines")
      ->type_name("FILE");
  add_trace_tables(app, options.trace_tables);
  app.add_option("--qemu", options.qemu, "QEMU for the guests' architecture")->type_name("PROGRAM");
  app.add_option("--sources", options.sources,
                 "Write the VMs as sources of an image into DIR, and do no more")
      ->type_name("DIR");
}

void add_diff_trace(CLI::App& app, DiffTraceOptions& options) {
  app.add_option("A", options.a, "A trace: what --trace FILE:jsonl or a bare-metal image wrote")
      ->required()
      ->type_name("");
  app.add_option("B", options.b, "Another one")->required()->type_name("");
  app.add_flag("--up-to-time", options.up_to_time,
               "Leave out interrupts, waiting, and registers that may hold times");
  app.add_flag("--permit-qemu", options.permit_qemu,
               "Let pass what QEMU is known to do otherwise than the manual says");
  app.add_option_function<std::string>(
         "--vm",
         [&options](const std::string& text) {
           options.vm = static_cast<std::uint32_t>(number("--vm", text, 1, kMaxVmId));
         },
         "Compare the events of the VM with this id only")
      ->type_name("ID");
  app.add_option("--config", options.configuration.files,
                 "TOML file of a guest, to show the instructions around the first difference")
      ->allow_extra_args(false)
      ->type_name("CONFIG");
  app.add_option("--images", options.configuration.image_directories,
                 "Folder to look for images in")
      ->expected(1)
      ->type_name("DIR");
}

void add_walk_lab(CLI::App& app, WalkLabOptions& options) {
  app.add_option("EXPERIMENT", options.experiment,
                 "TOML file, such as configs/walk-lab/references.toml")
      ->type_name("");
  app.add_option("--out", options.folder, "Folder for the results; what is there is not run again")
      ->type_name("DIR");
  app.add_option_function<std::string>(
         "--shard",
         [&options](const std::string& text) {
           const std::size_t slash = text.find('/');
           if (slash == std::string::npos) reject("--shard: expected I/N, such as 1/8");
           options.shards = number("--shard", text.substr(slash + 1), 1, 1'000'000);
           options.shard = number("--shard", text.substr(0, slash), 1, options.shards);
         },
         "Run only every N-th point, from the I-th on")
      ->type_name("I/N");
  app.add_option_function<std::string>(
         "-j",
         [&options](const std::string& text) {
           options.jobs = static_cast<unsigned>(number("-j", text, 1, 1024));
         },
         "Points at a time (default: as many as there are cores)")
      ->type_name("N");
  app.add_option_function<std::string>(
         "--memory",
         [&options](const std::string& text) {
           options.memory = hal_sim::parse_size(text);
           if (!options.memory) reject("--memory: expected a size, such as 8G");
         },
         "How much the tables of one point may take (default: half of the host's, by -j)")
      ->type_name("SIZE");
  CLI::App& merge = *app.add_subcommand("merge", "Put the folders of all shards together");
  merge.add_option("DIR", options.merge, "Folders that --shard wrote to")
      ->required()
      ->type_name("")
      ->expected(-1);
  merge.add_option("--out", options.folder, "Folder for the reports")->type_name("DIR");
}

// The first line of an error, without what CLI11 adds for its own interface.
std::string one_line(const CLI::ParseError& error) {
  std::string text = error.what();
  text = text.substr(0, text.find('\n'));
  return text;
}

// -j
int run_apart(const RunOptions& options, const char* program, Output& output) {
  return run_parallel(options.configuration.files, *options.jobs, [&](const std::string& file) {
    RunOptions one = options;
    one.configuration.files = {file};
    const std::array<const char*, 3> command{program, "run", file.c_str()};
    return supervise(shell_command(static_cast<int>(command.size()), command.data()),
                     [&] { return settle(output, run_command(one, output)); });
  });
}

int dispatch(int argc, const char* const* argv) {
  CLI::App app(kAbout, "axvm");
  app.footer(kExamples);
  app.require_subcommand(1);
  RunOptions run;
  CheckOptions check;
  WalkOptions walk;
  BareMetalOptions bare_metal;
  DiffTraceOptions diff;
  CLI::App& run_app = *app.add_subcommand("run", "Boot VMs and run them to their end");
  CLI::App& check_app =
      *app.add_subcommand("check", "Validate configurations and print the memory map");
  CLI::App& walk_app =
      *app.add_subcommand("walk", "Draw each step of a page-table walk at some point of a run");
  add_run(run_app, run);
  add_configuration(check_app, check.configuration);
  add_walk(walk_app, walk);
  CLI::App& bare_metal_app = *app.add_subcommand(
      "bare-metal", "Link VMs with the VMM for bare metal, and run them under QEMU");
  add_bare_metal(bare_metal_app, bare_metal);
  CLI::App& diff_app =
      *app.add_subcommand("diff-trace", "Compare two traces, and explain the first difference");
  add_diff_trace(diff_app, diff);
  WalkLabOptions lab;
  CLI::App& lab_app =
      *app.add_subcommand("walk-lab", "Run experiments with models of TLBs and walk caches");
  add_walk_lab(lab_app, lab);
  ExplainOptions explain;
  CLI::App& explain_app = *app.add_subcommand(
      "explain", "Explain registers, descriptors, walks and traces, bit by bit");
  add_explain(explain_app, explain);
  const auto output = Output::standard();
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (!command.starts_with('-') && std::ranges::find(kCommands, command) == kCommands.end()) {
    complain(fmt::format(
        "{}, expected run, check, walk, explain, walk-lab, bare-metal or diff-trace; try axvm "
        "--help",
        command.empty() ? "no command" : fmt::format("\"{}\" is no command", command)));
    return kBadUsage;
  }
  try {
    app.parse(argc, argv);
    const bool writes_files =
        run.record_file || run.replay_file || run.restore_file || !run.snapshots.empty() ||
        run.stats || run.stream ||
        std::ranges::any_of(run.traces, [](const TraceOption& trace) { return trace.file != "-"; });
    if (run.jobs && (writes_files || run.standard_input)) {
      reject(
          "-j: several machines cannot share --stdin or a file of --trace, --record, --replay, "
          "--snapshot-at, --restore, --stats or --record-stream");
    }
    if (run.replay_file && (!run.script.empty() || run.standard_input || run.record_file)) {
      reject(
          "--replay: the recording says what is typed, expected no --send, --expect, --script, "
          "--stdin or --record");
    }
    if (lab_app.parsed() && lab.experiment.empty() == lab.merge.empty()) {
      reject("walk-lab: expected an experiment, or merge and folders");
    }
    if (lab.shards > 1 && !lab.folder) {
      reject("walk-lab: --shard keeps its results for later, expected --out DIR");
    }
    if (walk_app.parsed() && !walk.gva && !walk.gpa) {
      reject("walk: expected --gva ADDR or --gpa ADDR");
    }
  } catch (const CLI::CallForHelp&) {
    // Help for the command that was asked about.
    output->write(app.help());
    return settle(*output, 0);
  } catch (const CLI::ParseError& error) {
    complain(one_line(error));
    return kBadUsage;
  }
  if (explain_app.parsed()) {
    return supervise(shell_command(argc, argv),
                     [&] { return settle(*output, explain_command(explain, *output)); });
  }
  if (check_app.parsed()) return settle(*output, check_command(check, *output));
  if (bare_metal_app.parsed()) return settle(*output, bare_metal_command(bare_metal, *output));
  if (diff_app.parsed()) return settle(*output, diff_trace_command(diff, *output));
  if (lab_app.parsed()) return settle(*output, walk_lab_command(lab, *output));
  if (run_app.parsed() && run.jobs) return run_apart(run, argv[0], *output);
  return supervise(shell_command(argc, argv), [&] {
    const int status = run_app.parsed() ? run_command(run, *output) : walk_command(walk, *output);
    return settle(*output, status);
  });
}

// A file opened later must not become what others take for the standard output. What stands in for
// a closed one refuses all access.
void occupy_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(descriptor, F_GETFD) != -1) continue;
    // The lowest free descriptor is this one.
    static_cast<void>(open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY));
  }
}

}  // namespace
}  // namespace axvm::tool

int main(int argc, char** argv) {
  try {
    axvm::tool::occupy_standard_descriptors();
    return axvm::tool::dispatch(argc, argv);
  } catch (const std::exception& error) {
    // Out of memory, or the standard output is gone.
    axvm::tool::complain(error.what());
    return axvm::tool::kBadUsage;
  }
}
