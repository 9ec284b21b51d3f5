#include <fmt/format.h>

#include <explain/registers.hpp>
#include <hal-sim/config/nearest_name.hpp>
#include <hal-sim/config/size_text.hpp>
#include <memory>
#include <tools/axvm/arguments.hpp>
#include <tools/axvm/explain_options.hpp>

namespace axvm::tool {

namespace {

constexpr const char* kExamples = R"(
Examples:
  axvm explain esr 0x93810045 far 0x9000000 hpfar 0x90000    an exit, as its registers tell it
  axvm explain VTCR_EL2=0x80043594                           a register
  axvm explain vtcr_el2                                      all fields and values of a register
  axvm explain scause 21 stval 0x10000005 htval 0x4000001    the same of RISC-V
  axvm explain descriptor 0x400057ff --stage 2 --level 3     a page-table entry
  axvm explain walk vm.toml --gva 0x40080000 --html w.html   a walk, as a page to step through
  axvm explain walk --registers vm.toml --memory ram.bin@0x40000000 --gva 0x40080000
  axvm explain trace run.jsonl --event 3                     an exit of a trace
  axvm explain walk vm.toml --trace run.jsonl --event 3      the walk that it is about

Exit status: 0 it was explained, 1 the guest failed before --at, 2 bad usage or files.
)";

std::string upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  }
  return text;
}

// The register whose name is nearest, in any case.
std::string_view nearest_register(const std::string& name) {
  const std::string wanted = upper(name);
  std::vector<std::string> uppers;
  for (const auto& known : explain::registers()) uppers.push_back(upper(std::string(known.name)));
  const std::vector<std::string_view> names(uppers.begin(), uppers.end());
  const std::string_view nearest = hal_sim::nearest_name(wanted, names);
  return nearest.empty() ? nearest : explain::find_register(nearest)->name;
}

void check_name(const std::string& name) {
  if (explain::find_register(name) != nullptr) return;
  const std::string_view nearest = nearest_register(name);
  reject(
      nearest.empty()
          ? fmt::format("explain: \"{}\" is no register, walk, trace or descriptor; axvm explain "
                        "--list names the registers",
                        name)
          : fmt::format("explain: \"{}\" is no register, expected perhaps {}", name, nearest));
}

void add_register(ExplainOptions& options, const std::string& name, const std::string& value) {
  check_name(name);
  options.registers.push_back({name, number(name.c_str(), value)});
}

// NAME VALUE, NAME=VALUE, or NAME alone.
void read_words(ExplainOptions& options, const std::vector<std::string>& words) {
  for (std::size_t n = 0; n < words.size(); ++n) {
    const std::string& word = words[n];
    if (const std::size_t equals = word.find('='); equals != std::string::npos) {
      add_register(options, word.substr(0, equals), word.substr(equals + 1));
      continue;
    }
    check_name(word);
    const bool has_value = n + 1 < words.size() && words[n + 1].find('=') == std::string::npos &&
                           explain::find_register(words[n + 1]) == nullptr;
    if (has_value) {
      add_register(options, word, words[++n]);
    } else {
      options.registers.push_back({word, std::nullopt});
    }
  }
}

void add_registers(CLI::App& app, ExplainOptions& options) {
  app.add_option_function<std::vector<std::string>>(
         "REGISTER",
         [&options](const std::vector<std::string>& words) { read_words(options, words); },
         "NAME VALUE or NAME=VALUE, any number of them; NAME alone: all its values")
      ->type_name("")
      ->expected(-1);
  for (const char* name : {"far", "hpfar", "elr", "spsr"}) {
    app.add_option_function<std::string>(
           fmt::format("--{}", name),
           [&options, name](const std::string& text) { add_register(options, name, text); },
           fmt::format("{}_EL2, to explain ESR_EL2 with", upper(name)))
        ->type_name("VALUE");
  }
  app.add_flag_callback(
      "--list", [&options] { options.what = ExplainOptions::What::List; }, "Name all registers");
}

unsigned granule_bits(const std::string& text) {
  const auto size = hal_sim::parse_size(text);
  for (const unsigned bits : {12U, 14U, 16U}) {
    if (size == std::uint64_t{1} << bits) return bits;
  }
  reject(fmt::format("--granule: is {}, expected 4K, 16K or 64K", text));
}

// What the options for a descriptor say, before they are put together.
struct DescriptorWords {
  std::string stage = "1";
  std::optional<std::string> level;
  std::optional<std::string> granule;
};

explain::riscv64::EntryPlace riscv64_place(const DescriptorWords& words) {
  if (words.granule) {
    reject(fmt::format("--granule: is of --stage 1 and 2, expected none with --stage {}",
                       words.stage));
  }
  return {.g_stage = words.stage == "g",
          .level = static_cast<unsigned>(number("--level", words.level.value_or("0"), 0, 4))};
}

explain::aarch64::DescriptorPlace aarch64_place(const DescriptorWords& words) {
  constexpr unsigned k64K = 16;
  const explain::aarch64::DescriptorPlace place{
      .stage = words.stage == "1" ? 1U : 2U,
      .level = static_cast<unsigned>(number("--level", words.level.value_or("3"), 0, 3)),
      .granule_bits = granule_bits(words.granule.value_or("4K"))};
  if (place.granule_bits == k64K && place.level == 0) {
    reject("--level: is 0, expected 1 to 3 with --granule 64K");
  }
  return place;
}

void add_descriptor(CLI::App& app, ExplainOptions& options) {
  ExplainDescriptorOptions& descriptor = options.descriptor;
  const auto words = std::make_shared<DescriptorWords>();
  app.add_option_function<std::string>(
         "VALUE",
         [&descriptor](const std::string& text) { descriptor.word = number("descriptor", text); },
         "Its 64 bits")
      ->required()
      ->type_name("");
  app.add_option("--stage", words->stage,
                 "Of the translation: AArch64's 1 or 2, RISC-V's vs or g (default: 1)")
      ->type_name("1|2|vs|g");
  app.add_option("--level", words->level,
                 "Of the table that it is in (default: that of pages, AArch64's 3, RISC-V's 0)")
      ->type_name("0|1|2|3|4");
  app.add_option("--granule", words->granule, "Size of AArch64's pages (default: 4K)")
      ->type_name("4K|16K|64K");
  app.callback([&descriptor, words] {
    if (words->stage == "vs" || words->stage == "g") {
      descriptor.place = riscv64_place(*words);
    } else if (words->stage == "1" || words->stage == "2") {
      descriptor.place = aarch64_place(*words);
    } else {
      reject(fmt::format("--stage: is {}, expected 1, 2, vs or g", words->stage));
    }
  });
}

explain::aarch64::Access access_of(const std::string& text) {
  if (text == "read") return explain::aarch64::Access::Read;
  if (text == "write") return explain::aarch64::Access::Write;
  if (text == "fetch") return explain::aarch64::Access::Fetch;
  reject(fmt::format("--access: is {}, expected read, write or fetch", text));
}

void add_walk_question(CLI::App& app, ExplainWalkOptions& walk) {
  auto* gva = app.add_option_function<std::string>(
      "--gva", [&walk](const std::string& text) { walk.gva = number("--gva", text); },
      "Guest-virtual address: both stages");
  auto* gpa = app.add_option_function<std::string>(
      "--gpa", [&walk](const std::string& text) { walk.gpa = number("--gpa", text); },
      "Guest-physical address: stage 2");
  gva->type_name("ADDR")->excludes(gpa);
  gpa->type_name("ADDR");
  app.add_option_function<std::string>(
         "--access", [&walk](const std::string& text) { walk.access = access_of(text); },
         "What for (default: read)")
      ->type_name("read|write|fetch");
  add_walk_privilege(app, walk.privilege);
}

void add_typed(CLI::App& app, ExplainWalkOptions& walk) {
  app.add_option("--registers", walk.registers_file,
                 "TOML file of registers and dumps of memory, instead of a guest")
      ->type_name("FILE");
  app.add_option_function<std::vector<std::string>>(
         "--register",
         [&walk](const std::vector<std::string>& words) {
           for (const std::string& word : words) {
             const std::size_t equals = word.find('=');
             if (equals == std::string::npos) {
               reject(fmt::format("--register: \"{}\" is no NAME=VALUE", word));
             }
             walk.registers.push_back(
                 {word.substr(0, equals), number("--register", word.substr(equals + 1))});
           }
         },
         "A register, such as VTTBR_EL2=0x40000000 or hgatp=0x8000000000080000, instead of a "
         "guest's; any number of them")
      ->allow_extra_args(false)
      ->type_name("NAME=VALUE");
  app.add_option_function<std::vector<std::string>>(
         "--memory",
         [&walk](const std::vector<std::string>& words) {
           for (const std::string& word : words) {
             auto dump = explain::parse_dump(word);
             if (!dump) {
               reject(
                   fmt::format("--memory: \"{}\" is no FILE@ADDRESS, expected for example "
                               "tables.bin@0x40000000",
                               word));
             }
             walk.dumps.push_back(std::move(*dump));
           }
         },
         "What was in memory from ADDRESS on, byte by byte; any number of them")
      ->allow_extra_args(false)
      ->type_name("FILE@ADDRESS");
}

std::uint64_t event_number(const std::string& text) {
  return number("--event", text, 1, std::uint64_t{1} << 62);
}

// Which address, when, and by whom the exit says.
void add_traced(CLI::App& app, ExplainWalkOptions& walk) {
  auto* trace =
      app.add_option("--trace", walk.trace,
                     "The walk of a traced exit: what `axvm run CONFIG --trace FILE:jsonl` wrote");
  trace->type_name("FILE");
  auto* event = app.add_option_function<std::string>(
      "--event", [&walk](const std::string& text) { walk.event = event_number(text); },
      "Which one, as `axvm explain trace` counts them");
  event->type_name("N")->needs(trace);
  trace->needs(event);
  for (const char* other : {"--gva", "--gpa", "--access", "--el", "--mode", "--at", "--vcpu",
                            "--registers", "--register", "--memory"}) {
    trace->excludes(app.get_option(other));
  }
}

void add_walk(CLI::App& app, ExplainWalkOptions& walk) {
  add_configuration(app, walk.configuration);
  app.get_option("CONFIG")->required(false);
  app.remove_option(app.get_option("--memory"));  // here it is a dump
  add_chaos(app, walk.configuration);
  add_walk_question(app, walk);
  app.add_option_function<std::string>(
         "--at", [&walk](const std::string& text) { walk.at = number("--at", text); },
         "After exactly N instructions of the vCPU (default: at the end of the run)")
      ->type_name("N");
  app.add_option_function<std::string>(
         "--vcpu",
         [&walk](const std::string& text) {
           walk.vcpu = static_cast<std::uint32_t>(number("--vcpu", text, 0, 63));
         },
         "vCPU of the first VM (default: 0)")
      ->type_name("N");
  app.add_flag("--full", walk.full, "A line for each field of each descriptor");
  app.add_option("--html", walk.html, "Write a page to step through the walk, instead of text")
      ->type_name("FILE");
  app.add_option("--profile", walk.profile,
                 "TOML file of a processor (configs/walk-lab/profiles), for the cycles of reads")
      ->type_name("FILE");
  add_typed(app, walk);
  add_traced(app, walk);
  app.callback([&walk] {
    if (!walk.gva && !walk.gpa && !walk.trace) {
      reject("explain walk: expected --gva ADDR, --gpa ADDR or --trace FILE --event N");
    }
    if (walk.configuration.files.empty() == !walk.typed()) {
      reject("explain walk: expected a configuration, or registers and memory");
    }
  });
}

void add_trace(CLI::App& app, ExplainTraceOptions& trace) {
  app.add_option("FILE", trace.file, "A trace: what --trace FILE:jsonl or a bare-metal image wrote")
      ->required()
      ->type_name("");
  app.add_option_function<std::string>(
         "--event", [&trace](const std::string& text) { trace.event = event_number(text); },
         "Only this event, counted from the first exit, in full")
      ->type_name("N");
  app.add_option_function<std::string>(
         "--vm",
         [&trace](const std::string& text) {
           trace.vm = static_cast<std::uint32_t>(number("--vm", text, 1, kMaxVmId));
         },
         "Only the events of the VM with this id")
      ->type_name("ID");
}

}  // namespace

void add_explain(CLI::App& app, ExplainOptions& options) {
  app.footer(kExamples);
  add_registers(app, options);
  CLI::App& descriptor = *app.add_subcommand("descriptor", "Explain an entry of a page table");
  add_descriptor(descriptor, options);
  CLI::App& walk = *app.add_subcommand("walk", "Explain each step of a page-table walk");
  add_walk(walk, options.walk);
  CLI::App& trace = *app.add_subcommand("trace", "Explain the exits of a trace");
  add_trace(trace, options.trace);
  app.callback([&app, &descriptor, &walk, &trace, &options] {
    const auto others = app.get_subcommands();
    if (options.what == ExplainOptions::What::List &&
        !(others.empty() && options.registers.empty())) {
      reject("--list: stands alone, expected nothing else to explain");
    }
    if (!others.empty() && !options.registers.empty()) {
      reject(fmt::format("explain: {} and {} are two explanations, expected one",
                         options.registers.front().name, others.front()->get_name()));
    }
    if (descriptor.parsed()) options.what = ExplainOptions::What::Descriptor;
    if (walk.parsed()) options.what = ExplainOptions::What::Walk;
    if (trace.parsed()) options.what = ExplainOptions::What::Trace;
    if (app.get_subcommands().empty() && options.registers.empty() &&
        options.what == ExplainOptions::What::Registers) {
      reject("explain: expected a register and its value, descriptor, walk or trace");
    }
  });
}

}  // namespace axvm::tool
