#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <hal-sim/arch/aarch64/platform.hpp>
#include <hal-sim/arch/riscv64/platform.hpp>
#include <hal-sim/trace/chrome_sink.hpp>
#include <hal-sim/trace/hash_sink.hpp>
#include <hal-sim/trace/json_sink.hpp>
#include <hal-sim/trace/text_sink.hpp>
#include <sim/arch/aarch64/mmu.hpp>
#include <string_view>
#include <tools/axvm/riscv64_walk.hpp>
#include <tools/axvm/trace_option.hpp>
#include <tools/axvm/traced_access.hpp>

namespace axvm::tool {

namespace {

// Letters and digits: what looks like the name of a format rather than a part of a file's name.
bool is_word(std::string_view text) {
  if (text.empty() || std::isalpha(static_cast<unsigned char>(text[0])) == 0) return text.empty();
  return std::ranges::all_of(
      text, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; });
}

class StepNames {
 public:
  void step(const sim::aarch64::WalkStep& step) {
    names_.push_back(fmt::format("stage {} level {}", step.stage, step.level));
  }
  void step(const sim::riscv64::WalkStep& step) {
    const bool of_vs_stage = step.stage == sim::riscv64::WalkStep::Stage::Vs;
    names_.push_back(fmt::format("{}-stage level {}", of_vs_stage ? "VS" : "G", step.level));
  }
  std::vector<std::string> take() { return std::move(names_); }

 private:
  std::vector<std::string> names_;
};

// Where the walk leads is the exit's business.
std::vector<std::string> walk_names(sim::Machine& machine, std::uint32_t pcpu,
                                    const TracedAccess& access) {
  StepNames names;
  if (const auto* const mmu = hal_sim::aarch64::mmu_of(machine, pcpu)) {
    const std::uint8_t el = access.user ? 0 : 1;
    static_cast<void>(
        mmu->walk(access.gva, {.access = access.access, .el = el, .pan = false}, names)
            .has_value());
  } else if (auto* const hart = hal_sim::riscv64::hart_of(machine, pcpu)) {
    const auto question =
        question_of(*hart, access.gva, access.user, riscv64_access(access.access));
    static_cast<void>(hart->mmu().walk(access.gva, question.context, names).has_value());
  }
  return names.take();
}

hal_sim::ChromeSources sources_of(hal_sim::Host& host) {
  return {.walk =
              [&host](std::uint32_t pcpu, const TrapTaken& fault) {
                const auto access = traced_access(host.isa(), fault);
                return access ? walk_names(host.machine(), pcpu, *access)
                              : std::vector<std::string>{};
              },
          .counters =
              [&host](std::uint32_t pcpu) {
                std::vector<std::pair<std::string_view, std::uint64_t>> counters;
                if (const auto c = host.machine().pcpu(pcpu).timing_counters()) {
                  counters = {{"L1 TLB refills", c->l1_tlb_refills},
                              {"L2 TLB refills", c->l2_tlb_refills},
                              {"walks", c->walks},
                              {"descriptors read", c->references()}};
                }
                return counters;
              }};
}

}  // namespace

std::expected<TraceOption, std::string> parse_trace_option(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return TraceOption{text, TraceFormat::Text};
  const std::string file = text.substr(0, colon);
  const std::string format = text.substr(colon + 1);
  if (format == "text") return TraceOption{file, TraceFormat::Text};
  if (format == "jsonl") return TraceOption{file, TraceFormat::JsonLines};
  if (format == "hash") return TraceOption{file, TraceFormat::Hash};
  if (format == "chrome") return TraceOption{file, TraceFormat::Chrome};
  if (file != "-" && !is_word(format)) return TraceOption{text, TraceFormat::Text};
  return std::unexpected(
      fmt::format("unknown trace format '{}', expected text, jsonl, hash or chrome", format));
}

void add_trace(hal_sim::Host& host, TraceFormat format, Output& output,
               const sim::timing::ExitCosts& costs) {
  const hal_sim::TextOutput write = [&output](std::string_view text) { output.write(text); };
  const hal_sim::Isa isa = host.isa();
  switch (format) {
    case TraceFormat::Text:
      host.trace().add(std::make_unique<hal_sim::TextSink>(
          isa, write,
          [&host](std::uint32_t pcpu, std::uint64_t va) { return host.instruction_at(pcpu, va); }));
      break;
    case TraceFormat::JsonLines:
      write(hal_sim::trace_heading(isa));
      host.trace().add(std::make_unique<hal_sim::JsonSink>(write));
      break;
    case TraceFormat::Chrome:
      host.trace().add(std::make_unique<hal_sim::ChromeSink>(
          isa, write, hal_sim::ExitPrices(isa, costs), sources_of(host)));
      break;
    case TraceFormat::Hash: host.trace().add(std::make_unique<hal_sim::HashSink>(write)); break;
  }
}

}  // namespace axvm::tool
