#include <fmt/format.h>

#include <atomic>
#include <cerrno>
#include <hal-sim/trace/json_sink.hpp>
#include <memory>
#include <string_view>
#include <system_error>
#include <tools/axvm/exit_status.hpp>
#include <tools/axvm/replayed_trace.hpp>
#include <utility>

namespace axvm::tool {

namespace {

using hal_sim::Host;
using hal_sim::Stamp;

// How far the run and the trace have come together.
struct Replay {
  std::ifstream trace;
  std::uint64_t line = 0;    // of the trace: read last
  std::uint64_t target = 0;  // the event's
  bool differs = false;
  bool reached = false;
  std::atomic<bool> stop = false;

  [[nodiscard]] bool is_under_way() const { return !differs && !reached; }

  // Whether the trace has this as its next line.
  bool follow(std::string_view said) {
    std::string text;
    ++line;
    differs = !std::getline(trace, text) || text != said;
    stop = differs;
    return !differs;
  }
};

class Follower final : public hal_sim::TraceSink {
 public:
  Follower(Host& host, Replay& replay, const AtEvent& then)
      : host_(host), replay_(replay), then_(then) {}

  void event(const Stamp& stamp, const Event& event) override {
    if (!replay_.is_under_way() || !replay_.follow(to_json(stamp, event))) return;
    if (replay_.line != replay_.target) return;
    replay_.reached = replay_.stop = true;
    then_(host_, stamp);
  }
  void unmaintained_code(const sim::UnmaintainedCode& event) override {
    if (replay_.is_under_way()) static_cast<void>(replay_.follow(hal_sim::to_json(event)));
  }

 private:
  Host& host_;
  Replay& replay_;
  const AtEvent& then_;
};

}  // namespace

std::expected<std::ifstream, std::string> open_trace(const std::string& file) {
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  // A folder can be opened, but has no first byte.
  if (!stream.is_open() || (stream.peek(), stream.bad())) {
    return std::unexpected(
        fmt::format("{}: cannot be read: {}", file, std::generic_category().message(errno)));
  }
  stream.clear();
  return stream;
}

std::expected<TracedEvent, std::string> find_event(const std::string& file, std::uint64_t number) {
  auto stream = open_trace(file);
  if (!stream) return std::unexpected(stream.error());
  hal_sim::TraceReader reader(file, *stream);
  TracedEvent traced;
  for (std::uint64_t n = 1;; ++n) {
    auto event = reader.next();
    if (!event) return std::unexpected(event.error());
    if (!*event) {
      return std::unexpected(fmt::format("--event: is {}, {} has {} events", number, file, n - 1));
    }
    traced.shows_tables |= (*event)->kind == "TablesChanged";
    if (n != number) continue;
    traced.isa = reader.isa();
    traced.event = std::move(**event);
    return traced;
  }
}

std::expected<void, int> replay_to(const TracedEvent& traced, const std::string& file,
                                   const ConfigurationOptions& options, const AtEvent& then) {
  const auto config = read_configuration(options, true);
  if (!config) return std::unexpected(kBadUsage);
  auto stream = open_trace(file);
  if (!stream) {
    complain(stream.error());
    return std::unexpected(kBadUsage);
  }
  Replay replay;
  replay.trace = std::move(*stream);
  replay.target = traced.event.line;
  const std::string heading = hal_sim::trace_heading(config->sim.isa);
  static_cast<void>(replay.follow(std::string_view(heading).substr(0, heading.size() - 1)));
  hal_sim::HostOptions host_options;
  host_options.prepare = [&](Host& machine) {
    if (traced.shows_tables) machine.trace().show_tables();
    machine.trace().add(std::make_unique<Follower>(machine, replay, then));
  };
  const auto host = make_host(*config, options, std::move(host_options));
  if (!host) return std::unexpected(kBadUsage);
  hal_sim::StopCondition until;
  until.interrupt = &replay.stop;
  const std::string ended = replay.is_under_way() ? host->run(until).text : std::string();
  if (replay.reached) return {};
  complain(
      replay.differs
          ? fmt::format("{}:{}: is not what this machine does then, expected a trace of the same "
                        "run (--trace FILE:jsonl)",
                        file, replay.line)
          : fmt::format("{}:{}: this machine ends before ({}), expected a trace of the same run "
                        "(--trace FILE:jsonl)",
                        file, replay.target, ended));
  return std::unexpected(kBadUsage);
}

}  // namespace axvm::tool
